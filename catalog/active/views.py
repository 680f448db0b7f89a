"""What the fleet queries answer with: plain values, one for each line that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from catalog.advisories import SnapshotFeeds
from catalog.images import ImagePlatform
from catalog.states import Coverage, FixState, Outcome, Residence, Severity


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """Findings by worst severity; a finding is one (package, vulnerability), however many advisories say so.

    Args:
        critical: findings of that severity; so `high`, `medium`, `low`, `negligible` and `unknown`.
        high: see critical.
        medium: see critical.
        low: see critical.
        negligible: see critical.
        unknown: see critical.
        fixable: those of any severity that some advisory names a fix for.
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
        """Findings of every severity."""
        return self.critical + self.high + self.medium + self.low + self.negligible + self.unknown

    def of(self, severity: Severity) -> int:
        """The findings of one severity."""
        count: int = getattr(self, severity.value)
        return count


@dataclass(frozen=True, slots=True)
class CoverageCounts:
    """How many of an image's packages a complete feed speaks of; the three add up to its packages."""

    covered: int = 0
    not_covered: int = 0
    not_comparable: int = 0

    @property
    def packages(self) -> int:
        """All packages."""
        return self.covered + self.not_covered + self.not_comparable

    @property
    def complete(self) -> bool:
        """There is a package, and every one is covered."""
        return self.covered > 0 and self.covered == self.packages


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image under one reference: a line of `longshore images`.

    Args:
        reference: canonical text.
        digest: the image's; empty where the reference could not be resolved or the platform was skipped before its manifest was read.
        platform: what the image runs on; all empty where unknown.
        state: the outcome.
        reason: its stable word, empty when all is well.
        detail: its sentence, empty when all is well.
        residence: where the data lives.
        present: the registry still has the reference.
        distribution: os-release's PRETTY_NAME, else id and version, else empty.
        packages: distinct packages.
        findings: counts by severity.
        coverage: counts of packages by coverage.
        first_analysed: when the image was first analysed, or None.
    """

    reference: str
    digest: str
    platform: ImagePlatform
    state: Outcome
    reason: str
    detail: str
    residence: Residence
    present: bool
    distribution: str
    packages: int
    findings: FindingCounts
    coverage: CoverageCounts
    first_analysed: datetime | None

    @property
    def clean(self) -> bool:
        """Analysed in full, every package covered by a complete feed, and nothing found."""
        return self.state is Outcome.ANALYSED and self.coverage.complete and self.findings.total == 0


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image under the reference or digest that was asked for: the head of `longshore show`.

    Args:
        image: the active set's own integer, an argument for the other queries; 0 where there is no image.
        line: what `longshore images` shows of it.
        target: digest that the reference names (an index, or the manifest itself); empty where it was asked for by digest.
        media_type: the manifest's; empty where unknown.
        created: as the configuration says; empty where unknown.
        chain: 32 bytes that name its chain; empty where nothing is composed.
        layers: digests, bottom first.
        references: texts of all present references to it.
        distribution: os-release's ID; empty where unknown.
        distribution_version: os-release's VERSION_ID; empty where unknown.
        distribution_cpes: product CPEs.
    """

    image: int
    line: ImageLine
    target: str
    media_type: str
    created: str
    chain: bytes
    layers: tuple[str, ...]
    references: tuple[str, ...]
    distribution: str
    distribution_version: str
    distribution_cpes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """One distinct package of an image; where it lies is in the archive's occurrences, under `package`.

    Args:
        package: 16 bytes that name it.
        type: purl type; the other fields as catalog.packages.PackageFacts has them.
        coverage: by the current snapshot; not covered where there is none.
        ecosystem_platform: (distribution, version) of the platform it belongs to; empty texts for language packages.
    """

    package: bytes
    type: str
    namespace: str
    name: str
    version: str
    epoch: int | None
    architecture: str
    source_name: str
    source_version: str
    module: str
    qualifiers: tuple[tuple[str, str], ...]
    licences: tuple[str, ...]
    role: str
    coverage: Coverage
    ecosystem_platform: tuple[str, str]


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """One advisory that matches one package: the reason behind a finding.

    Several advisories may say the same (package, vulnerability): they are several records and one finding.

    Args:
        package: 16 bytes that name the package.
        type: its purl type.
        name: its name.
        version: its version.
        vulnerability: canonical id.
        advisory: the advisory's own id.
        severity: worst first.
        score: CVSS base score, or None.
        fix_state: what the advisory says of a fix.
        fixed_version: as the advisory writes it, else empty.
        how: `direct` or `source`.
        ecosystem: with its release, as the advisory names it.
        compared_name: the name that was compared.
        compared_version: the version that was compared.
        range_text: the range that holds it.
    """

    package: bytes
    type: str
    name: str
    version: str
    vulnerability: str
    advisory: str
    severity: Severity
    score: float | None
    fix_state: FixState
    fixed_version: str
    how: str
    ecosystem: str
    compared_name: str
    compared_version: str
    range_text: str


