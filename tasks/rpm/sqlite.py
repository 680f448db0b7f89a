"""Header blobs of an rpm database in SQLite's file format: the rows of the table `Packages`.

Format: "Database File Format" of SQLite's documentation (b-tree pages, cell payload and overflow pages, record format, schema
table), and rpm's SQLite back end for the table: `hnum` (the row's number) and `blob`.

SQLite itself is not asked, although Python has it: a database brings its own schema, so that `Packages` could be a view that
counts for ever, and a page could be one that its C code trusts; that code runs inside the process that analyses a thousand
other layers. Rows of one known table need a hundred lines that cannot do either. A write-ahead log beside the database is
not read, since it is another file; whoever sees one says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from struct import Struct

from catalog.errors import ParseError
from tasks.rpm.reading import Data, Reading

MAGIC = b"SQLite format 3\0"

_HEADER_SIZE = 100
_TABLE_LEAF, _TABLE_INTERIOR = 13, 5
_TEXT_CODECS = {0: "utf-8", 1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
_LONGEST_VARINT = 9
_INTEGER_SIZES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}
_MOST_COLUMNS = 64
_SCHEMA_COLUMNS = 5
_MOST_SCHEMA_ROWS = 10_000
"""Tables and indexes of one database; rpm makes some dozens."""
_NUMBER = Struct(">I")

Value = bytes | str | int | None


def sqlite_blobs(data: Data, reading: Reading) -> Iterator[bytes]:
    """The header blobs, in the order of their numbers.

    Args:
        data: the database.
        reading: its account.

    Raises:
        ParseError: it is no SQLite database, has no table of packages, or its parts overlap.
    """
    pages = _Pages(data, reading)
    root = _root_of_packages(pages)
    for record in pages.table(root):
        blob = next((value for value in record if isinstance(value, bytes)), None)
        if blob is None:
            reading.damaged("a row without a header")
        else:
            yield blob


def _root_of_packages(pages: _Pages) -> int:
    for record in islice(pages.table(1), _MOST_SCHEMA_ROWS):
        if len(record) < _SCHEMA_COLUMNS:
            continue
        kind, name, root = record[0], record[1], record[3]
        if kind == "table" and isinstance(name, str) and name.lower() == "packages" and isinstance(root, int):
            return root
    raise ParseError("the SQLite database has no table of packages")


class _Broken(Exception):
    """A page, cell or record that does not fit the format; never leaves this module."""


class _Pages:
    """A database as numbered pages, each of which is used once."""

    def __init__(self, data: Data, reading: Reading) -> None:
        if len(data) < _HEADER_SIZE or not data.startswith(MAGIC):
            raise ParseError("not an SQLite database")
        size = int.from_bytes(data[16:18], "big")
        self._size = 65_536 if size == 1 else size
        self._usable = self._size - data[20]
        codec = _TEXT_CODECS.get(_NUMBER.unpack_from(data, 56)[0])
        if self._size < 512 or self._size & (self._size - 1) or self._usable < 480 or codec is None:
            raise ParseError("the SQLite database's header is broken")
        self._codec = codec
        self._data = data
        self._reading = reading
        self._count = -(-len(data) // self._size)
        self._used = bytearray(self._count + 1)

    def table(self, root: int) -> Iterator[list[Value]]:
        """The records of a table's b-tree in the order of their keys; broken pages and cells are noted and passed over.

        Raises:
            ParseError: pages have more children than there are pages.
        """
        pending = [root]
        while pending:
            if len(pending) > self._count + 1:
                raise ParseError("parts of the database overlap")
            number = pending.pop()
            try:
                start, kind, cells, right = self._node(number)
            except _Broken as error:
                self._reading.damaged(f"page {number}: {error}")
                continue
            if kind == _TABLE_INTERIOR:
                whole = [start + cell for cell in cells if cell + _NUMBER.size <= self._usable]
                if len(whole) < len(cells):
                    self._reading.damaged(f"page {number}: children beyond its end")
                pending.append(right)
                pending.extend(_NUMBER.unpack_from(self._data, at)[0] for at in reversed(whole))
                continue
            for cell in cells:
                try:
                    record = self._record(self._payload(start, cell))
                except _Broken as error:
                    self._reading.damaged(f"a row of page {number}: {error}")
                else:
                    yield record

    def _node(self, number: int) -> tuple[int, int, list[int], int]:
        """Start of a b-tree page in bytes, its kind, its cells' offsets in it, and its rightmost child (0 for a leaf)."""
        start = self._use(number)
        data = self._data
        at = start + (_HEADER_SIZE if number == 1 else 0)
        end = start + self._size
        if end > len(data):
            raise _Broken("cut off")
        kind = data[at]
        if kind not in (_TABLE_LEAF, _TABLE_INTERIOR):
            raise _Broken("not of a table")
        interior = kind == _TABLE_INTERIOR
        right = _NUMBER.unpack_from(data, at + 8)[0] if interior else 0
        first = at + (12 if interior else 8)
        count = int.from_bytes(data[at + 3 : at + 5], "big")
        if first + 2 * count > end:
            raise _Broken("too many rows")
        cells = [offset for (offset,) in Struct(">H").iter_unpack(data[first : first + 2 * count])]
        return start, kind, cells, right

    def _use(self, number: int) -> int:
        """Where a page starts, once."""
        if not 0 < number <= self._count:
            raise _Broken("beyond the end")
        if self._used[number]:
            raise _Broken("used twice")
        self._used[number] = 1
        return (number - 1) * self._size

    def _payload(self, start: int, cell: int) -> bytes:
        """The whole payload of a leaf's cell, overflow pages included."""
        end = start + self._usable
        length, at = _varint(self._data, start + cell, end)
        _, at = _varint(self._data, at, end)
        if length > len(self._data):
            raise _Broken("longer than the database")
        local = self._local(length)
        if at + local + (4 if local < length else 0) > end:
            raise _Broken("longer than its page")
        self._reading.spend(length)
        parts = [bytes(self._data[at : at + local])]
        left, following = length - local, self._data[at + local : at + local + 4]
        while left:
            page = self._use(int.from_bytes(following, "big"))
            taken = min(left, self._usable - 4)
            part = self._data[page + 4 : page + 4 + taken]
            if len(part) < taken:
                raise _Broken("cut off")
            parts.append(bytes(part))
            left, following = left - taken, self._data[page : page + 4]
        return b"".join(parts)

    def _local(self, length: int) -> int:
        """Bytes of a payload that lie in the cell itself."""
        if length <= self._usable - 35:
            return length
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (self._usable - 4)
        return local if local <= self._usable - 35 else least

    def _record(self, payload: bytes) -> list[Value]:
        size, at = _varint(payload, 0, len(payload))
        if size > len(payload):
            raise _Broken("a record that is all header")
        body = size
        values: list[Value] = []
        while at < size and len(values) < _MOST_COLUMNS:
            kind, at = _varint(payload, at, size)
            length = _INTEGER_SIZES.get(kind, (kind - 12) // 2)
            if length < 0 or body + length > len(payload):
                raise _Broken("a value beyond its record")
            values.append(self._value(kind, payload[body : body + length]))
            body += length
        return values

    def _value(self, kind: int, data: bytes) -> Value:
        if kind >= 12:
            return data.decode(self._codec, "replace") if kind % 2 else data
        if kind in (8, 9):
            return kind - 8
        return int.from_bytes(data, "big", signed=True) if 0 < kind < 7 else None


def _varint(data: Data, at: int, end: int) -> tuple[int, int]:
    """A number of one to nine bytes, seven bits in each but the ninth, and where it ends."""
    value = 0
    for count in range(1, _LONGEST_VARINT + 1):
        if at >= end:
            break
        byte = data[at]
        at += 1
        if count == _LONGEST_VARINT:
            return value << 8 | byte, at
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at
    raise _Broken("a number without an end")
