from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.errors import StoreDenied, StoreError, StoreFull
from catalog.settings import ArchiveLocation
from catalog.store import LocalStore, open_store

KEY = "v1/entries/retention=warm/month=2026-11/part-1.parquet"


def test_a_store_is_opened_by_directory_or_file_url(tmp_path: Path) -> None:
    open_store(ArchiveLocation(f"file://{tmp_path}/with%20space")).put_if_absent(KEY, b"x")
    assert open_store(ArchiveLocation(f"{tmp_path}/with space")).get(KEY) == b"x"


@pytest.mark.parametrize("url", ["relative/path", "ftp://host/x", "s3://", "file://elsewhere/x", ""])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="neither"):
        open_store(ArchiveLocation(url))


def test_opening_a_store_writes_nothing(tmp_path: Path) -> None:
    LocalStore(tmp_path / "archive")
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_the_object_is_left_behind(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_if_absent(KEY, b"x" * 100_000)
    store.put_if_absent(KEY, b"y")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == [KEY]


def test_a_file_on_the_same_file_system_is_linked_not_copied(tmp_path: Path) -> None:
    file = tmp_path / "facts"
    file.write_bytes(b"x")
    store = LocalStore(tmp_path / "archive")
    store.put_if_absent(KEY, file)
    assert store.local_copy(KEY).stat().st_ino == file.stat().st_ino


def test_a_file_of_another_file_system_is_copied(tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("a second file system is not there: /dev/shm")
    file = other / f"longshore-test-{os.getpid()}"
    try:
        file.write_bytes(b"x" * 2_000_000)
        store = LocalStore(tmp_path / "archive")
        assert store.put_if_absent(KEY, file) is True
        assert store.get(KEY) == b"x" * 2_000_000
    finally:
        file.unlink()


def test_a_process_killed_anywhere_leaves_all_or_nothing(tmp_path: Path) -> None:
    """crash.py kills a writer before and after every single call that it makes, and looks each time."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("crash.py"), tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    kills, absent, whole = map(int, done.stdout.split())
    assert kills > 50
    assert absent > 0
    assert whole > 0


def test_a_full_disk_is_said_and_nothing_is_left(small_disk: Path) -> None:
    store = LocalStore(small_disk / "archive")
    store.put_if_absent("v1/small", b"kept")
    with pytest.raises(StoreFull, match="No space left on device"):
        store.put_if_absent(KEY, os.urandom(1 << 20))
    assert [found.key for found in store.list()] == ["v1/small"]
    assert list(store.scratch.iterdir()) == []
    assert store.put_if_absent(KEY, b"fits") is True


def test_a_file_size_limit_is_said_as_a_full_disk(tmp_path: Path) -> None:
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from catalog.errors import StoreFull\n"
        "from catalog.store.local import LocalStore\n"
        "store = LocalStore(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try:\n"
        "    store.put_if_absent('v1/x', bytes(1 << 20))\n"
        "except StoreFull as error:\n"
        "    print(error, len(list(store.list())), len(list(store.scratch.iterdir())))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert done.stdout.endswith(" 0 0\n")


def test_a_directory_without_rights_is_said(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root may write anywhere but on a file system that is mounted read-only.
        folder = request.getfixturevalue("small_disk")
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    with pytest.raises(StoreDenied):
        LocalStore(folder / "archive").put_if_absent(KEY, b"x")


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"")
    with pytest.raises(StoreError, match="is no directory; name another place"):
        LocalStore(tmp_path / "archive").put_if_absent(KEY, b"x")
