"""rpm headers as databases keep them.

Format: rpm's "RPM V4 Package format" and `rpmtag.h`: two big-endian counts (index entries, bytes of data), then 16-byte entries
(tag, type, offset, count), then the data. Entries of the package's own header come first, and what rpm added when it was
installed comes after them and wins. Offsets, counts and types are claims: each value is looked at within the data only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from struct import Struct

from catalog.errors import ParseError
from tasks.layers.paths import normalised, text

_COUNTS = Struct(">II")
_ENTRY = Struct(">IIII")
_INT32, _STRING, _BINARY, _STRINGS, _LOCAL_STRING = 4, 6, 7, 8, 9
_TEXTUAL = (_STRING, _STRINGS, _LOCAL_STRING)
_MOST_ENTRIES = 0xFFFF
_LONGEST_PATH = 4_096
_MOST_FOLDERS = 1 << 20
_PLAIN_NAME = re.compile(rb"[A-Za-z0-9_@+,:=~%-][A-Za-z0-9_.@+,:=~%-]*").fullmatch


class Tag(IntEnum):
    """The tags that are read."""

    SIGNATURE_MD5 = 261
    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    EPOCH = 1003
    VENDOR = 1011
    LICENSE = 1014
    ARCH = 1022
    OLD_FILE_NAMES = 1027
    SOURCE_RPM = 1044
    DIRECTORY_INDEXES = 1116
    BASE_NAMES = 1117
    DIRECTORY_NAMES = 1118
    MODULARITY_LABEL = 5096


@dataclass(frozen=True, slots=True)
class Header:
    """A header's values, looked up when they are asked for.

    Args:
        entries: tag → (type, offset in bytes, count).
        store: the data that the entries point into.
    """

    entries: dict[int, tuple[int, int, int]]
    store: bytes

    def string(self, tag: Tag) -> str:
        """A text, the first of several; empty where the header has none."""
        return next((value.decode("utf-8", "replace") for value in self.strings(tag)), "")

    def strings(self, tag: Tag) -> Iterator[bytes]:
        """The texts of a tag as they are; the data's end ends them whatever their count."""
        kind, at, count = self.entries.get(tag, (0, 0, 0))
        if kind not in _TEXTUAL:
            return
        for _ in range(1 if kind == _STRING else count):
            end = self.store.find(b"\0", at)
            if end < 0:
                return
            yield self.store[at:end]
            at = end + 1

    def numbers(self, tag: Tag) -> Iterator[int]:
        """The 32-bit numbers of a tag, those within the data."""
        kind, at, count = self.entries.get(tag, (0, 0, 0))
        if kind == _INT32 and at < len(self.store):
            count = min(count, (len(self.store) - at) // 4)
            for (number,) in Struct(">I").iter_unpack(self.store[at : at + 4 * count]):
                yield number

    def binary(self, tag: Tag) -> bytes:
        """Raw bytes; empty where the header has none."""
        kind, at, count = self.entries.get(tag, (0, 0, 0))
        return self.store[at : at + count] if kind == _BINARY else b""


def parse_header(blob: bytes) -> Header:
    """Read a header's index.

    Args:
        blob: the header as the database keeps it, without the magic that package files have.

    Raises:
        ParseError: the counts are larger than the blob.
    """
    if len(blob) < _COUNTS.size:
        raise ParseError("a header without counts")
    count, size = _COUNTS.unpack_from(blob)
    start = _COUNTS.size + count * _ENTRY.size
    if not 0 < count <= _MOST_ENTRIES or start + size > len(blob):
        raise ParseError("a header that is longer than its blob")
    entries = {tag: (kind, at, length) for tag, kind, at, length in _ENTRY.iter_unpack(blob[_COUNTS.size : start])}
    return Header(entries, blob[start : start + size])


def owned_paths(header: Header) -> Iterator[str]:
    """The paths that a package owns, one at a time, as `catalog.schemas` writes paths; longer ones than Linux allows are left out.

    The number of paths is bounded by the header's size; their length together is not, so whoever keeps them bounds that.
    """
    # A package has thousands of files in some dozen folders: these are brought into form once.
    folders = list(islice(header.strings(Tag.DIRECTORY_NAMES), _MOST_FOLDERS))
    prefixes = [_prefix(folder) for folder in folders]
    named = False
    for index, base in zip(header.numbers(Tag.DIRECTORY_INDEXES), header.strings(Tag.BASE_NAMES), strict=False):
        named = True
        if index >= len(folders) or len(folders[index]) + len(base) > _LONGEST_PATH:
            continue
        if base.isalnum() or _PLAIN_NAME(base):
            yield prefixes[index] + base.decode()
        else:
            yield text(normalised(folders[index] + b"/" + base))
    if not named:
        for path in header.strings(Tag.OLD_FILE_NAMES):
            if len(path) <= _LONGEST_PATH:
                yield text(normalised(path))


def _prefix(folder: bytes) -> str:
    plain = normalised(folder[: _LONGEST_PATH + 1])
    return f"{text(plain)}/" if plain else ""
