"""A zip archive's members by its central directory.

What the directory says counts, as it does for Java and Python; of a local header only its length is used, to find the data
behind it. Sizes are believed only as upper bounds: decompression stops one byte behind what was promised.
Format: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 and 4.3.12, 4.4.4 and 4.4.5, 4.5.3 (zip64 extra field).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import cast

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from catalog.errors import ParseError
from catalog.limits import Limits
from tasks.analyzers.interface import Data
from tasks.analyzers.zip.headers import HEADER_BYTES, Positions, header_positions, name_lengths
from tasks.analyzers.zip.location import LOCAL, locate

STORED, DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
"""General purpose bits 0, 6 and 13: encrypted, strongly encrypted, directory masked."""
_SIGNATURE_RECORD = b"PK\5\5"
_TAIL = 4
"""Bytes at a name's end by which names are looked up in bulk."""
_LOWER = 0x20202020
_DEFLATE_RATIO = 1_032
"""The most bytes that one byte of deflate can stand for."""
_ZIP64_EXTRA = 1
_FULL_32 = 0xFFFFFFFF
_LOCAL_BYTES = 30
_DIRECTORY_BYTES = Limits().archive_directory_bytes

# isal's type stubs declare its exception as an instance.
_ISAL_ERROR = cast("type[Exception]", isal_zlib.error)

