"""What every answer has in common, and the small parts that several share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from catalog.active.views import CoverageCounts, FindingCounts

Share = Annotated[float, Field(ge=0, le=1)]
"""A share, 0 to 1."""
Count = Annotated[int, Field(ge=0)]
"""How many there are."""
Digest = Annotated[str, Field(pattern=r"^[a-z0-9]+([+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$")]
"""A digest as the OCI image specification writes it."""
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A moment in UTC, RFC 3339."""


class Answer(BaseModel):
    """A frozen value that becomes one JSON document."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_json(self) -> str:
        """The document, in ASCII: text from images reaches a terminal escaped only."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=True, indent=2)


class Findings(Answer):
    """Findings by severity; one is a vulnerability of a package, counted once an image."""

    critical: Count
    high: Count
    medium: Count
    low: Count
    negligible: Count
    unknown: Count
    fixable: Count = Field(description="those for which some advisory names a fix")

    @classmethod
    def of(cls, counts: FindingCounts) -> Findings:
        """The counts of the active set."""
        return cls(
            critical=counts.critical,
            high=counts.high,
            medium=counts.medium,
            low=counts.low,
            negligible=counts.negligible,
            unknown=counts.unknown,
            fixable=counts.fixable,
        )


class PackagesByCoverage(Answer):
    """Packages, and whether a complete advisory feed speaks of them."""

    total: Count
    covered: Count
    not_covered: Count
    not_comparable: Count

    @classmethod
    def of(cls, counts: CoverageCounts) -> PackagesByCoverage:
        """The counts of the active set."""
        return cls(
            total=counts.packages,
            covered=counts.covered,
            not_covered=counts.not_covered,
            not_comparable=counts.not_comparable,
        )


def covered_share(counts: CoverageCounts) -> float:
    """The share of packages that a complete feed covers; 0 where there is no package."""
    return counts.covered / counts.packages if counts.packages else 0.0


def moment(when: datetime) -> str:
    """A moment as RFC 3339 in UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def explained(reason: str, detail: str) -> str:
    """A reason's stable word with its sentence behind it; empty where there is none."""
    return ": ".join(part for part in (reason, detail) if part)
