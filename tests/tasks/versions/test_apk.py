from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.versions.apk import key
from tests.tasks.versions import oracles

# Pairs of which apk-tools' own test suite (test/version.data) says how `apk version -t` answers.
GOLDEN = """
2.34 > 0.1.0_alpha          0.1.0_alpha = 0.1.0_alpha        0.1.0_alpha < 0.1.3_alpha     0.1.0_alpha2 > 0.1.0_alpha
2.2.39-r1 > 1.0.4-r3        1.0.4-r3 < 1.0.4-r4              1.1 > 1.1_alpha1              1.3_alpha8 > 0.6.0
0.8_beta1 < 0.8_beta2       4.8-r1 > 3.10.18-r1              2.3.0b-r1 < 2.3.0b-r2         0.12.3 > 0.12
0.12 < 0.13_beta1           2.1.13-r3 < 2.1.15-r2            1.2.11 < 1.2.12.1             0.7-r1 < 2.4.32
0.2.0-r1 = 0.2.0-r1         3.1_p16 < 3.1_p17                3.1_p17 > 1.06-r6             1.06-r6 < 006
006 > 1.0.0                 1.2.2-r1 > 1.2.2                 9.3.4-r2 > 9.3.4              0.9-r1 > 0.8-r1
1.4.1-r1 < 1.4.1-r2         20050718-r1 < 20050718-r2        2.01.01_alpha10 > 0.94        1.0 > 0.99.3.20040818
1.39 > 1.00_beta2           2.8.9-r1 > 2.8.9                 1.02 < 1.03-r1                1.03-r1 < 1.12.12-r2
4.2.52_p2-r1 < 4.2.52_p4-r2 1.02.07 < 1.02.10-r1             2.18.3-r10 > 1.05-r18         2.38 < 20050405
3.0.20060720 < 20060720     2.5.1-r8 < 2.5.1a-r1             1.3.5-r10 > 1.3.5-r8          2.0.0_rc3-r1 > 1.5
3.0.0-r2 < 021109-r3        3.9_pre20060124 > 0.01           1.1.7 < 6b-r7                 0.10.0 < 0.10.1_rc1
1.1a < 1.3a                 0.15.1b-r2 > 0.15.1b             2.1_pre20 < 2.1_pre26         2.10.1 > 02.08.01b
1.6d > 1.2.07.8             1.2.07.8 < 1.2.12.04             1.2.12.04 < 1.2.12.05         1.07-r1 < 1.07.5
1.07.5 > 1.07               0.59s-r11 < 0.65                 4.5_p1-r1 > 4.5_p1            0.9.8c-r1 < 0.9.8d
013 < 014-r1                5b-r9 > 2.2.10                   1.8.5 < 1.8.5_p2              0.98 < 1.00
2.9.11_pre20051101-r3 > 2.9.11_pre20051101                   2.6.1.3-r1 > 2.6.1.3          0.9.28-r2 < 0.9.28.1
087-r1 < 103                104-r11 > 104-r9                 2.12r-r4 < 2.12r-r5           7.0.174 > 7.0.17
1.2.9.1-r1 > 1.2.9.1        1.3-r0 < 1.3.1-r0                1.3_pre1-r1 < 1.3.2           1.0_p10-r0 > 1.0_p9-r0
0.1.0_alpha_pre2 < 0.1.0_alpha                               1.0.0_pre20191002222144-r0 < 1.0.0_pre20210530193627-r0
"""

SIGNS = {"<": -1, "=": 0, ">": 1}
versions = st.from_regex(
    r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]{0,2}){0,2}", fullmatch=True
)
plain = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)


@pytest.mark.parametrize(("left", "operator", "right"), re.findall(r"(\S+) ([<=>]) (\S+)", GOLDEN))
def test_the_order_of_apk_tools(left: str, operator: str, right: str) -> None:
    assert oracles.sign(key(left), key(right)) == SIGNS[operator]


@given(versions, st.integers(0, 30), st.integers(0, 30))
def test_revisions_compare_as_numbers(version: str, low: int, high: int) -> None:
    assert oracles.sign(key(f"{version}-r{low}"), key(f"{version}-r{high}")) == (low > high) - (low < high)


@given(versions)
def test_no_revision_sorts_before_the_first(version: str) -> None:
    assert oracles.sign(key(version), key(f"{version}-r0")) == -1


@given(plain)
def test_what_may_follow_a_number_follows_in_this_order(version: str) -> None:
    endings = ("_alpha", "_beta1", "_pre", "_rc2", "", "-r1", "_cvs", "_svn", "_git", "_hg", "_p", "a", ".0", ".1")
    keys = [key(version + ending) for ending in endings]
    assert all(one is not None and other is not None and one < other for one, other in pairwise(keys))


@given(versions, versions)
def test_revisions_never_outweigh_the_version(one: str, other: str) -> None:
    if oracles.sign(key(one), key(other)) == 0:
        return
    assert oracles.sign(key(f"{one}-r9"), key(f"{other}-r9")) == oracles.sign(key(one), key(other)) or (
        one.startswith(other) or other.startswith(one)
    )


def test_a_later_number_with_a_leading_zero_compares_as_text() -> None:
    assert oracles.sign(key("1.05"), key("1.5")) == -1
    assert oracles.sign(key("1.010"), key("1.02")) == -1


def test_digits_after_the_letter_are_read_as_apk_tools_2_does() -> None:
    assert oracles.sign(key("1.9.5p1"), key("1.9.5p2-r0")) == -1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a1",
        "1.",
        "1..2",
        "1.0bc",
        "23_foo",
        "1-r",
        "57-1-r2",
        "0.8.21.r2",
        "1.0.4.-r0",
        "1_alpha~",
        "1.0-r1-r2",
        "1.0é",
    ],
)
def test_what_is_no_version_has_no_key(text: str) -> None:
    assert key(text) is None
