"""Several processes and one cache."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.settings import LayerCacheLocation
from tasks.layer_cache.directory import LayerCache
from tasks.layer_cache.streams import FetchedBlob, KeptBlob
from tests.tasks.layer_cache.blobs import blob, kept_at, read

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def start(*arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.tasks.layer_cache.work", *map(str, arguments)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def on_the_books(directory: Path, processes: list[subprocess.Popen[str]]) -> tuple[int, int]:
    """The books, and the bytes that are really on the disk: files with and without a name. The directory is locked meanwhile."""
    with (directory / ".lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sizes = {}
        for path in directory.rglob("*"):
            if path.is_file() and path.name != ".lock":
                found = path.stat()
                sizes[found.st_ino] = found.st_size
        for process in processes:
            for link in Path(f"/proc/{process.pid}/fd").glob("*"):
                with contextlib.suppress(OSError):
                    if str(link.readlink()).startswith(f"{directory}/") and link.stat().st_size > 32:
                        sizes[link.stat().st_ino] = link.stat().st_size
        return int(lock.read(32)), sum(sizes.values())


def test_the_cap_holds_at_every_moment_while_several_processes_read(tmp_path: Path) -> None:
    cap = 40_000
    location = LayerCacheLocation(str(tmp_path / "cache"), cap)
    read(location, blob(0, 1_000))
    processes = [start("random", location.directory, cap, seed) for seed in range(4)]
    looks = []
    with contextlib.ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
        while any(process.poll() is None for process in processes):
            looks.append(on_the_books(Path(location.directory), processes))
            time.sleep(0.01)
    assert [process.returncode for process in processes] == [0] * 4
    assert len(looks) > 50
    assert max(real for _, real in looks) > cap // 2, "the cache was never near its cap"
    assert max(real for _, real in looks) <= cap
    assert all(real <= books <= cap for books, real in looks)
    assert list((tmp_path / "cache" / "arriving").iterdir()) == []


def test_two_processes_that_want_the_same_blob_fetch_it_once(tmp_path: Path) -> None:
    location = LayerCacheLocation(str(tmp_path / "cache"), 1 << 20)
    with start("arrive", location.directory, 1, 0.5) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "half\n"
        assert isinstance(read(location, blob(1)), KeptBlob)
    assert other.returncode == 0


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    location = LayerCacheLocation(str(tmp_path / "cache"), 1 << 20)
    with start("arrive", location.directory, 1, 60) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "half\n"
        other.kill()
    assert other.returncode == -signal.SIGKILL
    assert not kept_at(location, blob(1)).exists()
    assert LayerCache(location).usage().bytes == 20_000
    assert isinstance(read(location, blob(1)), FetchedBlob)
    assert isinstance(read(location, blob(1)), KeptBlob)
    assert LayerCache(location).usage().bytes == 20_000
    assert list((tmp_path / "cache" / "arriving").iterdir()) == []


def test_whenever_a_process_dies_the_cache_is_whole_and_its_books_are_right(tmp_path: Path) -> None:
    """work.py kills a reader before and after every single call that it makes, and looks each time."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tasks.layer_cache.work", "die", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kills, kept = map(int, done.stdout.split())
    assert kills > 200
    assert 0 < kept < kills
