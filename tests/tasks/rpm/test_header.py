from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.rpm.header import Header, Tag, owned_paths, parse_header
from tests.tasks.rpm.made import LOCAL_STRING, header, package


def test_texts_numbers_and_binaries_are_found_by_their_tags() -> None:
    found = parse_header(package("bash", "5.1", "8.el9", EPOCH=2, SIGNATURE_MD5=b"\1\2", LICENSE="GPLv3+"))
    assert [found.string(tag) for tag in (Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.LICENSE)] == [
        "bash",
        "5.1",
        "8.el9",
        "GPLv3+",
    ]
    assert list(found.numbers(Tag.EPOCH)) == [2]
    assert found.binary(Tag.SIGNATURE_MD5) == b"\1\2"


def test_what_a_header_lacks_is_empty() -> None:
    found = parse_header(package("a"))
    assert (found.string(Tag.VENDOR), list(found.numbers(Tag.EPOCH)), found.binary(Tag.SIGNATURE_MD5)) == ("", [], b"")


def test_a_value_of_another_type_is_not_taken() -> None:
    found = parse_header(header({Tag.NAME: 5, Tag.EPOCH: "text", Tag.SIGNATURE_MD5: "text"}))
    assert (found.string(Tag.NAME), list(found.numbers(Tag.EPOCH)), found.binary(Tag.SIGNATURE_MD5)) == ("", [], b"")


def test_of_a_text_in_several_languages_the_first_is_taken() -> None:
    found = Header({Tag.LICENSE: (LOCAL_STRING, 0, 2)}, b"GPL\0Freie\0")
    assert found.string(Tag.LICENSE) == "GPL"


def test_what_came_with_the_installation_wins() -> None:
    blob = struct.pack(">IIIIIIIIII", 2, 8, Tag.NAME, 6, 0, 1, Tag.NAME, 6, 4, 1) + b"old\0new\0"
    assert parse_header(blob).string(Tag.NAME) == "new"


def test_owned_paths_join_folders_and_names() -> None:
    blob = package("a", DIRECTORY_NAMES=["/usr/bin/", "/"], BASE_NAMES=["a", "etc", "b"], DIRECTORY_INDEXES=[0, 1, 0])
    assert list(owned_paths(parse_header(blob))) == ["usr/bin/a", "etc", "usr/bin/b"]


def test_old_headers_have_whole_paths() -> None:
    assert list(owned_paths(parse_header(package("a", OLD_FILE_NAMES=["/usr/bin/a", "/etc/a"])))) == [
        "usr/bin/a",
        "etc/a",
    ]


def test_a_file_in_a_folder_that_is_not_there_is_left_out() -> None:
    blob = package("a", DIRECTORY_NAMES=["/bin/"], BASE_NAMES=["a", "b"], DIRECTORY_INDEXES=[7, 0])
    assert list(owned_paths(parse_header(blob))) == ["bin/b"]


def test_paths_longer_than_linux_allows_are_left_out() -> None:
    blob = package("a", DIRECTORY_NAMES=["/" + "x" * 5000 + "/", "/"], BASE_NAMES=["a", "b"], DIRECTORY_INDEXES=[0, 1])
    assert list(owned_paths(parse_header(blob))) == ["b"]


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        struct.pack(">II", 1, 0),
        struct.pack(">II", 1 << 31, 1 << 31),
        struct.pack(">II", 70_000, 0) + bytes(2_000_000),
    ],
)
def test_counts_that_the_blob_does_not_hold_are_refused(blob: bytes) -> None:
    with pytest.raises(ParseError):
        parse_header(blob)


def read_all(blob: bytes) -> None:
    try:
        found = parse_header(blob)
    except ParseError:
        return
    for tag in Tag:
        found.string(tag)
        list(found.numbers(tag))
        found.binary(tag)
    list(owned_paths(found))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(blob: bytes) -> None:
    read_all(blob)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Tag)), st.integers(0, 10), st.integers(0, 60), st.integers(0, 1 << 32 - 1)),
        min_size=1,
    ),
    st.binary(max_size=50),
)
def test_any_index_over_any_data_is_read(entries: list[tuple[int, int, int, int]], store: bytes) -> None:
    read_all(
        struct.pack(">II", len(entries), len(store))
        + b"".join(struct.pack(">IIII", *entry) for entry in entries)
        + store
    )
