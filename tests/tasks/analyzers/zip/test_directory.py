from __future__ import annotations

import io
import time
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.analyzers.zip import ZipDirectory
from tests.tasks.analyzers.zip_writer import STORED, Member, write_zip


def names(data: bytes) -> list[bytes]:
    return [entry.name for entry in ZipDirectory(data)]


def contents(data: bytes) -> list[bytes]:
    directory = ZipDirectory(data)
    return [directory.read(entry, 1 << 20) for entry in directory]


TWO = (Member(b"a.txt", b"hello" * 50), Member(b"b/c.class", b"stored", STORED))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"comment": b"a comment"},
        {"comment": b"PK\5\6" + bytes(18) + b"tail"},
        {"comment": b"x" * 0xFFFF},
        {"prefix": b"#!/bin/sh\nexec java -jar $0\n"},
        {"prefix": b"#!/bin/sh\n", "shift_offsets": True},
        {"zip64": True},
        {"zip64": True, "prefix": b"#!/bin/sh\n"},
        {"zip64": True, "prefix": b"#!/bin/sh\n", "shift_offsets": True},
        {"entries": 0},
        {"entries": 9_999},
        {"before_end": b"between directory and end record"},
    ],
    ids=str,
)
def test_members_are_found_however_the_archive_ends_and_begins(options: dict) -> None:
    data = write_zip(TWO, **options)
    assert names(data) == [b"a.txt", b"b/c.class"]
    assert contents(data) == [b"hello" * 50, b"stored"]


def test_members_with_data_descriptors_are_read_by_the_directory() -> None:
    assert contents(write_zip([Member(b"a", b"x" * 99, descriptor=True), Member(b"b", b"y")])) == [b"x" * 99, b"y"]


def test_zip64_members_are_read() -> None:
    assert contents(write_zip([Member(b"a", b"x" * 99, zip64=True), Member(b"b", b"y")])) == [b"x" * 99, b"y"]


def test_an_archive_of_nothing_has_no_members() -> None:
    assert names(write_zip([])) == []


def test_a_name_of_exactly_65535_entries_needs_no_zip64() -> None:
    assert len(ZipDirectory(write_zip([Member(b"a", b"")] * 0xFFFF))) == 0xFFFF


def test_signatures_within_names_and_comments_mislead_nobody() -> None:
    inner = write_zip([Member(b"META-INF/fake.jar", b"no")])
    fake = inner[inner.index(b"PK\1\2") : inner.index(b"PK\5\6")]
    members = [Member(fake, b"1"), Member(b"b", b"2", comment=fake), Member(b"c", b"3", extra=b"\xff\xff\x3f\0" + fake)]
    data = write_zip([*members, Member(b"d.jar", b"4")])
    assert names(data) == [fake, b"b", b"c", b"d.jar"]
    assert contents(data) == [b"1", b"2", b"3", b"4"]
    assert [entry.name for entry in ZipDirectory(data).ending(b".jar")] == [fake, b"d.jar"]


def test_an_end_record_within_the_comment_that_names_no_directory_is_passed_over() -> None:
    fake = write_zip([], entries=7, directory_size=9, directory_offset=3)
    assert names(write_zip(TWO, comment=fake + b"tail")) == [b"a.txt", b"b/c.class"]


def test_endings_are_found_whatever_their_case_and_in_order() -> None:
    data = write_zip(
        [Member(name) for name in (b"x.JAR", b"jar", b"a.jar/", b".jar", b"b.war", b"c.jarx", b"lib/d.jar")]
    )
    found = [entry.name for entry in ZipDirectory(data).ending(b".jar", b".war")]
    assert found == [b"x.JAR", b".jar", b"b.war", b"lib/d.jar"]


def test_names_of_many_entries_are_those_of_zipfile() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(5_000):
            archive.writestr(f"com/example/{'P' * (number % 7)}/Class{number}.class", b"")
        archive.writestr("last.jar", b"x")
    data = buffer.getvalue()
    assert [name.decode() for name in names(data)] == zipfile.ZipFile(buffer).namelist()
    assert [entry.name for entry in ZipDirectory(data).ending(b".jar")] == [b"last.jar"]


def test_what_precedes_a_broken_header_is_found() -> None:
    data = bytearray(write_zip([*TWO, Member(b"c.jar", b"3"), Member(b"d.jar", b"4")]))
    at = data.index(b"PK\1\2", data.index(b"c.jar", data.index(b"PK\1\2")))
    data[at] = 0
    directory = ZipDirectory(bytes(data))
    assert directory.broken
    assert [entry.name for entry in directory] == [b"a.txt", b"b/c.class", b"c.jar"]