@dataclass(frozen=True, slots=True)
class ChainObjects:
    """One chain of an image's lineage and the archive objects that may hold its occurrence rows, root first.

    Args:
        chain: 32 bytes.
        layer: digest of its top layer.
        keys: archive keys of occurrences objects to filter by the chain; none where its commit wrote no rows.
    """

    chain: bytes
    layer: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerState:
    """One layer of an image and how its analysis ended.

    Args:
        position: from 0, bottom first.
        layer: digest.
        size: bytes as served; -1 where unknown.
        outcome: `complete`, `partial`, `failed`, or `pending` without a result.
        reason: its stable word.
        detail: its sentence.
        problems: how many problems its analysis recorded.
        problem_keys: archive keys of problems objects to filter by the layer; none where there are no problems.
    """

    position: int
    layer: str
    size: int
    outcome: str
    reason: str
    detail: str
    problems: int
    problem_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """The whole fleet in numbers.

    Args:
        references: present references by outcome (each shows its worst image).
        references_gone: references that the registry no longer has.
        images: images by outcome.
        residences: images by residence.
        reasons: (outcome, reason, count) of every image, platform and reference that is not analysed in full.
        layers: distinct layers known; `layers_with_result` of them analysed, `layers_failed` of them failed.
        layer_edges: image-layer edges: divided by layers it is the sharing.
        layer_bytes: compressed bytes of the distinct layers; `edge_bytes`: the same, counted once per image.
        chains: distinct chains of layers.
        packages: distinct packages.
        package_sets: distinct package sets.
        set_edges: image-set edges.
        findings: over all images that are present, by severity, counted per image.
        coverage: the same for packages.
        snapshot: hex of the current advisory snapshot, empty where there is none.
        feeds: of that snapshot.
        generation: last commit; 0 where there is none.
        objects: archive objects committed, and their `object_bytes`.
        leases: layers that some run holds at this moment.
        unjudged: packages that the current snapshot has not judged yet.
    """

    references: tuple[tuple[Outcome, int], ...]
    references_gone: int
    images: tuple[tuple[Outcome, int], ...]
    residences: tuple[tuple[Residence, int], ...]
    reasons: tuple[tuple[Outcome, str, int], ...]
    layers: int
    layers_with_result: int
    layers_failed: int
    layer_edges: int
    layer_bytes: int
    edge_bytes: int
    chains: int
    packages: int
    package_sets: int
    set_edges: int
    findings: FindingCounts
    coverage: CoverageCounts
    snapshot: str
    feeds: SnapshotFeeds
    generation: int
    objects: int
    object_bytes: int
    leases: int
    unjudged: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a verb.

    Args:
        run: its id.
        verb: `scan`, `advisories import`, …
        started: when.
        ended: when.
        outcome: `completed`, `partial`, `failed` or `interrupted`.
        arguments: the command line, credentials redacted.
        summary: JSON text of the verb's counters.
    """

    run: str
    verb: str
    started: datetime
    ended: datetime
    outcome: str
    arguments: str
    summary: str
