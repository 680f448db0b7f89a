"""Writes zip archives as tests want them, honest or lying in any field."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from struct import pack

STORED, DEFLATED = 0, 8


@dataclass
class Member:
    """A member; what is None is told as it is."""

    name: bytes
    content: bytes = b""
    method: int = DEFLATED
    flags: int = 0
    size: int | None = None
    compressed: int | None = None
    checksum: int | None = None
    offset: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    descriptor: bool = False
    zip64: bool = False
    raw: bytes | None = None


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def write_zip(
    members: Iterable[Member],
    *,
    prefix: bytes = b"",
    comment: bytes = b"",
    zip64: bool = False,
    entries: int | None = None,
    directory_size: int | None = None,
    directory_offset: int | None = None,
    before_end: bytes = b"",
    shift_offsets: bool = False,
) -> bytes:
    """An archive; with `shift_offsets`, offsets count what precedes the archive (as Spring Boot's scripts have it)."""
    shift = len(prefix) if shift_offsets else 0
    local, directory = bytearray(), bytearray()
    count = 0
    for member in members:
        packed = member.raw
        if packed is None:
            packed = deflate(member.content) if member.method == DEFLATED else member.content
        offset = len(local) + shift if member.offset is None else member.offset
        crc = zlib.crc32(member.content) if member.checksum is None else member.checksum
        size = len(member.content) if member.size is None else member.size
        compressed = len(packed) if member.compressed is None else member.compressed
        flags = member.flags | (8 if member.descriptor else 0)
        told = (0, 0, 0) if member.descriptor else (crc, compressed & 0xFFFFFFFF, size & 0xFFFFFFFF)
        local += pack("<4s5H3L2H", b"PK\3\4", 20, flags, member.method, 0, 0, *told, len(member.name), 0)
        local += member.name + packed
        if member.descriptor:
            local += pack("<4s3L", b"PK\7\x08", crc, len(packed), len(member.content))
        extra = member.extra
        if member.zip64:
            extra += pack("<2H3Q", 1, 24, size, compressed, offset)
            size = compressed = offset = 0xFFFFFFFF
        directory += pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 20, 20, flags, member.method, 0, 0, crc, compressed, size),
            *(len(member.name), len(extra), len(member.comment), 0, 0, 0, offset),
        )
        directory += member.name + extra + member.comment
        count += 1
    count = count if entries is None else entries
    told_size = len(directory) if directory_size is None else directory_size
    told_offset = len(local) + shift if directory_offset is None else directory_offset
    end = b""
    if zip64:
        at = len(local) + shift + len(directory)
        end += pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, told_size, told_offset)
        end += pack("<4sLQL", b"PK\6\7", 0, at, 1)
        count, told_size, told_offset = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    end += pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, told_size, told_offset, len(comment)) + comment
    return prefix + bytes(local) + bytes(directory) + before_end + end