def test_a_directory_longer_than_the_cap_is_cut() -> None:
    data = write_zip([Member(b"%05d" % number) for number in range(1_000)])
    directory = ZipDirectory(data, directory_bytes=5_100)
    assert (directory.cut, directory.broken, len(directory)) == (True, False, 100)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (Member(b"a", b"secret", flags=1), "encrypted"),
        (Member(b"a", b"secret", flags=0x40 | 1), "encrypted"),
        (Member(b"a", b"x", method=12), "method 12"),
        (Member(b"a", b"x", method=97), "method 97"),
        (Member(b"a", b"hello", size=4), "size"),
        (Member(b"a", b"hello", size=6), "too early|size"),
        (Member(b"a", b"hello", size=1 << 20), "more than its bytes can hold"),
        (Member(b"a", b"hello", STORED, size=9), "size"),
        (Member(b"a", b"hello", checksum=1), "checksum"),
        (Member(b"a", b"hello", compressed=2), "too early|broken"),
        (Member(b"a", b"hello", compressed=1 << 30), "longer"),
        (Member(b"a", b"hello", offset=5), "no member"),
        (Member(b"a", b"hello", offset=1 << 31), "behind"),
        (Member(b"a", b"hello", raw=b"\xff" * 40), "broken"),
        (Member(b"a", b"x" * 2_000_000), "at most"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_member_that_lies_fails_by_name_and_its_neighbour_is_read(member: Member, words: str) -> None:
    directory = ZipDirectory(write_zip([member, Member(b"b", b"good")]))
    first, second = directory
    with pytest.raises(ParseError, match=words):
        directory.read(first, 1 << 20)
    assert directory.read(second, 1 << 20) == b"good"


def test_the_head_of_a_member_costs_no_more_than_asked() -> None:
    data = write_zip([Member(b"bomb", bytes(200_000_000))])
    directory = ZipDirectory(data)
    (entry,) = directory
    tracemalloc.start()
    assert directory.head(entry, 1_000) == bytes(1_000)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_members_that_overlap_are_each_read() -> None:
    data = write_zip([Member(b"a", b"shared"), Member(b"b", b"shared", offset=0, raw=b"", compressed=8)])
    assert contents(data) == [b"shared", b"shared"]


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6", b"PK\3\4" + bytes(100), bytes(100), b"PK\5\6" * 20_000])
def test_what_has_no_directory_fails_by_name(data: bytes) -> None:
    with pytest.raises(ParseError):
        ZipDirectory(data)


def test_a_zip64_record_that_is_not_there_is_not_used() -> None:
    data = write_zip([Member(b"a", b"1")], zip64=True).replace(b"PK\6\6", b"PK\6\0")
    with pytest.raises(ParseError):
        ZipDirectory(data)


def test_truncation_at_every_byte_fails_by_name() -> None:
    data = write_zip([*TWO, Member(b"z", b"zip64", zip64=True)], zip64=True, comment=b"c")
    for length in range(len(data) - 1):
        with pytest.raises(ParseError):
            contents(data[:length])


def test_a_signature_in_every_name_costs_no_more_than_a_walk() -> None:
    data = write_zip([Member(b"PK\1\2%06d" % number, b"", STORED) for number in range(100_000)], entries=0)
    began = time.process_time()
    assert len(ZipDirectory(data)) == 100_000
    assert time.process_time() - began < 2


member_lists = st.lists(
    st.builds(
        Member,
        name=st.binary(max_size=80) | st.sampled_from([b"PK\1\2", b"a.jar", b"META-INF/MANIFEST.MF"]),
        content=st.binary(max_size=200),
        method=st.sampled_from([STORED, 8]),
        comment=st.binary(max_size=60),
        descriptor=st.booleans(),
        zip64=st.booleans(),
    ),
    max_size=8,
)


@given(member_lists, st.booleans(), st.binary(max_size=30))
def test_what_was_written_is_read(members: list[Member], zip64: bool, prefix: bytes) -> None:
    data = write_zip(members, zip64=zip64, prefix=prefix)
    assert names(data) == [member.name for member in members]
    assert contents(data) == [member.content for member in members]
    expected = [member.name for member in members if member.name.lower().endswith((b".jar", b"t.mf"))]
    assert [entry.name for entry in ZipDirectory(data).ending(b".jar", b"t.mf")] == expected


@settings(max_examples=200)
@given(member_lists, st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6))
def test_any_change_is_read_or_fails_by_name(members: list[Member], changes: list[tuple[int, int]]) -> None:
    data = bytearray(write_zip(members, zip64=bool(len(changes) % 2)))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        directory = ZipDirectory(bytes(data))
    except ParseError:
        return
    for entry in directory:
        try:
            directory.read(entry, 1 << 16)
        except ParseError:
            continue


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_fail_by_name(data: bytes) -> None:
    try:
        contents(data)
    except ParseError:
        return
