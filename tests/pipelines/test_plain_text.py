"""Text from images is shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.plain_text import plain
from tests.pipelines.made import HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("libc6 2.36-9+deb12u4", "libc6 2.36-9+deb12u4"),
        ("Käse 日本", "Käse 日本"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\U000e0041", "\\U000e0041"),
        ("line\u2028break", "line\\u2028break"),
        ("no\u00a0break", "no break"),
        ("\ud800", "\\ud800"),
    ],
)
def test_controls_are_escaped_and_words_are_kept(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text() | st.text(alphabet=HOSTILE))
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = plain(text)
    assert all(not unicodedata.category(character).startswith("C") for character in shown)
    assert len(shown.splitlines()) <= 1


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_what_only_shows_is_not_changed(text: str) -> None:
    assert plain(text) == text
