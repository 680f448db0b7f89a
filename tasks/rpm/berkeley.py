"""Header blobs of an rpm database in Berkeley DB's hash format: the file `Packages` of rpm 4.0 to 4.15.

Format: `db_page.h` of Berkeley DB 4 and 5 as its documentation and `file(1)`'s magics describe it: a metadata page, hash pages
with pairs of key and value from their end downwards, and chains of overflow pages for values that fit no page. Numbers are in
the order of the machine that wrote them. A key is a header's number; number 0 is rpm's own counter.

Buckets are not looked up: all hash pages are read in the order of the file, since a page given back is marked as free.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from catalog.errors import ParseError
from tasks.rpm.reading import Data, Reading

_HASH_MAGIC = 0x061561
_TREE_MAGIC = 0x053162
_METADATA_SIZE = 72
_OLDEST_VERSION, _NEWEST_VERSION = 5, 10
_CHECKSUMS = 1
_UNSORTED_HASH, _OVERFLOW, _HASH = 2, 7, 13
_INLINE, _OFF_PAGE = 1, 3
_PAGE_HEADER = 26


def byte_order(data: Data) -> str:
    """`<` or `>` where the bytes are a Berkeley DB database, by its magic; else empty."""
    for order in "<>":
        if len(data) >= _METADATA_SIZE and Struct(f"{order}I").unpack_from(data, 12)[0] in (_HASH_MAGIC, _TREE_MAGIC):
            return order
    return ""


def berkeley_blobs(data: Data, reading: Reading) -> Iterator[bytes]:
    """The header blobs, in the order of the file.

    Args:
        data: the database.
        reading: its account.

    Raises:
        ParseError: it is no Berkeley DB hash, is encrypted, or its parts overlap.
    """
    pages = _Pages(data, reading)
    for number in pages.numbers:
        yield from pages.values(number)


class _Broken(Exception):
    """A page or value that does not fit the format; never leaves this module."""


class _Pages:
    def __init__(self, data: Data, reading: Reading) -> None:
        order = byte_order(data)
        if not order:
            raise ParseError("not a Berkeley DB database")
        magic, version, self._size = Struct(f"{order}III").unpack_from(data, 12)
        if magic != _HASH_MAGIC:
            raise ParseError("a Berkeley DB database that is no hash")
        if not _OLDEST_VERSION <= version <= _NEWEST_VERSION:
            raise ParseError(f"a Berkeley DB hash of the unknown version {version}")
        if data[24] or data[26] & _CHECKSUMS:
            raise ParseError("an encrypted or checksummed Berkeley DB database")
        if not 512 <= self._size <= 65_536 or self._size & (self._size - 1):
            raise ParseError("the Berkeley DB database's header is broken")
        self._data = data
        self._reading = reading
        # end of the log number, page, previous, next, entries, bytes used or free, level, type
        self._header = Struct(f"{order}IIIIHHBB")
        self._long = Struct(f"{order}I")
        self._reference = Struct(f"{order}II")
        self._order = order
        last = self._long.unpack_from(data, 32)[0]
        held = len(data) // self._size
        if last >= held:
            reading.damaged("the end is cut off")
        self.numbers = range(1, min(last + 1, held))
        self._used = bytearray(held)

    def values(self, number: int) -> Iterator[bytes]:
        """The values of one page's pairs; nothing for pages of other kinds."""
        start = number * self._size
        *_, count, _, _, kind = self._header.unpack_from(self._data, start + 4)
        if kind not in (_UNSORTED_HASH, _HASH):
            return
        first = start + _PAGE_HEADER
        if count % 2 or first + 2 * count > start + self._size:
            self._reading.damaged(f"page {number}: its index is broken")
            return
        ends = [self._size, *(offset for (offset,) in self._shorts(first, count))]
        for key in range(0, count, 2):
            try:
                value = self._value(start, ends[key : key + 3])
            except _Broken as error:
                self._reading.damaged(f"page {number}: {error}")
            else:
                if value is not None:
                    yield value

    def _shorts(self, at: int, count: int) -> Iterator[tuple[int]]:
        return Struct(f"{self._order}H").iter_unpack(self._data[at : at + 2 * count])

    def _value(self, start: int, ends: list[int]) -> bytes | None:
        """The value of a pair; None for rpm's counter.

        Args:
            start: of the page.
            ends: where the key ends, where it starts and the value ends, where the value starts.
        """
        key_end, key_start, value_start = ends
        if not _PAGE_HEADER <= value_start < key_start < key_end <= self._size:
            raise _Broken("a pair outside of its page")
        key = bytes(self._data[start + key_start : start + key_end])
        if key[1:] == b"\0\0\0\0":
            return None
        kind = self._data[start + value_start]
        if kind == _OFF_PAGE and key_start - value_start >= 12:
            return self._chained(*self._reference.unpack_from(self._data, start + value_start + 4))
        if kind == _INLINE:
            self._reading.spend(key_start - value_start)
            return bytes(self._data[start + value_start + 1 : start + key_start])
        raise _Broken("a value of an unknown kind")

    def _chained(self, number: int, length: int) -> bytes:
        """A value of so many bytes in the chain of overflow pages that begins with one."""
        parts: list[bytes] = []
        left = length
        while number:
            if number not in self.numbers or self._used[number]:
                raise _Broken("an overflow page beyond the end or used twice")
            self._used[number] = 1
            start = number * self._size
            _, _, _, following, _, size, _, kind = self._header.unpack_from(self._data, start + 4)
            if kind != _OVERFLOW or size > min(left, self._size - _PAGE_HEADER):
                raise _Broken("a value's overflow page is none")
            parts.append(bytes(self._data[start + _PAGE_HEADER : start + _PAGE_HEADER + size]))
            left -= size
            number = following
        if left:
            raise _Broken("a value is cut off")
        self._reading.spend(length)
        return b"".join(parts)
