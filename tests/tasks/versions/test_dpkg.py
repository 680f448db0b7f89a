from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.versions.dpkg import key
from tests.tasks.versions import oracles

upstreams = st.from_regex(r"[0-9][0-9a-zA-Z.+~]{0,8}", fullmatch=True)
revisions = st.from_regex(r"[0-9a-z+.~]{1,6}", fullmatch=True)


def _random_version(rng: random.Random) -> str:
    pieces = (
        "0",
        "1",
        "9",
        "10",
        "007",
        "20240101",
        ".",
        ".",
        "+",
        "~",
        "~~",
        "a",
        "b",
        "rc",
        "Z",
        "-",
        "dfsg",
        "deb12u1",
        "git",
    )
    epoch = rng.choice(("", "", "", "0:", "1:", "12:"))
    text = rng.choice("0123456789") + "".join(rng.choice(pieces) for _ in range(rng.randrange(6)))
    return (
        (epoch + text).rstrip("-")
        if rng.random() < 0.5
        else f"{epoch}{text}-{rng.choice(('0', '1', '1ubuntu0.1', '2+b1', '1~bpo12+1'))}"
    )


def _pairs(count: int) -> list[tuple[str, str]]:
    rng = random.Random(20240601)
    pool = [_random_version(rng) for _ in range(count)]
    close = [(version, version + rng.choice(("0", "~", "+b1", ".0", "a", "-0", "-1"))) for version in pool]
    return [*zip(pool, reversed(pool), strict=True), *close]


def test_dpkg_dev_orders_twenty_thousand_pairs_the_same() -> None:
    pairs = _pairs(10_000)
    expected = oracles.dpkg_dev(pairs)
    wrong = [
        pair for pair, said in zip(pairs, expected, strict=True) if oracles.sign(key(pair[0]), key(pair[1])) != said
    ]
    assert wrong == []


def test_dpkg_itself_orders_some_pairs_the_same() -> None:
    pairs = _pairs(120)[::3]
    assert [oracles.sign(key(a), key(b)) for a, b in pairs] == [oracles.dpkg(pair) for pair in pairs]


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("1.0~rc1", "1.0"),
        ("1.0~~", "1.0~"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0+"),
        ("1.9", "1.10"),
        ("9.9", "1:0.1"),
        ("2.36-9+deb12u3", "2.36-9+deb12u10"),
        ("1.2.13.dfsg-1", "1.2.13.dfsg-1+b1"),
        ("1.0-1", "1.0-1.1"),
        ("1.0-1~bpo1", "1.0-1"),
    ],
)
def test_order(lower: str, higher: str) -> None:
    assert oracles.sign(key(lower), key(higher)) == -1


@given(upstreams)
def test_a_missing_epoch_and_a_missing_revision_are_zero(upstream: str) -> None:
    assert key(upstream) == key(f"0:{upstream}") == key(f"{upstream}-0")


@given(upstreams, revisions)
def test_a_tilde_sorts_before_the_end(upstream: str, revision: str) -> None:
    assert oracles.sign(key(f"{upstream}-{revision}~1"), key(f"{upstream}-{revision}")) == -1


@given(upstreams, upstreams, st.integers(0, 9), st.integers(0, 9))
def test_epochs_come_first(one: str, other: str, low: int, high: int) -> None:
    if low < high:
        assert oracles.sign(key(f"{low}:{one}"), key(f"{high}:{other}")) == -1


@given(upstreams, revisions)
def test_numbers_compare_as_numbers(upstream: str, revision: str) -> None:
    assert oracles.sign(key(f"{upstream}.9-{revision}"), key(f"{upstream}.10-{revision}")) == -1


@pytest.mark.parametrize(
    "text", ["", " ", "-1", "1-", ":1", "a:1", "-1:1", "1 2", "1.0_é", "99999999999:1", "1.0\n2", "1,0", "0:"]
)
def test_what_is_no_version_has_no_key(text: str) -> None:
    assert key(text) is None
