"""What holds for every format: the blobs that were written, no more, whatever the bytes."""

from __future__ import annotations

import random
import sqlite3
import struct
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.rpm.databases import header_blobs
from tasks.rpm.reading import Reading
from tests.tasks.rpm.made import berkeley, ndb


def sqlite(blobs: list[bytes]) -> bytes:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        connection.execute("CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


WRITERS: dict[str, Callable[[list[bytes]], bytes]] = {
    "sqlite": sqlite,
    "ndb": ndb,
    "berkeley": berkeley,
    "berkeley, big-endian": lambda blobs: berkeley(blobs, order=">"),
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Callable[[list[bytes]], bytes]:
    return WRITERS[request.param]


def read(data: bytes | bytearray) -> tuple[list[bytes], str]:
    reading = Reading(len(data))
    found = []
    try:
        for blob in header_blobs(data, reading):
            found.append(blob)
    except ParseError as error:
        return found, error.what
    return found, reading.damage


BLOBS = [b"a" * 3, b"b" * 700, b"c" * 5000, b"d" * 100]


def test_blobs_of_all_sizes_are_read_without_a_complaint(write: Callable[[list[bytes]], bytes]) -> None:
    found, damage = read(bytearray(write(BLOBS)))
    assert (sorted(found), damage) == (BLOBS, "")


def test_a_database_without_packages_has_none(write: Callable[[list[bytes]], bytes]) -> None:
    assert read(write([])) == ([], "")


def test_an_empty_file_is_an_empty_database() -> None:
    assert read(b"") == ([], "")


@pytest.mark.parametrize("data", [b"x", b"SQLite format 3\0", b"RpmP", b"\0" * 200, b"RpmP\1\0\0\0" + bytes(32)])
def test_other_bytes_are_refused(data: bytes) -> None:
    found, damage = read(data)
    assert not found
    assert damage


def test_a_database_cut_off_anywhere_gives_whole_blobs_and_says_what_is_missing(
    write: Callable[[list[bytes]], bytes],
) -> None:
    data = write(BLOBS)
    for length in range(1, len(data)):
        found, damage = read(data[:length])
        assert set(found) <= set(BLOBS)
        assert damage or len(found) == len(BLOBS)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), share=st.sampled_from([0.0005, 0.01, 0.3]))
def test_damaged_bytes_give_parse_errors_and_nothing_else(
    write: Callable[[list[bytes]], bytes], seed: int, share: float
) -> None:
    chance = random.Random(seed)
    data = bytearray(write(BLOBS))
    for _ in range(max(1, int(len(data) * share))):
        data[chance.randrange(len(data))] = chance.choice((0, 1, 2, 13, 127, 255, chance.randrange(256)))
    found, _ = read(data)
    # Whatever was pointed at, no byte was given out twice.
    assert sum(map(len, found)) <= len(data)


@settings(max_examples=100)
@given(st.sampled_from([b"SQLite format 3\0", b"RpmP\0\0\0\0", bytes(12) + b"\x61\x15\x06\0"]), st.binary(max_size=400))
def test_any_bytes_after_a_magic_give_parse_errors_and_nothing_else(magic: bytes, rest: bytes) -> None:
    read(magic + rest)


def test_a_broken_blob_costs_its_neighbours_nothing(write: Callable[[list[bytes]], bytes]) -> None:
    data = bytearray(write(BLOBS))
    # The page (or the head) that holds the long one's beginning or middle becomes something else.
    at = data.index(b"c" * 100)
    start = at - 16 if data.startswith(b"RpmP") else at // 512 * 512
    data[start : start + 26] = b"\xff" * 26
    found, damage = read(data)
    assert {b"a" * 3, b"b" * 700, b"d" * 100} <= set(found)
    if b"c" * 5000 not in found:
        assert damage


def test_a_long_list_of_damage_is_told_in_few_words() -> None:
    reading = Reading(10)
    for number in range(100):
        reading.damaged(f"page {number}")
    assert reading.damage == "page 0; page 1; page 2 and 97 more"


def test_a_database_that_is_nothing_but_damage_ends_the_reading() -> None:
    found, damage = read(struct.pack("<4s7I", b"RpmP", 0, 1, 1024, 9, 0, 0, 0) + b"\xff" * (4 << 20))
    assert (found, damage) == ([], "too much of the database is broken")
