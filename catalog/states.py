"""The words for states, three columns and never one: outcome, residence and coverage.

An image's *outcome* says how its analysis ended, its *residence* where its data lives, its *coverage* how much of it the
advisories can speak of. Clean means: analysed, at least one package, every package covered, no finding; anything less says
what is missing.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an image's analysis ended, best first: a reference to several images shows its worst."""

    ANALYSED = "analysed"
    SKIPPED = "skipped"
    """Not an image, or a platform that was not wanted."""
    PARTIAL = "partial"
    """Some evidence could not be read; what is missing is named."""
    PENDING = "pending"
    FAILED = "failed"
    """A layer could not be had or is broken: nothing is composed from the rest."""

    @property
    def severity(self) -> int:
        """Rank from best (0) to worst."""
        return list(Outcome).index(self)


class LayerOutcome(StrEnum):
    """How a layer's analysis ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


class Residence(StrEnum):
    """Where an image's data lives."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    DELETED = "deleted"


class Coverage(StrEnum):
    """Whether a complete advisory feed speaks of a package."""

    COVERED = "covered"
    NOT_COVERED = "not covered"
    NOT_COMPARABLE = "not comparable"
    """A feed covers it, but its version cannot be parsed by the scheme."""


class Severity(StrEnum):
    """A finding's severity, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEGLIGIBLE = "negligible"
    UNKNOWN = "unknown"


class FixState(StrEnum):
    """What the advisory says of a fix."""

    FIXED = "fixed"
    NOT_FIXED = "not-fixed"
    WONT_FIX = "wont-fix"
    UNKNOWN = "unknown"
