"""ELF files: headers, sections by name, and which bytes of the file lie at an address.

Both classes (32 and 64 bit) and both byte orders. Tables are read where they are asked for and only as far as the file goes, so
the first 4 KiB of a file can be asked what it is. PE and Mach-O are out of scope: images of Linux containers hold none that run.
Format: System V ABI, "Object Files" (gABI 4.1); extended numbering of sections and segments as in its section "ELF Header".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct

from catalog.errors import ParseError

MAGIC = b"\x7fELF"
MOST_SEGMENTS = 256
"""Program headers that are looked at; linkers write a dozen."""
MOST_SECTIONS = 1 << 16
"""Section headers that are looked at; linkers write some dozens into a program."""

_EXECUTABLE, _SHARED = 2, 3
_LOAD, _INTERPRETER = 1, 3
_NO_BITS = 8
_WRITABLE = 2
_MOST_NAME_BYTES = 1 << 20
_EXTENDED_PROGRAMS, _EXTENDED_INDEX = 0xFFFF, 0xFFFF


class _Layout:
    """The structures of one class and byte order."""

    def __init__(self, order: str, *, wide: bool) -> None:
        self.header = Struct(order + ("16xHHIQQQIHHHHHH" if wide else "16xHHIIIIIHHHHHH"))
        self.program = Struct(order + ("IIQQQQQQ" if wide else "8I"))
        self.section = Struct(order + ("IIQQQQIIQQ" if wide else "10I"))
        self.wide = wide


_LAYOUTS = {
    b"\1\1": _Layout("<", wide=False),
    b"\1\2": _Layout(">", wide=False),
    b"\2\1": _Layout("<", wide=True),
    b"\2\2": _Layout(">", wide=True),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A loaded segment.

    Args:
        address: where it is loaded.
        start: where its bytes begin in the file.
        end: where they end, at most the file's size.
        writable: whether the program may write to it.
    """

    address: int
    start: int
    end: int
    writable: bool


