"""The SQLite reader against SQLite itself."""

from __future__ import annotations

import sqlite3
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.rpm.reading import Reading
from tasks.rpm.sqlite import sqlite_blobs

CREATE = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


def database(*statements: str, blobs: list[bytes] | None = None) -> bytes:
    connection = sqlite3.connect(":memory:")
    try:
        for statement in statements:
            connection.execute(statement)
        for blob in blobs or ():
            connection.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


def read(data: bytes) -> list[bytes]:
    reading = Reading(len(data))
    found = list(sqlite_blobs(data, reading))
    assert reading.damage == ""
    return found


@settings(max_examples=50)
@given(
    page_size=st.sampled_from([512, 1024, 4096, 65536]),
    encoding=st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"]),
    vacuum=st.sampled_from(["NONE", "FULL"]),
    sizes=st.lists(st.integers(1, 3000), max_size=40),
    other_tables=st.integers(0, 30),
)
def test_rows_are_those_that_sqlite_wrote(
    page_size: int, encoding: str, vacuum: str, sizes: list[int], other_tables: int
) -> None:
    blobs = [struct.pack(">I", number) + bytes([number % 251]) * size for number, size in enumerate(sizes)]
    others = [f"CREATE TABLE other{number} (a TEXT, b INTEGER)" for number in range(other_tables)]
    pragmas = (f"PRAGMA page_size = {page_size}", f"PRAGMA encoding = '{encoding}'", f"PRAGMA auto_vacuum = {vacuum}")
    assert read(database(*pragmas, *others, CREATE, blobs=blobs)) == blobs


@pytest.mark.parametrize("length", [*range(440, 520), *range(936, 1032)])
def test_a_payload_of_any_length_near_a_pages_end_is_read(length: int) -> None:
    blob = bytes(range(256)) * 5
    assert read(database("PRAGMA page_size = 512", CREATE, blobs=[blob[:length]])) == [blob[:length]]


def test_deleted_rows_are_gone() -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(CREATE)
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(bytes([n]) * 900,) for n in range(200)])
        connection.execute("DELETE FROM Packages WHERE hnum % 3 = 0")
        connection.commit()
        expected = [row[0] for row in connection.execute("SELECT blob FROM Packages ORDER BY hnum")]
        assert read(connection.serialize()) == expected
    finally:
        connection.close()


def test_a_database_of_something_else_is_refused() -> None:
    with pytest.raises(ParseError, match="no table of packages"):
        read(database("CREATE TABLE other (a)"))


def test_a_view_called_packages_is_not_run() -> None:
    endless = (
        "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, x'00' FROM n"
    )
    with pytest.raises(ParseError, match="no table of packages"):
        read(database(endless))


def test_rows_that_share_their_bytes_end_the_reading() -> None:
    data = bytearray(database("PRAGMA page_size = 65536", CREATE, blobs=[b"x" * 60_000]))
    page = 65536 * (data.index(b"x" * 60_000) // 65536)
    cell = data[page + 8 : page + 10]
    data[page + 3 : page + 5] = (1000).to_bytes(2, "big")
    data[page + 8 : page + 2008] = bytes(cell) * 1000
    reading = Reading(len(data))
    found = []
    with pytest.raises(ParseError, match="overlap"):
        for blob in sqlite_blobs(data, reading):
            found.append(blob)
    assert sum(map(len, found)) <= len(data)
