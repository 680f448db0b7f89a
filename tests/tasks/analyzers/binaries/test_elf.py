"""ELF files of both classes and byte orders, and damaged ones."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.analyzers.binaries.elf import ElfFile, is_program, section_names
from tests.tasks.analyzers.binaries.elf_writer import BASE, Program

KINDS = [(wide, big) for wide in (False, True) for big in (False, True)]
SECTIONS = {b".text": b"code", b".dep-v0": b"crates", b".rela.dep-v0x": b"other"}


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_a_section_is_found_by_its_name(wide: bool, big: bool) -> None:
    data = Program(wide=wide, big=big, sections=dict(SECTIONS)).pack()
    elf = ElfFile(data)
    found = {name: data[slice(*elf.section(name))] for name in SECTIONS}
    assert found == SECTIONS
    assert elf.section(b".dep") is None
    assert elf.section(b"dep-v0") is None


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_the_sections_names_are_read_from_a_files_places_alone(wide: bool, big: bool) -> None:
    data = Program(wide=wide, big=big, sections=dict(SECTIONS)).pack()
    asked: list[int] = []

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return data[offset : offset + size]

    names = section_names(data[:64], read)
    assert names is not None
    assert set(SECTIONS) <= set(names.split(b"\0"))
    assert sum(asked) < 200


@pytest.mark.parametrize("data", [b"", b"\x7fELF", Program(sections=dict(SECTIONS), section_table=False).pack()])
def test_where_sections_have_no_names_there_are_none_to_read(data: bytes) -> None:
    assert section_names(data, lambda offset, size: data[offset : offset + size]) is None


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=8))
def test_the_names_of_damaged_headers_are_read_within_bounds(
    kind: tuple[bool, bool], damage: list[tuple[int, int]]
) -> None:
    data = bytearray(Program(wide=kind[0], big=kind[1], sections=dict(SECTIONS)).pack())
    for place, value in damage:
        data[place] = value

    def read(offset: int, size: int) -> bytes:
        assert offset >= 0
        assert 0 <= size <= 1 << 20
        return bytes(data[offset : offset + size])

    section_names(data, read)


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_an_address_leads_to_its_bytes(wide: bool, big: bool) -> None:
    program = Program(wide=wide, big=big, sections=dict(SECTIONS))
    elf = ElfFile(program.pack())
    place = program.place(b".dep-v0")
    assert elf.at_address(BASE + place, 6) == place
    assert elf.at_address(BASE - 1, 1) is None
    assert elf.at_address(BASE, len(elf.data) + 1) is None


def test_a_file_without_section_table_still_has_its_segments() -> None:
    elf = ElfFile(Program(sections=dict(SECTIONS), section_table=False).pack())
    assert not elf.has_section_names
    assert elf.section(b".text") is None
    assert [(segment.address, segment.start, segment.writable) for segment in elf.segments()] == [(BASE, 0, True)]


def test_more_sections_than_fit_in_the_header_are_counted_in_the_first() -> None:
    data = bytearray(Program(sections=dict(SECTIONS)).pack())
    (table,) = struct.unpack_from("<Q", data, 40)
    count, index = struct.unpack_from("<HH", data, 60)
    struct.pack_into("<HH", data, 60, 0, 0xFFFF)
    struct.pack_into("<Q", data, table + 32, count)
    struct.pack_into("<I", data, table + 40, index)
    place = ElfFile(data).section(b".dep-v0")
    assert place is not None
    assert data[slice(*place)] == b"crates"


@pytest.mark.parametrize(
    ("path", "program", "answer"),
    [
        ("usr/bin/fixed", Program(), True),
        ("usr/bin/movable", Program(type=3, interpreter=True), True),
        ("usr/bin/static-movable", Program(type=3), True),
        ("usr/lib/library.so.1", Program(type=3), False),
        ("usr/lib/library.so", Program(type=3), False),
        ("usr/lib/plugin", Program(type=3, entry=0), False),
        ("lib/modules/driver.ko", Program(type=1, entry=0), False),
        ("core", Program(type=4), False),
    ],
)
def test_programs_are_told_from_libraries(path: str, program: Program, answer: bool) -> None:
    assert is_program(path, program.pack()[:4096]) is answer


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\3\1" + bytes(60), b"\x7fELF\2\1" + bytes(50)])
def test_other_bytes_are_no_elf_file(data: bytes) -> None:
    with pytest.raises(ParseError):
        ElfFile(data)
    assert not is_program("x", data)


def read_everything(data: bytes) -> None:
    try:
        elf = ElfFile(data)
    except ParseError:
        return
    size = len(data)
    for name in SECTIONS:
        place = elf.section(name)
        assert place is None or 0 <= place[0] <= place[1] <= size
    for segment in elf.segments():
        assert 0 <= segment.start < segment.end <= size
    place_of = elf.at_address(BASE, 4)
    assert place_of is None or place_of + 4 <= size
    assert elf.is_program in (True, False)


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_a_file_cut_off_anywhere_is_read_as_far_as_it_goes(wide: bool, big: bool) -> None:
    data = Program(wide=wide, big=big, interpreter=True, sections=dict(SECTIONS)).pack()
    for end in range(len(data)):
        read_everything(data[:end])


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(4, 700), st.integers(0, 255)), max_size=30))
def test_a_damaged_file_leads_nowhere_else(kind: tuple[bool, bool], damage: list[tuple[int, int]]) -> None:
    data = bytearray(Program(wide=kind[0], big=kind[1], sections=dict(SECTIONS)).pack())
    for at, byte in damage:
        data[at % len(data)] = byte
    read_everything(bytes(data))


@given(st.sampled_from([b"\1\1", b"\1\2", b"\2\1", b"\2\2"]), st.binary(max_size=400))
def test_any_bytes_behind_the_magic_are_read_or_fail_by_name(kind: bytes, rest: bytes) -> None:
    read_everything(b"\x7fELF" + kind + rest)


def test_sections_and_kind_are_those_that_readelf_tells() -> None:
    compared = 0
    for path in sorted(Path("/usr/bin").iterdir()):
        if compared == 25 or path.is_symlink() or not path.is_file() or path.stat().st_size > 1 << 21:
            continue
        data = path.read_bytes()
        if data[:4] != b"\x7fELF":
            continue
        listing = subprocess.run(["readelf", "-SW", str(path)], capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():
            words = line.partition("] ")[2].split()
            if len(words) < 5 or not words[0].startswith(".") or words[1] == "NOBITS":
                continue
            start, size = int(words[3], 16), int(words[4], 16)
            assert ElfFile(data).section(words[0].encode()) == (start, start + size)
        assert is_program(str(path), data[:4096])
        compared += 1
    assert compared > 10
