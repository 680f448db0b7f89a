"""rpm's databases under attack: SQLite, Berkeley DB and NDB by their magics, a bare header otherwise."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from catalog.errors import ParseError
from tasks.analyzers.rpm import Rpm
from tasks.rpm.databases import header_blobs
from tasks.rpm.header import Tag, owned_paths, parse_header
from tasks.rpm.reading import Reading
from tests.fuzz.target import Target
from tests.tasks.analyzers.hostile import survive
from tests.tasks.rpm.made import berkeley, header, ndb, package

_MAGICS = (b"SQLite format 3\0", b"RpmP")
_ANALYSER = Rpm()
_LARGE = 1 << 16


def read_database(data: bytes) -> None:
    """Read the database as its analyser does, and all paths that its packages own."""
    is_database = data.startswith(_MAGICS) or data[12:16] in (b"\x61\x15\x06\0", b"\0\x06\x15\x61")
    survive(_ANALYSER, "var/lib/rpm/Packages", data)
    try:
        for blob in header_blobs(data, Reading(len(data))) if is_database else (data,):
            _read_header(blob)
    except ParseError:
        pass


def _read_header(blob: bytes) -> None:
    try:
        found = parse_header(blob)
    except ParseError:
        return
    for tag in Tag:
        found.string(tag)
        found.binary(tag)
        assert sum(1 for _ in found.numbers(tag)) <= len(blob)
        assert sum(1 for _ in found.strings(tag)) <= len(blob)
    assert sum(1 for _ in owned_paths(found)) <= len(blob)


def rpm_seeds() -> Iterator[bytes]:
    """Databases of a few packages in each format, and headers."""
    whole = package(
        "bash", "5.1", "2.el9", EPOCH=1, LICENSE="GPL", SOURCE_RPM="bash-5.1-2.el9.src.rpm", VENDOR="v",
        MODULARITY_LABEL="m:1:2:3", DIRECTORY_NAMES=["/usr/", "/etc/"], BASE_NAMES=["a", "b"], DIRECTORY_INDEXES=[0, 1],
    )  # fmt: skip
    old = package("old", OLD_FILE_NAMES=["/a", "/b"], SIGNATURE_MD5=b"0123456789abcdef")
    yield ndb([whole, old])
    yield from (berkeley([whole, old, package("long" * 99)], order=order) for order in "<>")
    yield _sqlite([whole, old, package("long" * 300, LICENSE="x" * 900)])
    yield from (whole, old, header({}), header({Tag.NAME: "a"}))


def _sqlite(blobs: list[bytes]) -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("PRAGMA page_size=512")
        database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        database.executemany("INSERT INTO 'Packages' (blob) VALUES (?)", [(blob,) for blob in blobs])
        database.execute("CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
    data = database.serialize()
    database.close()
    return data


_WORDS = (*_MAGICS, b"Slot", b"BlbS", b"BlbE", b"\x61\x15\x06\0", b"\0\x06\x15\x61", b"Packages", b"CREATE TABLE", b"tablePackages",
          b"\0\0\x03\xe8", b"\0\0\x04\x5c", b"\0\0\x04\x5d", b"\0\0\x04\x5e", b"\0\0\0\6", b"\0\0\0\4", b"\x80\x80\x80\x80",
          b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\5", b"\x0d")  # fmt: skip

RPM = Target("rpm", read_database, rpm_seeds, _WORDS)
