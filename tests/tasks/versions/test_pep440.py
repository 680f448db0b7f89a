from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from tasks.versions.pep440 import key

number = st.one_of(st.integers(0, 12), st.sampled_from([2024, 20240101, 10**20])).map(str)
separator = st.sampled_from(["", ".", "-", "_"])


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """Every way to write a version that the specification's appendix allows, over few numbers, so that many are equal."""
    text = draw(st.sampled_from(["", "", "", "v", " ", "V"])) + draw(st.sampled_from(["", "", "", "0!", "1!"]))
    text += ".".join(draw(st.lists(number, min_size=1, max_size=4)))
    if draw(st.booleans()):
        word = draw(st.sampled_from(["a", "alpha", "b", "beta", "c", "rc", "pre", "preview", "RC", "Alpha"]))
        text += (
            draw(separator)
            + word
            + draw(separator.flatmap(lambda dot: st.one_of(st.just(""), number.map(lambda n: dot + n))))
        )
    if draw(st.booleans()):
        text += draw(
            st.one_of(number.map(lambda n: f"-{n}"), st.sampled_from([".post", "-rev1", "r2", "_post.3", "post0"]))
        )
    if draw(st.booleans()):
        text += draw(st.sampled_from([".dev", "dev1", "-dev2", "_DEV_3", ".dev0"]))
    if draw(st.booleans()):
        text += "+" + draw(
            st.sampled_from(["1", "abc", "1.abc", "abc.1", "abc-2", "abc_2", "0ab", "ABC.1", "1.2", "1.10", "2"])
        )
    return text


@given(spellings(), spellings())
@settings(max_examples=200)
@example("1.0", "1.0.0")
@example("1.0.dev1", "1.0a1.dev1")
@example("1.0.post1.dev1", "1.0+1")
@example("0", "0.0")
def test_packaging_orders_the_same(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a is not None
    assert b is not None
    assert (a < b) == (Version(one) < Version(other))
    assert (a == b) == (Version(one) == Version(other))


def test_packaging_orders_twenty_thousand_pairs_the_same() -> None:
    rng = random.Random(440)

    def version() -> str:
        release = ".".join(str(rng.choice((0, 0, 1, 1, 2, 10))) for _ in range(rng.randrange(1, 4)))
        pre = rng.choice(("", "", "", "a1", "b", ".rc2", "rc10"))
        post = rng.choice(("", "", "", ".post1", "-2", "r3"))
        dev = rng.choice(("", "", "", ".dev0", "dev2"))
        return rng.choice(("", "", "1!")) + release + pre + post + dev + rng.choice(("", "", "", "+1", "+a.1", "+1.2"))

    pool = [version() for _ in range(4_000)]
    judged = {text: (key(text), Version(text)) for text in pool}
    wrong = []
    for _ in range(20_000):
        one, other = rng.choice(pool), rng.choice(pool)
        (a, theirs_a), (b, theirs_b) = judged[one], judged[other]
        assert a is not None
        assert b is not None
        if (a < b, a == b) != (theirs_a < theirs_b, theirs_a == theirs_b):
            wrong.append((one, other))
    assert wrong == []


@given(st.text(st.sampled_from("0123456789.abrcpostdev-_+! v"), max_size=12))
@settings(max_examples=400)
def test_packaging_parses_the_same(text: str) -> None:
    try:
        Version(text)
    except InvalidVersion:
        assert key(text) is None
    else:
        assert key(text) is not None


@pytest.mark.parametrize(
    "text", ["", "a3", "1.0-bulbasaur", "2019-09-12", "1..0", "1.0+", "1.0+a..b", "1.0+ſ", "１.0", "1.0.*"]
)
def test_what_is_no_version_has_no_key(text: str) -> None:
    assert key(text) is None
