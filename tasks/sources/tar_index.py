"""Where the members of a tar archive lie, without reading what is in them: the outside of a `docker save`.

Made for archives that somebody else wrote: pax and GNU long names, base-256 sizes and hard links are understood, everything is
bounded, and whatever is wrong is a MalformedManifest. Formats: POSIX.1-2001 pax, GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from catalog.errors import MalformedManifest
from tasks.layers.paths import normalised

_BLOCK = 512
_PIECE = 1 << 20
_MOST_MEMBERS = 200_000
_LARGEST_EXTENSION = 1 << 20
_LARGEST_ARCHIVE = 1 << 42
_START = 6


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A member that matters.

    Args:
        path: normalised.
        offset: of its data.
        size: of its data, 0 for a link.
        target: normalised path of a link's target; None for a file.
        start: the first bytes of its data, enough to know a compression by.
    """

    path: str
    offset: int
    size: int
    target: str | None
    start: bytes


def index_archive(stream: BinaryIO, where: str, *, seekable: bool) -> dict[str, ArchiveMember]:
    """The regular files and links of an archive by path; of two with one path the last.

    Args:
        stream: the archive, uncompressed.
        where: what errors name.
        seekable: data may be jumped over instead of being read.

    Raises:
        MalformedManifest: it is no tar archive, ends early, or is larger than any image.
        OSError and others of local_files.DECOMPRESSION_ERRORS: what reading the stream raises.
    """
    members: dict[str, ArchiveMember] = {}
    for member in _Reader(stream, where, seekable=seekable).members():
        members[member.path] = member
        if len(members) > _MOST_MEMBERS:
            raise MalformedManifest(f"has more than {_MOST_MEMBERS:,} members", where=where)
    return members


class _Reader:
    def __init__(self, stream: BinaryIO, where: str, *, seekable: bool) -> None:
        self._stream = stream
        self._where = where
        self._seekable = seekable
        self._offset = 0

    def members(self) -> Iterator[ArchiveMember]:
        name = link = b""
        pax: dict[bytes, bytes] = {}
        while (header := self._exactly(_BLOCK, may_end=True)) and header.strip(b"\0"):
            self._check(header)
            size, kind = self._number(header[124:136]), header[156:157]
            if kind in b"xgLK":
                data = self._extension(size)
                if kind == b"x":
                    pax = dict(_pax_records(data))
                elif kind == b"L":
                    name = data.rstrip(b"\0")
                elif kind == b"K":
                    link = data.rstrip(b"\0")
                continue
            size = self._pax_size(pax, size)
            path = pax.get(b"path") or name or _ustar_name(header)
            target = pax.get(b"linkpath") or link or header[157:257].partition(b"\0")[0]
            name, link, pax = b"", b"", {}
            yield from self._member(kind, path, target, size)

    def _member(self, kind: bytes, path: bytes, target: bytes, size: int) -> Iterator[ArchiveMember]:
        text = normalised(path).decode("utf-8", "surrogateescape")
        if kind in b"12":
            inside = target if kind == b"1" else path.rpartition(b"/")[0] + b"/" + target
            yield ArchiveMember(text, self._offset, 0, normalised(inside).decode("utf-8", "surrogateescape"), b"")
            return  # what a link says of its size is not there
        offset = self._offset
        start = self._exactly(min(size, _START))
        if kind in (b"0", b"\0", b"7"):
            yield ArchiveMember(text, offset, size, None, start)
        self._skip(size - len(start) + -size % _BLOCK)

    def _check(self, header: bytes) -> None:
        total = sum(header) - sum(header[148:156]) + 8 * ord(" ")
        if self._number(header[148:156]) != total:
            raise MalformedManifest("is no tar archive, or a broken one", where=self._where)

    def _number(self, text: bytes) -> int:
        if text[0] == 0x80:  # GNU's base-256, positive
            value = int.from_bytes(text[1:], "big")
        else:
            digits = text.strip(b" \0") or b"0"
            if not digits.isdigit() or b"8" in digits or b"9" in digits:
                raise MalformedManifest("is no tar archive, or a broken one", where=self._where)
            value = int(digits, 8)
        if value > _LARGEST_ARCHIVE:
            raise MalformedManifest("has a member larger than any image", where=self._where)
        return value

    def _pax_size(self, pax: dict[bytes, bytes], size: int) -> int:
        text = pax.get(b"size")
        if text is None:
            return size
        if not text.isdigit() or len(text) > 13:
            raise MalformedManifest("has a member without a proper size", where=self._where)
        return int(text)

    def _extension(self, size: int) -> bytes:
        if size > _LARGEST_EXTENSION:
            raise MalformedManifest("has an extended header larger than any name", where=self._where)
        data = self._exactly(size)
        self._skip(-size % _BLOCK)
        return data

    def _exactly(self, size: int, *, may_end: bool = False) -> bytes:
        pieces, left = [], size
        while left > 0 and (piece := self._stream.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if left > 0 and not (may_end and left == size):
            raise MalformedManifest("ends early", where=self._where)
        self._offset += size - left
        return b"".join(pieces)

    def _skip(self, size: int) -> None:
        self._offset += size
        if self._offset > _LARGEST_ARCHIVE:
            raise MalformedManifest("is larger than any image", where=self._where)
        if self._seekable:
            self._stream.seek(size, 1)
            return
        while size > 0:
            piece = len(self._stream.read(min(size, _PIECE)))
            if piece == 0:
                raise MalformedManifest("ends early", where=self._where)
            size -= piece


def _ustar_name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _pax_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or len(length) > 7 or not len(length) + 2 < int(length) <= len(data):
            return  # a broken record hides its member's name; the image then misses a file, and says so
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        yield key, value
        data = data[int(length) :]
