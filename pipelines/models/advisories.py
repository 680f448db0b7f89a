"""What is known of vulnerabilities: what `longshore advisories list|import --json` print."""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from pipelines.models.base import Answer, Count


class FeedLine(Protocol):
    """What a listing of feeds shows of one."""

    @property
    def feed(self) -> str:
        """The ecosystem without its release."""

    @property
    def complete(self) -> tuple[str, ...]:
        """What was declared complete."""

    @property
    def as_of(self) -> str:
        """When its newest advisory was modified."""

    @property
    def advisories(self) -> int:
        """Records."""

    @property
    def ranges(self) -> int:
        """Affected ranges."""


class FeedFacts(FeedLine, Protocol):
    """What is known of a feed, whoever says it: the active set's record, its snapshot, or an import's receipt."""

    @property
    def releases(self) -> tuple[tuple[str, int], ...]:
        """Every ecosystem string with its number of ranges."""


class Release(Answer):
    """One release of an ecosystem, as the advisories name it."""

    ecosystem: str
    ranges: Count
    complete: bool = Field(description="declared complete: the packages it speaks of are covered")


class Feed(Answer):
    """The advisories of one ecosystem; an import replaces a feed as a whole."""

    feed: str
    as_of: str = Field(description="when its newest advisory was modified")
    advisories: Count
    ranges: Count
    complete: tuple[str, ...] = Field(description="as declared, ECOSYSTEM[:RELEASE]; empty for a sample")
    releases: tuple[Release, ...]

    @classmethod
    def of(cls, record: FeedFacts) -> Feed:
        """A feed as any of its witnesses describes it."""
        return cls(
            feed=record.feed,
            as_of=record.as_of,
            advisories=record.advisories,
            ranges=record.ranges,
            complete=record.complete,
            releases=tuple(
                Release(
                    ecosystem=name, ranges=ranges, complete=name in record.complete or record.feed in record.complete
                )
                for name, ranges in record.releases
            ),
        )


class AdvisoriesReport(Answer):
    """The current snapshot."""

    snapshot: str | None = Field(description="its id, null where nothing was imported")
    feeds: tuple[Feed, ...]


class RecordProblem(Answer):
    """Records that an import could not read, by reason."""

    reason: str
    count: Count
    examples: tuple[str, ...]


class ImportReport(Answer):
    """One import."""

    run: str
    snapshot: str
    changed: bool = Field(description="the snapshot differs from the one before")
    records: Count = Field(description="records read")
    duplicates: Count = Field(description="records whose place a newer one of the same id took")
    imported: tuple[Feed, ...] = Field(description="the feeds that this import replaced")
    kept: tuple[str, ...] = Field(description="feeds of the snapshot before that it did not touch")
    unknown_ecosystems: tuple[str, ...] = Field(description="kept, but never matched: no order of versions is known")
    problems: tuple[RecordProblem, ...]
    seconds: float
