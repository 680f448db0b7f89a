from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from tasks.advisories.intervals import Interval, compile_events
from tasks.advisories.records import Event
from tasks.versions import MINUS_INFINITY, PLUS_INFINITY, just_after
from tasks.versions.pep440 import key

versions = st.sampled_from(["0", "0.1", "1.0a1", "1.0", "1.0.1", "1.1", "2.0.dev1", "2.0", "2.0.post1", "3", "10"])
events = st.lists(
    st.tuples(st.sampled_from(["introduced", "fixed", "last_affected"]), versions), min_size=1, max_size=6
)


def _key(version: str) -> bytes:
    found = key(version)
    assert found is not None
    return found


def _osv_says(version: str, ordered: list[Event]) -> bool:
    """OSV schema, "Evaluation", with `packaging` as the judge of order."""
    vulnerable = False
    for kind, text in sorted(
        ordered, key=lambda event: (event[0] != "introduced" or event[1] != "0", Version(event[1]))
    ):
        at = Version(text)
        if kind == "introduced" and (text == "0" or Version(version) >= at):
            vulnerable = True
        elif (kind == "fixed" and Version(version) >= at) or (kind == "last_affected" and Version(version) > at):
            vulnerable = False
    return vulnerable


def _unambiguous(found: list[Event]) -> bool:
    # Two events at one version contradict each other, but for a range of a single version.
    return len({Version(version) for _kind, version in found}) == len(found)


@given(events.filter(_unambiguous), versions)
@settings(max_examples=300)
def test_intervals_hold_what_osv_s_algorithm_finds(found: list[Event], version: str) -> None:
    intervals = compile_events(found, key)
    assert intervals is not None
    assert any(interval.holds(_key(version)) for interval in intervals) == _osv_says(version, found)


@given(events)
def test_intervals_are_disjoint_and_ascend(found: list[Event]) -> None:
    intervals = compile_events(found, key)
    assert intervals is not None
    bounds = [bound for interval in intervals for bound in (interval.lo, interval.hi)]
    assert bounds == sorted(bounds)
    assert all(interval.lo < interval.hi for interval in intervals)


def test_introduced_zero_lies_before_every_version() -> None:
    assert compile_events([("introduced", "0"), ("fixed", "1.0")], key) == (
        Interval(MINUS_INFINITY, _key("1.0"), "0", fixed="1.0"),
    )


def test_a_fix_is_exclusive_and_the_last_affected_version_inclusive() -> None:
    fixed = compile_events([("introduced", "0"), ("fixed", "1.0")], key)
    last = compile_events([("introduced", "0"), ("last_affected", "1.0")], key)
    assert fixed is not None
    assert last is not None
    assert not fixed[0].holds(_key("1.0"))
    assert last[0].holds(_key("1.0"))
    assert not last[0].holds(_key("1.0.post1"))
    assert last[0].hi == just_after(_key("1.0"))


def test_a_range_of_one_version() -> None:
    found = compile_events([("introduced", "2.0"), ("last_affected", "2.0")], key)
    assert found == (Interval(_key("2.0"), just_after(_key("2.0")), "2.0", last_affected="2.0"),)


def test_without_an_end_it_never_ends() -> None:
    assert compile_events([("introduced", "1.0")], key) == (Interval(_key("1.0"), PLUS_INFINITY, "1.0"),)


def test_events_may_come_in_any_order() -> None:
    ordered = [("introduced", "0"), ("fixed", "1.0"), ("introduced", "2.0"), ("fixed", "3")]
    assert compile_events(reversed(ordered), key) == compile_events(ordered, key)


def test_a_limit_ends_everything() -> None:
    assert compile_events([("introduced", "1.0"), ("limit", "2.0")], key) == (
        Interval(_key("1.0"), _key("2.0"), "1.0"),
    )
    assert compile_events([("introduced", "3"), ("limit", "2.0")], key) == ()
    assert compile_events([("introduced", "1.0"), ("limit", "*")], key) == (
        Interval(_key("1.0"), PLUS_INFINITY, "1.0"),
    )


def test_a_version_that_cannot_be_parsed_makes_the_range_incomparable() -> None:
    assert compile_events([("introduced", "0"), ("fixed", "one")], key) is None


def test_a_fix_without_a_beginning_says_nothing() -> None:
    assert compile_events([("fixed", "1.0")], key) == ()
