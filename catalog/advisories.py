"""What is known of vulnerabilities: the receipts of an import, and the snapshot they add up to.

A *feed* is an ecosystem without its release (`Debian`, `PyPI`); an import replaces the feeds that it holds and leaves the
others as they are. A *snapshot* is all feeds at one moment: immutable objects in the archive, named by their content.
What a feed covers is declared, never inferred: a release that nobody declared complete is a sample, and a sample covers
no package.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.identities import advisory_snapshot_id
from catalog.receipts import ObjectReceipt


def feed_of(ecosystem: str) -> str:
    """The feed of an ecosystem string: what stands before its release (`Ubuntu:Pro:22.04:LTS` → `Ubuntu`)."""
    return ecosystem.partition(":")[0]


@dataclass(frozen=True, slots=True)
class FeedReceipt:
    """One feed as an import left it.

    Args:
        feed: the ecosystem without its release.
        releases: every ecosystem string that it speaks of, with its number of ranges, sorted.
        complete: what was declared complete, `ECOSYSTEM[:RELEASE]`, sorted; empty for a sample.
        as_of: when its newest advisory was modified, as that advisory writes it.
        advisories: records, the withdrawn ones included.
        withdrawn: withdrawn records, which match nothing.
        ranges: rows of affected_ranges.
        not_comparable: those of them that name a version their scheme cannot parse, or whose scheme is not known.
        advisory_object: the object that holds its advisories.
        range_object: the object that holds its ranges; None where it has none.
    """

    feed: str
    releases: tuple[tuple[str, int], ...]
    complete: tuple[str, ...]
    as_of: str
    advisories: int
    withdrawn: int
    ranges: int
    not_comparable: int
    advisory_object: ObjectReceipt
    range_object: ObjectReceipt | None

    @property
    def objects(self) -> tuple[ObjectReceipt, ...]:
        """Its objects in the archive."""
        return (self.advisory_object,) if self.range_object is None else (self.advisory_object, self.range_object)

    def covers(self, ecosystem: str) -> bool:
        """Whether it was declared complete for an ecosystem string, release included, and speaks of it at all."""
        declared = ecosystem in self.complete or self.feed in self.complete
        return declared and any(ecosystem == release for release, _ranges in self.releases)


SnapshotFeeds = tuple[FeedReceipt, ...]
"""A snapshot's feeds, sorted by name."""


@dataclass(frozen=True, slots=True)
class RecordProblems:
    """Records that an import could not read, by reason.

    Args:
        reason: a stable word.
        count: how many.
        examples: names and what is wrong with them, the first few.
    """

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SnapshotReceipt:
    """One import, and the snapshot that it makes.

    Args:
        snapshot: the snapshot's id.
        feeds: all its feeds, sorted by name: those imported now and those kept.
        imported: names of the feeds that this import replaced.
        records: records read.
        duplicates: of them, those that another one of the same id and at least as new took the place of.
        problems: records that could not be read.
        unknown_ecosystems: ecosystem strings whose version scheme is not known, with their ranges: kept, never matched.
        cpu_seconds: CPU time of the import.
    """

    snapshot: bytes
    feeds: SnapshotFeeds
    imported: tuple[str, ...]
    records: int
    duplicates: int = 0
    problems: tuple[RecordProblems, ...] = ()
    unknown_ecosystems: tuple[tuple[str, int], ...] = ()
    cpu_seconds: float = 0.0


def snapshot_id(feeds: Iterable[FeedReceipt]) -> bytes:
    """32 bytes that name a snapshot: its feeds in any order, by the content of their objects and what they declare."""
    return advisory_snapshot_id(
        (feed.feed, tuple(written.content_hash for written in feed.objects), feed.complete) for feed in feeds
    )
