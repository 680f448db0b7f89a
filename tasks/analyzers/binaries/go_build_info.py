"""What the Go linker writes into a program about what it was built from.

A header of 32 bytes, aligned to 16, in a section of its own (or, without section names, somewhere in a writable segment). Since Go
1.18 two strings with their lengths as varints follow it: the toolchain's version and the module information. Before (from
1.13 on) the header holds two addresses of Go strings, in the program's own word size and byte order.
The module information is text between two marks of 16 bytes: lines `path`, `mod`, `dep`, `=>` (replaces the line before) and
`build` (key=value), their fields separated by tabs.
Format: Go's packages debug/buildinfo and runtime/debug (`ParseBuildInfo`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from catalog.errors import ParseError
from tasks.analyzers.binaries.elf import ElfFile

SECTION = b".go.buildinfo"
MAGIC = b"\xff Go buildinf:"

_ALIGNMENT = 16
_HEADER_BYTES = 32
_BIG_ENDIAN, _INLINE = 1, 2
_MARK_BYTES = 16
_MOST_PLACES = 256
"""Places with the magic that are looked at: programs that read build information hold the magic themselves."""
_LONGEST_TEXT = 1 << 20
"""Bytes of module information; that of the largest programs has some dozens of KiB."""
_LONGEST_VARINT = 10

_NOTE_TYPE = 4
_NOTE = re.compile(
    b"|".join(
        re.escape((4).to_bytes(4, order)) + rb"[\x00-\xff]{4}" + re.escape(_NOTE_TYPE.to_bytes(4, order)) + b"Go\0\0"
        for order in ("little", "big")
    )
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))")
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class GoModule:
    """A module.

    Args:
        path: its module path; of a replacement perhaps a folder (`./fork`).
        version: with its `v`; `(devel)` or empty where Go knew none.
        replaced: the path that the program's source asks for, where this is a replacement; else empty.
    """

    path: str
    version: str
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class GoBuildInfo:
    """What a program was built from.

    Args:
        toolchain: as the toolchain names itself (`go1.22.3`, `devel go1.23-…`).
        main: the main module; None for programs built without modules.
        dependencies: the other modules that are linked in, replacements in place of what they replace.
        settings: of the build (`-ldflags`, `vcs.revision`, …).
    """

    toolchain: str
    main: GoModule | None = None
    dependencies: tuple[GoModule, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)


def has_go_note(head: bytes | bytearray) -> bool:
    """Whether the first bytes of an ELF file hold Go's build ID, as libraries written in Go do too.

    Args:
        head: the first 4 KiB.
    """
    # Two letters first: a search for zeros is slow where there are so many of them.
    return b"Go" in head and _NOTE.search(head) is not None


def read_build_info(elf: ElfFile) -> GoBuildInfo | None:
    """Read the build information; None where the program has none.

    Args:
        elf: the whole file.

    Raises:
        ParseError: there is one, and it cannot be read.
    """
    broken = False
    for at in _candidates(elf):
        try:
            toolchain, modules = _inline(elf, at) if elf.data[at + 15] & _INLINE else _by_address(elf, at)
        except ParseError:
            broken = True
            continue
        if toolchain:
            return _parsed(toolchain.decode("utf-8", "replace"), modules)
    if broken:
        raise ParseError("Go build information that leads nowhere")
    return None


def _candidates(elf: ElfFile) -> Iterator[int]:
    """Where a header may be."""
    section = elf.section(SECTION)
    if section is not None:
        ranges = [section]
    elif elf.has_section_names:
        ranges = []
    else:
        ranges = _joined((segment.start, segment.end) for segment in elf.segments() if segment.writable)
    left = _MOST_PLACES
    for start, end in ranges:
        at = elf.data.find(MAGIC, start, end)
        while at >= 0 and left:
            left -= 1
            if (at - start) % _ALIGNMENT == 0 and at + _HEADER_BYTES <= end:
                yield at
            at = elf.data.find(MAGIC, at + 1, end)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of a file without overlaps, so that no byte is searched twice, however many segments claim it."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _inline(elf: ElfFile, at: int) -> tuple[bytes, bytes]:
    version, at = _string(elf.data, at + _HEADER_BYTES)
    modules, _ = _string(elf.data, at)
    return version, modules


def _string(data: bytes | bytearray, at: int) -> tuple[bytes, int]:
    """A string behind its length, and where it ends."""
    length = shift = 0
    for byte in data[at : at + _LONGEST_VARINT]:
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if length > _LONGEST_TEXT or at + length > len(data):
                break
            return bytes(data[at : at + length]), at + length
    raise ParseError("a string that is longer than it may be")


def _by_address(elf: ElfFile, at: int) -> tuple[bytes, bytes]:
    size, flags = elf.data[at + 14], elf.data[at + 15]
    if size not in (4, 8):
        raise ParseError("a word size that no machine has")
    strings = [_string_at(elf, at + 16 + size * number, size, big=bool(flags & _BIG_ENDIAN)) for number in (0, 1)]
    return strings[0], strings[1]


def _string_at(elf: ElfFile, at: int, size: int, *, big: bool) -> bytes:
    """The Go string (address and length) that the word at a place of the file points to."""
    data = elf.data

    def word(place: int) -> int:
        return int.from_bytes(data[place : place + size], "big" if big else "little")

    address = word(at)
    if not address:
        return b""
    header = elf.at_address(address, 2 * size)
    if header is None:
        raise ParseError("an address outside of the program")
    start, length = word(header), word(header + size)
    if not length:
        return b""
    text = elf.at_address(start, length) if length <= _LONGEST_TEXT else None
    if text is None:
        raise ParseError("a string outside of the program")
    return bytes(data[text : text + length])


def _parsed(toolchain: str, modules: bytes) -> GoBuildInfo:
    marked = len(modules) > 2 * _MARK_BYTES and modules[-_MARK_BYTES - 1 : -_MARK_BYTES] == b"\n"
    text = modules[_MARK_BYTES:-_MARK_BYTES].decode("utf-8", "replace") if marked else ""
    main: GoModule | None = None
    dependencies: list[GoModule] = []
    settings: dict[str, str] = {}
    before = ""
    for line in text.split("\n"):
        kind, _, rest = line.partition("\t")
        path, version = (*rest.split("\t"), "", "")[:2]
        if kind == "mod" and path:
            main = GoModule(path, version)
        elif kind == "dep" and path:
            dependencies.append(GoModule(path, version))
        elif kind == "=>" and path and before == "mod" and main is not None:
            main = GoModule(path, version, main.path)
        elif kind == "=>" and path and before == "dep" and dependencies:
            dependencies[-1] = GoModule(path, version, dependencies[-1].path)
        elif kind == "build":
            key, _, value = rest.partition("=")
            settings[_unquoted(key)] = _unquoted(value)
        before = kind
    return GoBuildInfo(toolchain, main, tuple(dependencies), settings)


def _unquoted(text: str) -> str:
    """A word of a `build` line: quoted as in Go source where it needs to be."""
    if len(text) < 2 or text[0] not in '"`' or text[-1] != text[0]:
        return text
    inner = text[1:-1]
    return inner if text[0] == "`" else _ESCAPE.sub(_plain, inner)


def _plain(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else _PLAIN_ESCAPES.get(escape[3], escape[3])
