"""What a scan did: what `longshore scan --json` prints."""

from __future__ import annotations

from pydantic import Field

from pipelines.models.base import Answer, Count, Findings, PackagesByCoverage, Share
from pipelines.models.images import ImageEntry
from pipelines.summary import LayerCounts, OutcomeCounts, ScanSummary


class Outcomes(Answer):
    """Images, platforms and references that lead to none, by outcome."""

    analysed: Count
    skipped: Count
    partial: Count
    pending: Count
    failed: Count

    @classmethod
    def of(cls, counts: OutcomeCounts) -> Outcomes:
        """The counts of a summary."""
        return cls(
            analysed=counts.analysed,
            skipped=counts.skipped,
            partial=counts.partial,
            pending=counts.pending,
            failed=counts.failed,
        )


class Layers(Answer):
    """What was shared, and what was read."""

    named: Count = Field(description="as often as an image names one")
    unique: Count
    planned: Count = Field(description="distinct layers without a result when the run began")
    analysed: Count
    failed: Count
    bytes_named: Count
    bytes_read: Count = Field(
        description="compressed bytes read where the layers lie, over the network or from local files"
    )
    bytes_cached: Count = Field(description="compressed bytes read from the nodes' caches instead")
    bytes_saved: Count
    share_saved: Share

    @classmethod
    def of(cls, counts: LayerCounts) -> Layers:
        """The counts of a summary."""
        return cls(
            named=counts.named,
            unique=counts.unique,
            planned=counts.planned,
            analysed=counts.analysed,
            failed=counts.failed,
            bytes_named=counts.bytes_named,
            bytes_read=counts.bytes_read,
            bytes_cached=counts.bytes_cached,
            bytes_saved=counts.bytes_saved,
            share_saved=counts.share_saved,
        )


class ScanReport(Answer):
    """One scan."""

    run: str
    sources: tuple[str, ...]
    outcomes: Outcomes
    images: Count = Field(description="distinct images that the sources name")
    new_images: Count
    layers: Layers
    packages: PackagesByCoverage
    findings: Findings
    snapshot: str | None = Field(description="the advisory snapshot, null where none was imported")
    lines: tuple[ImageEntry, ...]
    lines_left_out: Count
    seconds: float
    cpu_seconds: float
    statements: Count
    failed_sources: Count = Field(description="sources that could not be listed, or not to their end")
    notes: tuple[str, ...]

    @classmethod
    def of(cls, summary: ScanSummary) -> ScanReport:
        """The values of a summary."""
        return cls(
            run=summary.run,
            sources=summary.sources,
            outcomes=Outcomes.of(summary.outcomes),
            images=summary.images,
            new_images=summary.new_images,
            layers=Layers.of(summary.layers),
            packages=PackagesByCoverage.of(summary.coverage),
            findings=Findings.of(summary.findings),
            snapshot=summary.snapshot or None,
            lines=tuple(ImageEntry.of(line) for line in summary.lines),
            lines_left_out=summary.lines_left_out,
            seconds=round(summary.seconds, 3),
            cpu_seconds=round(summary.cpu_seconds, 3),
            statements=summary.statements,
            failed_sources=summary.failed_sources,
            notes=summary.notes,
        )
