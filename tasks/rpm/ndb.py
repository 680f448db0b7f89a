"""Header blobs of an rpm database in rpm's own NDB format: the file `Packages.db` of SUSE's distributions.

Format: rpm's `lib/backend/ndb/rpmpkg.c`, little-endian. Slots of 16 bytes (magic, package number, first block, blocks) fill the
first pages, two slots' room being the header; a blob lies in blocks of 16 bytes between a head (magic, package number,
generation, length) and a tail (Adler-32, length, magic).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from catalog.errors import ParseError
from tasks.rpm.reading import Data, Reading

MAGIC = b"RpmP"

_SLOT = Struct("<4sIII")
_HEADER_SIZE = 32
_PAGE_SIZE = 4_096
_BLOCK_SIZE = 16
_TAIL_SIZE = 12


def ndb_blobs(data: Data, reading: Reading) -> Iterator[bytes]:
    """The header blobs, in the order of their slots.

    Args:
        data: the database.
        reading: its account.

    Raises:
        ParseError: it is no NDB database, or its parts overlap.
    """
    if len(data) < _HEADER_SIZE or not data.startswith(MAGIC):
        raise ParseError("not an NDB database")
    _, version, _, slot_pages = _SLOT.unpack_from(data)
    if version:
        raise ParseError(f"an NDB database of the unknown version {version}")
    slots_end = slot_pages * _PAGE_SIZE
    if slots_end > len(data):
        reading.damaged("the slots are cut off")
    for at in range(_HEADER_SIZE, min(slots_end, len(data) - _SLOT.size + 1), _SLOT.size):
        magic, package, block, blocks = _SLOT.unpack_from(data, at)
        if magic != b"Slot":
            reading.damaged(f"slot at {at} is none")
        elif block:
            blob = _blob(data, reading, package, block * _BLOCK_SIZE, blocks * _BLOCK_SIZE)
            if blob is None:
                reading.damaged(f"the blob of package {package}")
            else:
                yield blob


def _blob(data: Data, reading: Reading, package: int, start: int, size: int) -> bytes | None:
    if start + _SLOT.size > len(data):
        return None
    magic, number, _, length = _SLOT.unpack_from(data, start)
    body = start + _SLOT.size
    if magic != b"BlbS" or number != package or _SLOT.size + length + _TAIL_SIZE > size or body + length > len(data):
        return None
    reading.spend(length)
    return bytes(data[body : body + length])
