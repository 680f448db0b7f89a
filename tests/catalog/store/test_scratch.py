from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from catalog.store.scratch import ScratchFile, sweep


def test_a_closed_file_is_gone(tmp_path: Path) -> None:
    with ScratchFile(tmp_path / "scratch", ".parquet") as file:
        file.write(b"x")
        assert file.path.read_bytes() == b"x"
        assert file.path.suffix == ".parquet"
    assert list((tmp_path / "scratch").iterdir()) == []
    file.close()


def test_a_file_that_is_being_written_is_not_swept(tmp_path: Path) -> None:
    with ScratchFile(tmp_path) as file:
        assert sweep(tmp_path) == 0
        assert file.path.exists()


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from catalog.store.scratch import ScratchFile\n"
        "ScratchFile(Path(sys.argv[1])).write(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_sweeping_a_directory_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none") == 0


def test_sweeps_and_writers_at_once_lose_no_file(tmp_path: Path) -> None:
    stop = threading.Event()

    def sweeping() -> None:
        while not stop.is_set():
            sweep(tmp_path)

    sweepers = [threading.Thread(target=sweeping) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for _ in range(300):
            with ScratchFile(tmp_path) as file:
                assert os.fstat(file.descriptor).st_nlink == 1
                assert file.path.exists()
    finally:
        stop.set()
        for sweeper in sweepers:
            sweeper.join()
