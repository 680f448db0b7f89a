"""Which of the formats a database is in: decided by its first bytes, because files get renamed and converted."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.errors import ParseError
from tasks.rpm import ndb, sqlite
from tasks.rpm.berkeley import berkeley_blobs, byte_order
from tasks.rpm.ndb import ndb_blobs
from tasks.rpm.reading import Data, Reading
from tasks.rpm.sqlite import sqlite_blobs


def header_blobs(data: Data, reading: Reading) -> Iterator[bytes]:
    """The header blobs of an rpm database, one at a time; an empty file is an empty database.

    Args:
        data: the database.
        reading: its account, which gets what is broken.

    Raises:
        ParseError: none of the formats, broken where all else hangs on it, or with parts that overlap.
    """
    if not data:
        return iter(())
    if data.startswith(sqlite.MAGIC):
        return sqlite_blobs(data, reading)
    if data.startswith(ndb.MAGIC):
        return ndb_blobs(data, reading)
    if byte_order(data):
        return berkeley_blobs(data, reading)
    raise ParseError("no rpm database in a known format")
