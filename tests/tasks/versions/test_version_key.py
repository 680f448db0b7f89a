from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.versions import MINUS_INFINITY, PLUS_INFINITY, SCHEMES, just_after, version_key

schemes = st.sampled_from(sorted(SCHEMES))
texts = st.one_of(st.text(max_size=20), st.text("0123456789.-~+abcr_:!vpost", max_size=20))


@given(schemes, texts)
def test_any_text_gives_a_key_or_none(scheme: str, text: str) -> None:
    key = version_key(scheme, text)
    assert key is None or MINUS_INFINITY < key < PLUS_INFINITY


@given(schemes, texts, texts)
def test_nothing_lies_between_a_key_and_just_after_it(scheme: str, one: str, other: str) -> None:
    a, b = version_key(scheme, one), version_key(scheme, other)
    if a is not None and b is not None and a != b:
        assert not a < b < just_after(a)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_no_version_is_longer_than_a_thousand_characters(scheme: str) -> None:
    assert version_key(scheme, "1" * 1000) is not None
    assert version_key(scheme, "1" * 100_000) is None


def test_an_unknown_scheme_compares_nothing() -> None:
    assert version_key("spells", "1.0") is None
