"""What a rescan did: the values its JSON, its table and its exit code are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.active.views import CoverageCounts, FindingCounts
from pipelines.known_images import KeptImage
from pipelines.summary import OutcomeCounts


@dataclass(frozen=True, slots=True)
class RescannedLayers:
    """What became of layers without a result of the present analysers.

    Args:
        unique: distinct layers of the images looked at.
        planned: those of them that had no result of the present analysers, as far as they were looked at.
        from_rows: got one without a byte, from what is in the archive.
        changed_only: were read by the changed analysers alone.
        whole: were read by all analysers.
        failed: could not be read.
        bytes_read: compressed bytes read where the layers lie.
        bytes_cached: compressed bytes read from the nodes' caches instead.
    """

    unique: int = 0
    planned: int = 0
    from_rows: int = 0
    changed_only: int = 0
    whole: int = 0
    failed: int = 0
    bytes_read: int = 0
    bytes_cached: int = 0


@dataclass(frozen=True, slots=True)
class RescanSummary:
    """The result of one rescan.

    Args:
        run: the run's id.
        sources: that were asked for; empty for all.
        reanalysed: layers were looked at, not only advisories.
        images: distinct images that were looked at.
        outcomes: of these, as (reference, platform) pairs.
        composed: images composed anew.
        unchanged: images that the changed analysers left as they were.
        kept: images that could not be had any more and keep their former result.
        layers: what was read.
        judged: (package, platform) pairs matched against advisories.
        matches: matches found for them.
        images_updated: images whose findings or coverage were added up anew.
        coverage: packages, summed over the distinct images.
        findings: summed over the distinct images.
        snapshot: hex id of the advisory snapshot, empty where there is none.
        seconds: wall clock.
        cpu_seconds: CPU time of the tasks.
        statements: round trips to Postgres.
        notes: sentences worth a line of their own.
    """

    run: str
    sources: tuple[str, ...] = ()
    reanalysed: bool = False
    images: int = 0
    outcomes: OutcomeCounts = field(default_factory=OutcomeCounts)
    composed: int = 0
    unchanged: int = 0
    kept: tuple[KeptImage, ...] = ()
    layers: RescannedLayers = field(default_factory=RescannedLayers)
    judged: int = 0
    matches: int = 0
    images_updated: int = 0
    coverage: CoverageCounts = field(default_factory=CoverageCounts)
    findings: FindingCounts = field(default_factory=FindingCounts)
    snapshot: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statements: int = 0
    notes: tuple[str, ...] = ()
