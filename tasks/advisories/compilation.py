"""From one advisory to rows of affected ranges: versions become keys, severities scores, and words fix states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

from catalog.advisories import feed_of
from catalog.states import FixState, Severity
from tasks.advisories.ecosystems import package_name, scheme_of
from tasks.advisories.intervals import Interval, compile_events
from tasks.advisories.records import AdvisoryRecord, Affected, AffectedRange, Event
from tasks.advisories.severity import Rating, rate
from tasks.advisories.ubuntu import with_plain_releases
from tasks.versions import just_after, version_key

_SEMVER = "semver"
_ERRATUM = re.compile(r"(Critical|Important|Moderate|Low): ")
_ERRATUM_FEEDS = frozenset({"AlmaLinux", "Rocky Linux"})
"""Feeds that have no severity but the word before the summary's colon."""


class RangeRow(NamedTuple):
    """A row of affected_ranges, but for the advisory and its vulnerabilities (schemas.AFFECTED_RANGES)."""

    ecosystem: str
    name: str
    scheme: str
    lo: bytes | None
    hi: bytes | None
    exact: str | None
    introduced: str
    fixed: str
    last_affected: str
    fix_state: FixState
    severity: Severity
    score: float | None
    module: str = ""

    @property
    def comparable(self) -> bool:
        """Whether it can match anything."""
        return self.lo is not None or self.exact is not None


def rate_record(record: AdvisoryRecord) -> Rating:
    """The rating of an advisory as a whole."""
    return rate(record.severities, (record.word, record.urgency, _erratum_word(record)))


def compile_record(record: AdvisoryRecord, affected: Iterable[Affected], rating: Rating) -> list[RangeRow]:
    """The rows of an advisory, each once.

    Args:
        record: the advisory.
        affected: those of its entries that count.
        rating: of the advisory as a whole.
    """
    rows: dict[RangeRow, None] = {}
    for entry in with_plain_releases(tuple(affected)):
        own = rating
        if entry.severities or entry.word or entry.urgency:
            words = (entry.word, record.word, entry.urgency, record.urgency, _erratum_word(record))
            own = rate(entry.severities or record.severities, words)
        for row in _entry_rows(entry, own):
            rows[row] = None
    return list(rows)


def _entry_rows(entry: Affected, rating: Rating) -> Iterator[RangeRow]:
    name = package_name(entry.ecosystem, entry.name)
    scheme = scheme_of(entry.ecosystem)
    if not scheme and any(found.type == "SEMVER" for found in entry.ranges):
        scheme = _SEMVER
    row = partial(RangeRow, entry.ecosystem, name, scheme, severity=rating.severity, score=rating.score, module="")
    known: list[Interval] = []
    for found in entry.ranges:
        if found.type == "GIT":
            continue  # of source trees, never of packages
        intervals = _intervals(scheme, found.events)
        if intervals is None:
            introduced, fixed, last_affected = _written(found)
            state = _fix_state(entry, fixed=bool(fixed), ended=bool(last_affected))
            yield row(None, None, None, introduced, fixed, last_affected, state)
            continue
        for interval in intervals:
            known.append(interval)
            state = _fix_state(entry, fixed=bool(interval.fixed), ended=bool(interval.last_affected))
            yield row(
                interval.lo, interval.hi, None, interval.introduced, interval.fixed, interval.last_affected, state
            )
    for version in entry.versions:
        key = version_key(scheme, version)
        if key is None:
            yield row(None, None, version, "", "", "", FixState.UNKNOWN)
        elif not any(interval.holds(key) for interval in known):
            yield row(key, just_after(key), version, "", "", "", FixState.UNKNOWN)


@lru_cache(maxsize=1 << 14)
def _intervals(scheme: str, events: tuple[Event, ...]) -> tuple[Interval, ...] | None:
    # A distribution says the same of every package that is built from one source, and of every release.
    return compile_events(events, partial(version_key, scheme))


def _written(found: AffectedRange) -> tuple[str, str, str]:
    """What a range that cannot be compared says, as text: the versions of each kind of event, joined."""
    joined = (
        ", ".join(version for kind, version in found.events if kind == wanted)
        for wanted in ("introduced", "fixed", "last_affected")
    )
    introduced, fixed, last_affected = joined
    return introduced, fixed, last_affected


def _fix_state(entry: Affected, *, fixed: bool, ended: bool) -> FixState:
    if fixed and not entry.fix_needs_subscription:
        return FixState.FIXED
    if ended and not fixed:
        return FixState.UNKNOWN  # later versions are not affected; which of them to take, nobody says
    status = entry.status.partition(":")[0]
    if status == "ignored" or entry.urgency == "end-of-life":
        return FixState.WONT_FIX
    return FixState.UNKNOWN if status == "needs-triage" else FixState.NOT_FIXED


def _erratum_word(record: AdvisoryRecord) -> str:
    found = _ERRATUM.match(record.summary)
    if found is None or not any(feed_of(entry.ecosystem) in _ERRATUM_FEEDS for entry in record.affected):
        return ""
    return found[1]