_header_at = Struct("<4s6H3L5H2L").unpack_from
_local_lengths_at = Struct("<4s22x2H").unpack_from
_extra_at = Struct("<2H").unpack_from
_long_at = Struct("<Q").unpack_from


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A member as the central directory has it.

    Args:
        name: raw bytes of its path.
        method: of compression.
        flags: general purpose bits.
        checksum: CRC-32 of its content.
        compressed: bytes in the archive.
        size: bytes of its content.
        offset: of its local header in the data.
    """

    name: bytes
    method: int
    flags: int
    checksum: int
    compressed: int
    size: int
    offset: int

    @property
    def encrypted(self) -> bool:
        """Whether its content cannot be read without a key."""
        return bool(self.flags & _ENCRYPTED)


class ZipDirectory:
    """An archive's members.

    Args:
        data: the archive, and whatever precedes it; must not change while this lives.
        directory_bytes: of the central directory that are read.

    Raises:
        ParseError: no central directory.
    """

    def __init__(self, data: Data, directory_bytes: int = _DIRECTORY_BYTES) -> None:
        place = locate(data)
        end = min(place.end, place.start + directory_bytes)
        self._data = data
        self._base = place.base
        self._positions, behind = header_positions(data, place.start, end)
        self._lengths = name_lengths(data, self._positions)
        self._tails: npt.NDArray[np.uint32] | None = None
        self.cut = end < place.end
        """The directory is longer than what was read of it."""
        self.broken = not self.cut and behind < end and data[behind : behind + 4] != _SIGNATURE_RECORD
        """Not all of the directory are headers; those before the broken one are there."""

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[ZipEntry]:
        for position in self._positions:
            yield self._entry(int(position))

    def ending(self, *endings: bytes) -> Iterator[ZipEntry]:
        """The members whose name has one of these endings, whatever the case of ASCII letters, in the directory's order.

        Args:
            endings: lower case, four bytes or more each.
        """
        codes, whole = _looked_up_by(endings)
        longest = max(map(len, endings))
        chosen = np.flatnonzero(np.isin(self._name_tails(), codes))
        for position, length in zip(self._positions[chosen].tolist(), self._lengths[chosen].tolist(), strict=True):
            end = position + HEADER_BYTES + length
            if whole.search(self._data, max(end - longest, end - length), end):
                yield self._entry(position)

    def read(self, entry: ZipEntry, cap: int) -> bytes:
        """A member's whole content.

        Args:
            entry: of this archive.
            cap: bytes that it may have.

        Raises:
            ParseError: it is larger, encrypted, compressed in an unknown way, or not what the directory promises.
        """
        if entry.size > cap:
            raise ParseError(f"a member of {entry.size} bytes, at most {cap} are read")
        content = self._content(entry, entry.size + 1)
        if len(content) != entry.size:
            raise ParseError("a member's size is not what the directory says")
        if isal_zlib.crc32(content) != entry.checksum:
            raise ParseError("a member's checksum is wrong")
        return content

    def head(self, entry: ZipEntry, count: int) -> bytes:
        """A member's first bytes, all of them where it has no more; its size and checksum are not looked at.

        Args:
            entry: of this archive.
            count: bytes wanted at most.

        Raises:
            ParseError: it is encrypted, compressed in an unknown way, or broken.
        """
        return self._content(entry, count)

    def _content(self, entry: ZipEntry, most: int) -> bytes:
        if entry.encrypted:
            raise ParseError("an encrypted member")
        start = self._content_start(entry)
        if entry.method == STORED:
            return bytes(self._data[start : start + min(entry.compressed, most)])
        if entry.method != DEFLATED:
            raise ParseError(f"a member of compression method {entry.method}")
        if entry.size > entry.compressed * _DEFLATE_RATIO:
            raise ParseError("a member's size is more than its bytes can hold")
        inflater = isal_zlib.decompressobj(-15)
        with memoryview(self._data) as view:
            try:
                content: bytes = inflater.decompress(view[start : start + entry.compressed], most)
            except _ISAL_ERROR as error:
                raise ParseError("a member's compression is broken") from error
        if len(content) < most and not inflater.eof:
            raise ParseError("a member's compression ends too early")
        return content

    def _content_start(self, entry: ZipEntry) -> int:
        if entry.offset + _LOCAL_BYTES > len(self._data):
            raise ParseError("a member lies behind the archive's end")
        signature, name, extra = _local_lengths_at(self._data, entry.offset)
        start = entry.offset + _LOCAL_BYTES + name + extra
        if signature != LOCAL:
            raise ParseError("no member lies where the directory says")
        if start + entry.compressed > len(self._data):
            raise ParseError("a member is longer than the archive")
        return int(start)

    def _name_tails(self) -> npt.NDArray[np.uint32]:
        if self._tails is None:
            view = np.frombuffer(self._data, np.uint8)
            ends: Positions = self._positions + HEADER_BYTES + self._lengths
            tails = np.zeros(len(ends), np.uint32)
            # The four bytes before a name's end are always there: a header precedes the name.
            for number in range(_TAIL):
                tails |= view[ends - _TAIL + number].astype(np.uint32) << np.uint32(8 * number)
            self._tails = tails | np.uint32(_LOWER)
        return self._tails

    def _entry(self, position: int) -> ZipEntry:
        fields = _header_at(self._data, position)
        _, _, _, flags, method, _, _, checksum, compressed, size, name_length, extra_length = fields[:12]
        offset = fields[16]
        start = position + HEADER_BYTES
        name = bytes(self._data[start : start + name_length])
        if _FULL_32 in (size, compressed, offset):
            extra = bytes(self._data[start + name_length : start + name_length + extra_length])
            size, compressed, offset = _zip64_values(extra, (size, compressed, offset))
        return ZipEntry(name, method, flags, checksum, compressed, size, offset + self._base)


@lru_cache(maxsize=64)
def _looked_up_by(endings: tuple[bytes, ...]) -> tuple[npt.NDArray[np.uint32], re.Pattern[bytes]]:
    codes = {int.from_bytes(ending[-_TAIL:], "little") | _LOWER for ending in endings}
    whole = re.compile(rb"(?:%s)\Z" % b"|".join(map(re.escape, endings)), re.IGNORECASE)
    return np.array(sorted(codes), np.uint32), whole


def _zip64_values(extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Size, compressed size and offset, where they are full taken from the zip64 extra field, which has only those."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = _extra_at(extra, at)
        if kind == _ZIP64_EXTRA:
            field = extra[at + 4 : at + 4 + length]
            longs = [_long_at(field, place)[0] for place in range(0, len(field) - 7, 8)]
            rest = iter(longs)
            size, compressed, offset = (next(rest, value) if value == _FULL_32 else value for value in values)
            return size, compressed, offset
        at += 4 + length
    return values
