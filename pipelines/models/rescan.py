"""What a rescan did: what `longshore rescan --json` prints."""

from __future__ import annotations

from pydantic import Field

from pipelines.known_images import KeptImage
from pipelines.models.base import Answer, Count, Digest, Findings, PackagesByCoverage
from pipelines.models.scan import Outcomes
from pipelines.rescan_summary import RescannedLayers, RescanSummary


class Rescanned(Answer):
    """Layers without a result of the present analysers, and what became of them."""

    unique: Count = Field(description="distinct layers of the images looked at")
    planned: Count
    from_rows: Count = Field(description="got a result from what is in the archive, without a byte")
    changed_only: Count = Field(description="were read by the changed analysers alone")
    whole: Count = Field(description="were read by all analysers")
    failed: Count
    bytes_read: Count
    bytes_cached: Count

    @classmethod
    def of(cls, layers: RescannedLayers) -> Rescanned:
        """The counts of a summary."""
        return cls(
            unique=layers.unique,
            planned=layers.planned,
            from_rows=layers.from_rows,
            changed_only=layers.changed_only,
            whole=layers.whole,
            failed=layers.failed,
            bytes_read=layers.bytes_read,
            bytes_cached=layers.bytes_cached,
        )


class Kept(Answer):
    """An image that could not be had any more and keeps its former result."""

    reference: str
    image: Digest
    reason: str
    detail: str

    @classmethod
    def of(cls, kept: KeptImage) -> Kept:
        """The values of a summary."""
        return cls(reference=kept.reference, image=kept.image, reason=kept.reason, detail=kept.detail)


class RescanReport(Answer):
    """One rescan."""

    run: str
    sources: tuple[str, ...] = Field(description="empty for all that is known")
    reanalysed: bool
    outcomes: Outcomes
    images: Count = Field(description="distinct images looked at")
    composed: Count
    unchanged: Count = Field(description="images that changed analysers left as they were")
    kept: tuple[Kept, ...]
    layers: Rescanned
    judged: Count = Field(description="pairs of package and platform matched against advisories")
    matches: Count
    images_updated: Count
    packages: PackagesByCoverage
    findings: Findings
    snapshot: str | None = Field(description="the advisory snapshot, null where none was imported")
    seconds: float
    cpu_seconds: float
    statements: Count
    notes: tuple[str, ...]

    @classmethod
    def of(cls, summary: RescanSummary) -> RescanReport:
        """The values of a summary."""
        return cls(
            run=summary.run,
            sources=summary.sources,
            reanalysed=summary.reanalysed,
            outcomes=Outcomes.of(summary.outcomes),
            images=summary.images,
            composed=summary.composed,
            unchanged=summary.unchanged,
            kept=tuple(Kept.of(kept) for kept in summary.kept),
            layers=Rescanned.of(summary.layers),
            judged=summary.judged,
            matches=summary.matches,
            images_updated=summary.images_updated,
            packages=PackagesByCoverage.of(summary.coverage),
            findings=Findings.of(summary.findings),
            snapshot=summary.snapshot or None,
            seconds=round(summary.seconds, 3),
            cpu_seconds=round(summary.cpu_seconds, 3),
            statements=summary.statements,
            notes=summary.notes,
        )
