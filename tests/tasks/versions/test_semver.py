from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.versions.semver import key
from tests.tasks.versions import oracles

numbers = st.integers(0, 50)
releases = st.tuples(numbers, numbers, numbers)
identifiers = st.one_of(st.integers(0, 30).map(str), st.from_regex(r"[a-zA-Z-][0-9a-zA-Z-]{0,4}", fullmatch=True))
pre_releases = st.lists(identifiers, min_size=0, max_size=4)


def _text(release: tuple[int, int, int], pre: list[str]) -> str:
    return ".".join(map(str, release)) + (f"-{'.'.join(pre)}" if pre else "")


def _precedence(release: tuple[int, int, int], pre: list[str]) -> tuple[object, ...]:
    """Section 11 of the specification, word by word."""
    identifiers = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre)
    return (release, not pre, identifiers)


@given(releases, pre_releases, releases, pre_releases)
def test_precedence_is_the_specification_s(
    a: tuple[int, int, int], pre_a: list[str], b: tuple[int, int, int], pre_b: list[str]
) -> None:
    one, other = _precedence(a, pre_a), _precedence(b, pre_b)
    expected = (one > other) - (one < other)
    assert oracles.sign(key(_text(a, pre_a)), key(_text(b, pre_b))) == expected


@given(releases, pre_releases, pre_releases)
def test_pre_releases_of_one_release(release: tuple[int, int, int], pre_a: list[str], pre_b: list[str]) -> None:
    one, other = _precedence(release, pre_a), _precedence(release, pre_b)
    expected = (one > other) - (one < other)
    assert oracles.sign(key(_text(release, pre_a)), key(_text(release, pre_b))) == expected


def test_npm_orders_twenty_thousand_pairs_the_same() -> None:
    rng = random.Random(7)

    def version() -> str:
        release = ".".join(str(rng.choice((0, 1, 2, 9, 10, 2024))) for _ in range(3))
        pre = rng.choice(("", "", "-alpha", "-alpha.1", "-1", "-rc.10", "-rc.2", "-x-y.0", "-0", "alpha", "beta2"))
        return rng.choice(("", "", "v", "=")) + release + pre + rng.choice(("", "", "+build", "+1.2-x"))

    pairs = [(version(), version()) for _ in range(20_000)]
    answers = oracles.npm(pairs)
    assert None not in answers
    wrong = [
        pair for pair, said in zip(pairs, answers, strict=True) if oracles.sign(key(pair[0]), key(pair[1])) != said
    ]
    assert wrong == []


@given(releases, pre_releases)
def test_build_metadata_means_nothing(release: tuple[int, int, int], pre: list[str]) -> None:
    assert key(_text(release, pre)) == key(_text(release, pre) + "+build.5")


def test_missing_numbers_are_zero() -> None:
    assert key("1") == key("1.0") == key("1.0.0") == key("v1.0.0") == key("01.00.0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.x",
        "2.0.x",
        "1.2.3.4",
        "1.0.0-",
        "1.0.0-a..b",
        "1.0.0+",
        "nightly.2026-03-10.0",
        "4.0.0.Beta2",
        "1.0.0-é",
    ],
)
def test_what_is_no_version_has_no_key(text: str) -> None:
    assert key(text) is None
