"""The fields of a tar header: ustar and pax (POSIX.1-2001, pax, "ustar Interchange Format"), GNU and old V7.

Where implementations differ we read as Go's archive/tar does, because container engines are built on it.
"""

from __future__ import annotations

import struct

from catalog.errors import MalformedLayer

BLOCK = 512
"""Bytes of a header, and what every member's data is padded to."""

FILE, OLD_FILE, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO, CONTIGUOUS = b"0\x001234567"
"""Type flags of entries."""
(SPARSE,) = b"S"
"""GNU's type flag of a file in the old sparse format."""
PAX, PAX_OLD, PAX_GLOBAL, LONG_NAME, LONG_LINK = b"xXgLK"
"""Type flags of extended headers: their data speaks of the entry that follows, or of all that follow."""

FLAG = 156
"""Where the type flag lies."""

_NAME, _SIZE, _CHECKSUM, _LINK, _MAGIC, _PREFIX = (
    slice(0, 100),
    slice(124, 136),
    slice(148, 156),
    slice(157, 257),
    slice(257, 263),
    slice(345, 500),
)
_REAL_SIZE = slice(483, 495)
_SIGNED_BYTES = struct.Struct("512b")


def number(field: bytes) -> int:
    """Read a numeric field: octal digits between blanks and NULs, or base-256 where the first bit is set (GNU).

    Raises:
        MalformedLayer: neither.
    """
    if field[0] & 0x80:
        # Two's complement in all bits but the first.
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        value -= 1 << (8 * len(field) - 1) if field[0] & 0x40 else 0
        if not -(1 << 63) <= value < 1 << 63:
            raise MalformedLayer("a number in a tar header is out of range")
        return value
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits.strip(b"01234567"):
        raise MalformedLayer("a number in a tar header is neither octal nor base-256")
    return int(digits, 8) if digits else 0


def data_size(header: bytes) -> int:
    """Bytes of the member's data.

    Raises:
        MalformedLayer: no number, or a negative one.
    """
    size = number(header[_SIZE])
    if size < 0:
        raise MalformedLayer("a tar entry of negative size")
    return size


def full_size(header: bytes) -> int:
    """Bytes of a file in GNU's old sparse format once its holes are filled. Raises as `data_size`."""
    return number(header[_REAL_SIZE])


def checksum_holds(header: bytes) -> bool:
    """Whether the header's checksum is right, over unsigned or (as some old programs have it) signed bytes."""
    try:
        claimed = number(header[_CHECKSUM])
    except MalformedLayer:
        return False
    blank = header[:148] + b" " * 8 + header[156:]
    return claimed in (sum(blank), sum(_SIGNED_BYTES.unpack(blank)))


def entry_name(header: bytes) -> bytes:
    """The name, with ustar's prefix where the header is ustar."""
    name = header[_NAME].partition(b"\0")[0]
    if header[345] and header[_MAGIC] == b"ustar\0":
        return header[_PREFIX].partition(b"\0")[0] + b"/" + name
    return name


def link_name(header: bytes) -> bytes:
    """The target of a link."""
    return header[_LINK].partition(b"\0")[0]


def only_path(data: bytes) -> bytes | None:
    """The path, where the extended header's one and only record is one; None where there is more to read."""
    start = b"%d path=" % len(data)
    if data.startswith(start) and data.endswith(b"\n"):
        return data[len(start) : -1] or None
    return None


def pax_records(data: bytes) -> dict[bytes, bytes]:
    r"""Read the records `<length> <key>=<value>\n` of an extended header; the last of a key counts, an empty value unsets.

    Raises:
        MalformedLayer: a record that does not end where it says.
    """
    records: dict[bytes, bytes] = {}
    start = 0
    while start < len(data):
        blank = data.find(b" ", start, start + 20)
        digits = data[start:blank] if blank > 0 else b""
        end = start + int(digits) if digits.isdigit() else 0
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        # A record is longer than its length, so every round gets further.
        if not blank < end <= len(data) or not digits or data[end - 1] != 0x0A or not equals:
            raise MalformedLayer("a pax record that does not end where it says")
        records[key] = value
        start = end
    return records
