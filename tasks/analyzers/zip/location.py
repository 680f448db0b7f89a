"""Where a zip archive's central directory lies: found from the end, never by local headers.

Format: PKWARE's APPNOTE.TXT 6.3, sections 4.3.14 to 4.3.16 (zip64 end record and locator, end record) and 4.4.1.4 (values that
stand for "see zip64"). The end record is looked for backwards; it counts only if a directory lies where it says, so that its
signature inside a comment misleads nobody. Offsets are relative to the archive's first byte, which a script may precede.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from catalog.errors import ParseError
from tasks.analyzers.interface import Data

HEADER = b"PK\1\2"
LOCAL = b"PK\3\4"
_END = b"PK\5\6"
_END64 = b"PK\6\6"
_LOCATOR64 = b"PK\6\7"

_end_at = Struct("<4s4H2LH").unpack_from
_end64_at = Struct("<4sQ2H2L4Q").unpack_from
_locator64_at = Struct("<4sLQL").unpack_from
_END_BYTES, _END64_BYTES, _LOCATOR64_BYTES = 22, 56, 20
_LONGEST_COMMENT = 0xFFFF
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Location:
    """A central directory's place.

    Args:
        start: of its first header in the data.
        end: behind its last.
        base: what is added to the offsets that it holds.
    """

    start: int
    end: int
    base: int


def is_archive(data: Data) -> bool:
    """Whether the bytes begin or end as a zip archive does, however broken it is."""
    return bytes(data[:4]) in (LOCAL, _END) or data.rfind(_END, _lowest_end(data)) >= 0


def locate(data: Data) -> Location:
    """Find the central directory.

    Args:
        data: the archive, and whatever lies before it.

    Raises:
        ParseError: there is none.
    """
    lowest = _lowest_end(data)
    at = data.rfind(_END, lowest)
    while at >= 0:
        found = _directory_of(data, at)
        if found is not None:
            return found
        at = data.rfind(_END, lowest, at + len(_END) - 1)
    raise ParseError("a zip archive without a central directory")


def _lowest_end(data: Data) -> int:
    return max(0, len(data) - _END_BYTES - _LONGEST_COMMENT)


def _directory_of(data: Data, at: int) -> Location | None:
    """The directory that the end record at a position speaks of, if one lies there."""
    if at + _END_BYTES > len(data):
        return None
    _, _, _, _, entries, size, offset, comment = _end_at(data, at)
    end = at
    if entries == _FULL_16 or _FULL_32 in (size, offset):
        record = _end64_before(data, at)
        if record is not None:
            end, size, offset = record
    if not size and at + _END_BYTES + comment != len(data):
        return None
    # Directly before the end record, whatever precedes the archive; else where the offset says.
    for start, base in ((end - size, end - size - offset), (offset, 0)):
        if base >= 0 and 0 <= start <= end - size and (not size or data[start : start + 4] == HEADER):
            return Location(start, start + size, base)
    return None


def _end64_before(data: Data, at: int) -> tuple[int, int, int] | None:
    """Position, directory's size and offset of the zip64 end record whose locator precedes an end record."""
    locator = at - _LOCATOR64_BYTES
    if locator < _END64_BYTES or data[locator : locator + 4] != _LOCATOR64:
        return None
    _, _, offset, _ = _locator64_at(data, locator)
    # The offset is wrong by what precedes the archive; then the record lies directly before its locator.
    for record in (offset, locator - _END64_BYTES):
        if record <= locator - _END64_BYTES and data[record : record + 4] == _END64:
            fields = _end64_at(data, record)
            return record, fields[8], fields[9]
    return None
