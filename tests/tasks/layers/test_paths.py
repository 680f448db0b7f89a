from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.layers.paths import normalised, raw, text

names = st.lists(st.sampled_from([b"a", b"..", b".", b"", b".x", b"..x", b"b\\", b"\xff", b"\xc3\xa9", b"\0"])).map(
    b"/".join
)


@given(names)
def test_a_normalised_name_is_what_the_path_leads_to_from_the_root(name: bytes) -> None:
    assert b"/" + normalised(name) == posixpath.normpath(b"/" + name.lstrip(b"/"))


@given(names)
def test_normalising_twice_changes_nothing(name: bytes) -> None:
    assert normalised(normalised(name)) == normalised(name)


@given(st.binary())
def test_the_text_of_a_name_leads_back_to_it(name: bytes) -> None:
    assert raw(text(name)) == name


@given(st.binary())
def test_a_text_holds_nothing_that_a_database_refuses(name: bytes) -> None:
    assert "\0" not in text(name)
    text(name).encode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"a\\b", "a\\\\b"), (b"a\xffb", "a\\xffb"), (b"\xc3\xa9", "é"), (b"a\0b", "a\\x00b"), (b"\\xff", "\\\\xff")],
)
def test_odd_bytes_are_escaped(name: bytes, expected: str) -> None:
    assert text(name) == expected