class ElfFile:
    """One ELF file, or the beginning of one.

    Args:
        data: its bytes, which are never copied.

    Raises:
        ParseError: no ELF header.
    """

    def __init__(self, data: bytes | bytearray) -> None:
        layout = _LAYOUTS.get(bytes(data[4:6])) if data[:4] == MAGIC else None
        if layout is None or len(data) < layout.header.size:
            raise ParseError("no ELF header")
        self.data = data
        self._layout = layout
        (
            self.type, _, _, self.entry, self._program_offset, self._section_offset,
            _, _, self._program_size, self._programs, self._section_size, self._sections, self._names_index,
        ) = layout.header.unpack_from(data)  # fmt: skip

    @property
    def is_program(self) -> bool:
        """Whether it can be started: a fixed executable, one with an interpreter, or a static one that can be moved.

        A shared library has no interpreter, and current linkers give it no entry point; old ones did, so a file's name has
        to be looked at as well.
        """
        if self.type == _SHARED:
            return bool(self.entry) or any(kind == _INTERPRETER for kind, *_ in self._program_headers())
        return bool(self.type == _EXECUTABLE)

    @property
    def has_section_names(self) -> bool:
        """Whether sections can be found by name; some tools take the table away, and the program runs all the same."""
        return self._names() is not None

    def section(self, name: bytes) -> tuple[int, int] | None:
        """Where the first section of that name lies in the file, as (start, end); None where there is none.

        Args:
            name: with its dot.
        """
        names = self._names()
        if names is None:
            return None
        start, end = names
        sought = name + b"\0"
        # Most files have no such section: one search in a few hundred bytes tells it.
        if self.data.find(sought, start, end) < 0:
            return None
        for at, kind, offset, size in self._section_headers():
            if kind != _NO_BITS and self.data.startswith(sought, min(start + at, end), end):
                return self._clipped(offset, size)
        return None

    def section_names(self, read: Callable[[int, int], bytes]) -> bytes | None:
        """As the function of that name, for the beginning of a file."""
        row, index = self._layout.section, self._names_index
        if not self._section_offset or self._section_size != row.size or index in (0, _EXTENDED_INDEX):
            return None
        header = read(self._section_offset + index * row.size, row.size)
        if len(header) != row.size:
            return None
        fields = row.unpack(header)
        size = fields[5]
        return (read(fields[4], size) or None) if size <= _MOST_NAME_BYTES else None

    def segments(self) -> Iterator[Segment]:
        """The loaded segments that have bytes in the file, in the order of their headers."""
        for kind, offset, address, size, flags in self._program_headers():
            if kind == _LOAD:
                start, end = self._clipped(offset, size)
                if start < end:
                    yield Segment(address, start, end, bool(flags & _WRITABLE))

    def at_address(self, address: int, size: int) -> int | None:
        """Where in the file the bytes at an address are.

        Args:
            address: as the program has it.
            size: bytes that must all be there.
        """
        for segment in self.segments():
            offset = address - segment.address
            if offset >= 0 and offset + size <= segment.end - segment.start:
                return segment.start + offset
        return None

    def _clipped(self, offset: int, size: int) -> tuple[int, int]:
        whole = len(self.data)
        return min(offset, whole), min(offset + size, whole)

    def _names(self) -> tuple[int, int] | None:
        """Where the section names lie."""
        index = self._names_index
        if index == _EXTENDED_INDEX:
            first = self._section_fields(0)
            index = first[6] if first else 0
        fields = self._section_fields(index) if index else None
        if fields is None:
            return None
        start, end = self._clipped(fields[4], fields[5])
        return (start, end) if start < end else None

    def _section_fields(self, index: int) -> tuple[int, ...] | None:
        section = self._layout.section
        at = self._section_offset + index * section.size
        if not self._section_offset or self._section_size != section.size or at + section.size > len(self.data):
            return None
        return section.unpack_from(self.data, at)

    def _section_headers(self) -> Iterator[tuple[int, int, int, int]]:
        """Name, type, offset and size of each section."""
        count = self._sections
        first = self._section_fields(0)
        if not count and first:
            count = first[5]
        count = min(count, MOST_SECTIONS)
        for fields in self._table(self._layout.section, self._section_offset, self._section_size, count):
            yield fields[0], fields[1], fields[4], fields[5]

    def _program_headers(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Type, offset, address, size in the file and flags of each segment."""
        count = self._programs
        if count == _EXTENDED_PROGRAMS:
            first = self._section_fields(0)
            count = first[7] if first else count
        count = min(count, MOST_SEGMENTS)
        for fields in self._table(self._layout.program, self._program_offset, self._program_size, count):
            if self._layout.wide:
                kind, flags, offset, address, _, size, _, _ = fields
            else:
                kind, offset, address, _, size, _, flags, _ = fields
            yield kind, offset, address, size, flags

    def _table(self, row: Struct, offset: int, size: int, count: int) -> Iterator[tuple[int, ...]]:
        if not offset or size != row.size:
            return
        there = max(0, len(self.data) - offset) // row.size
        for index in range(min(count, there)):
            yield row.unpack_from(self.data, offset + index * row.size)


def section_names(head: bytes | bytearray, read: Callable[[int, int], bytes]) -> bytes | None:
    """The names of a file's sections, each with a zero behind it, without reading the whole file.

    Args:
        head: its first bytes, the ELF header at least.
        read: gives some bytes at an offset, or as many as there are.

    Returns:
        None where `ElfFile` would find no section by its name either, or where the table is an odd one.
    """
    try:
        elf = ElfFile(head)
    except ParseError:
        return None
    return elf.section_names(read)


def is_program(path: str, head: bytes | bytearray) -> bool:
    """Whether a file is a program, by its name and first bytes.

    Args:
        path: where it lies.
        head: its first 4 KiB, or all of it.
    """
    base = path.rpartition("/")[2]
    if base.endswith(".so") or ".so." in base:
        return False
    try:
        return ElfFile(head).is_program
    except ParseError:
        return False
