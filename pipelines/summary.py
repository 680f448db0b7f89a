"""What a scan did: the values its summary, its JSON and its exit code are made of.

All counts are of the images that the scan's sources name now, whether this run analysed them or an earlier one did: a scan
that finds nothing new still says what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.states import Outcome, Severity


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Images (or references that lead to none) by outcome."""

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
class SeverityCounts:
    """Findings, a vulnerability of a package counted once an image, by severity.

    Args:
        fixable: how many of them name a version that fixes them.
    """

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    negligible: int = 0
    unknown: int = 0
    fixable: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.critical + self.high + self.medium + self.low + self.negligible + self.unknown

    def at_least(self, severity: Severity) -> int:
        """Findings of this severity or worse."""
        ranks = list(Severity)
        counts = (self.critical, self.high, self.medium, self.low, self.negligible, self.unknown)
        return sum(counts[: ranks.index(severity) + 1])


@dataclass(frozen=True, slots=True)
class PackageCounts:
    """Packages by coverage, each counted once an image."""

    packages: int = 0
    covered: int = 0
    not_covered: int = 0
    not_comparable: int = 0

    @property
    def share_covered(self) -> float:
        """The covered share, 0 to 1; 0 where there is no package."""
        return self.covered / self.packages if self.packages else 0.0


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
        bytes_read: compressed bytes this run read.
    """

    named: int = 0
    unique: int = 0
    planned: int = 0
    analysed: int = 0
    failed: int = 0
    bytes_named: int = 0
    bytes_read: int = 0

    @property
    def bytes_saved(self) -> int:
        """Compressed bytes that sharing spared this run."""
        return max(0, self.bytes_named - self.bytes_read)

    @property
    def share_saved(self) -> float:
        """Share of the bytes named that was not read, 0 to 1."""
        return self.bytes_saved / self.bytes_named if self.bytes_named else 0.0


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """One line of the summary: a reference on one platform.

    Args:
        image: the canonical reference.
        digest: the image's; empty where none was found.
        platform: `os/architecture[/variant]`, empty where unknown.
        outcome: how its analysis ended.
        reason: the stable word of what went wrong, else empty.
        detail: its one line, else empty.
        new: this run analysed it.
    """

    image: str
    digest: str
    platform: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    packages: PackageCounts = field(default_factory=PackageCounts)
    findings: SeverityCounts = field(default_factory=SeverityCounts)
    new: bool = False

    @property
    def clean(self) -> bool:
        """Analysed, at least one package, every package covered, no finding."""
        return (
            self.outcome is Outcome.ANALYSED
            and 0 < self.packages.packages == self.packages.covered
            and self.findings.total == 0
        )


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
        packages: summed over the distinct images.
        findings: summed over the distinct images.
        not_covered_images: distinct images with packages that no complete feed covers.
        snapshot: hex id of the advisory snapshot that judged them, empty where there is none.
        lines: the first image lines, worst first, at most as many as the options allow.
        lines_left_out: lines there are besides.
        seconds: wall clock.
        cpu_seconds: CPU time of the tasks.
        statements: round trips to Postgres.
        notes: sentences worth a line of their own (a registry without a catalogue, a source that names nothing).
    """

    run: str
    sources: tuple[str, ...]
    outcomes: OutcomeCounts = field(default_factory=OutcomeCounts)
    images: int = 0
    new_images: int = 0
    layers: LayerCounts = field(default_factory=LayerCounts)
    packages: PackageCounts = field(default_factory=PackageCounts)
    findings: SeverityCounts = field(default_factory=SeverityCounts)
    not_covered_images: int = 0
    snapshot: str = ""
    lines: tuple[ScannedImage, ...] = ()
    lines_left_out: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statements: int = 0
    notes: tuple[str, ...] = ()
