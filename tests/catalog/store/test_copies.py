from __future__ import annotations

import contextlib
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catalog.errors import StoreUnreachable
from catalog.store.copies import Copies


def used(directory: Path) -> int:
    """Bytes of the files below, each once, though others rename and remove them meanwhile."""
    sizes: dict[int, int] = {}
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            if stat.S_ISREG(found.st_mode):
                sizes[found.st_ino] = found.st_size
    return sum(sizes.values())


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    copies = Copies(tmp_path, cap=300)
    for age, name in enumerate(("a", "b", "c")):
        path = copies.add(name, 100, [b"x" * 100])
        os.utime(path, (1000 + age, 1000 + age))
    assert copies.find("a") is not None
    copies.add("d", 100, [b"x" * 100])
    assert [name for name in "abcd" if copies.find(name)] == ["a", "c", "d"]


def test_the_cap_holds_while_bytes_arrive(tmp_path: Path) -> None:
    copies = Copies(tmp_path, cap=1000)
    seen: list[int] = []

    def arriving() -> object:
        for _ in range(6):
            seen.append(used(tmp_path))
            yield b"x" * 100

    for number in range(5):
        copies.add(str(number), 600, arriving())
    assert max(seen) <= 1000


def test_the_cap_holds_for_several_at_once(tmp_path: Path) -> None:
    copies = Copies(tmp_path, cap=1000)
    seen: list[int] = []

    def arriving() -> object:
        for _ in range(3):
            seen.append(used(tmp_path))
            yield b"x" * 100

    threads = [threading.Thread(target=lambda n=n: copies.add(str(n), 300, arriving())) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    copies.add("last", 300, arriving())
    assert max(seen) <= 1000


def test_room_is_made_while_others_finish_and_drop_theirs(tmp_path: Path) -> None:
    copies = Copies(tmp_path, cap=300)

    def adding_and_dropping(thread: int) -> None:
        for number in range(100):
            copies.add(f"{thread}-{number}", 100, [b"x" * 100])
            copies.drop(f"{thread}-{number - 1}")

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(adding_and_dropping, thread) for thread in range(4)]:
            done.result()
    assert used(tmp_path) <= 300


def test_one_object_above_the_cap_is_held_alone(tmp_path: Path) -> None:
    copies = Copies(tmp_path, cap=100)
    copies.add("small", 50, [b"x" * 50])
    large = copies.add("large", 200, [b"x" * 200])
    assert large.stat().st_size == 200
    assert copies.find("small") is None


@pytest.mark.parametrize("sent", [b"", b"fac", b"facts!"])
def test_a_copy_of_another_size_is_not_kept(tmp_path: Path, sent: bytes) -> None:
    copies = Copies(tmp_path, cap=100)
    with pytest.raises(StoreUnreachable, match="bytes of 5"):
        copies.add("name", 5, [sent])
    assert copies.find("name") is None
    assert used(tmp_path) == 0


def test_two_names_never_share_a_copy(tmp_path: Path) -> None:
    copies = Copies(tmp_path, cap=100)
    copies.add("s3://one/x.parquet", 1, [b"1"])
    copies.add("s3://two/x.parquet", 1, [b"2"])
    found = copies.find("s3://one/x.parquet")
    assert found is not None
    assert found.read_bytes() == b"1"
