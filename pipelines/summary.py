"""What a scan did: the values its summary, its JSON and its exit code are made of.

All counts are of the images that the scan's sources name now, whether this run analysed them or an earlier one did: a scan
that finds nothing new still says what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.active.views import CoverageCounts, FindingCounts, ImageLine


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Images, platforms and references that lead to none, by outcome (see `catalog.states.Outcome`)."""

    analysed: int = 0
    skipped: int = 0
    partial: int = 0
    pending: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.analysed + self.skipped + self.partial + self.pending + self.failed


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """What was shared, and what was read.

    Args:
        named: layers that the images name, each as often as an image names it.
        unique: distinct layers among them.
        planned: distinct layers that had no result when the run began.
        analysed: layers this run analysed, partial ones included.
        failed: layers this run could not analyse.
        bytes_named: compressed bytes of `named`.
        bytes_read: compressed bytes this run read where the layers lie, over the network or from local files.
        bytes_cached: compressed bytes this run read from its nodes' caches instead.
    """

    named: int = 0
    unique: int = 0
    planned: int = 0
    analysed: int = 0
    failed: int = 0
    bytes_named: int = 0
    bytes_read: int = 0
    bytes_cached: int = 0

    @property
    def bytes_saved(self) -> int:
        """Compressed bytes that sharing and earlier runs spared this one."""
        return max(0, self.bytes_named - self.bytes_read)

    @property
    def share_saved(self) -> float:
        """Share of the bytes named that was not read, 0 to 1."""
        return self.bytes_saved / self.bytes_named if self.bytes_named else 0.0


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The result of one scan.

    Args:
        run: the run's id.
        sources: as they were asked for.
        outcomes: of every (reference, platform) the sources name.
        images: distinct images among them.
        new_images: images this run composed.
        layers: what was shared.
        coverage: packages, summed over the distinct images.
        findings: summed over the distinct images.
        snapshot: hex id of the advisory snapshot that judged them, empty where there is none.
        lines: the first image lines, worst outcome and severity first, at most as many as the options allow.
        lines_left_out: lines there are besides.
        seconds: wall clock.
        cpu_seconds: CPU time of the tasks.
        statements: round trips to Postgres.
        failed_sources: sources that could not be listed, or not to their end; the notes say why.
        notes: sentences worth a line of their own (a source that names nothing, work another run holds).
    """

    run: str
    sources: tuple[str, ...]
    outcomes: OutcomeCounts = field(default_factory=OutcomeCounts)
    images: int = 0
    new_images: int = 0
    layers: LayerCounts = field(default_factory=LayerCounts)
    coverage: CoverageCounts = field(default_factory=CoverageCounts)
    findings: FindingCounts = field(default_factory=FindingCounts)
    snapshot: str = ""
    lines: tuple[ImageLine, ...] = ()
    lines_left_out: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statements: int = 0
    failed_sources: int = 0
    notes: tuple[str, ...] = ()
