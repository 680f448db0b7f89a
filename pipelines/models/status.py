"""The whole fleet in numbers: what `longshore status --json` prints."""

from __future__ import annotations

from pydantic import Field

from catalog.active.views import FleetStatus
from catalog.states import Outcome, Residence
from pipelines.models.advisories import Feed
from pipelines.models.base import Answer, Count, Findings, PackagesByCoverage


class OutcomeCount(Answer):
    """How many ended so."""

    state: Outcome
    count: Count


class ResidenceCount(Answer):
    """How many live there."""

    residence: Residence
    count: Count


class ReasonCount(Answer):
    """How many are not analysed in full, for one reason."""

    state: Outcome
    reason: str
    count: Count


class LayerTotals(Answer):
    """Layers, and how much of them the images share."""

    known: Count
    analysed: Count
    failed: Count
    named: Count = Field(description="as often as an image names one")
    bytes: Count = Field(description="compressed bytes of the distinct layers")
    bytes_named: Count = Field(description="the same, as often as an image names them")
    held: Count = Field(description="held by a run at this moment")


class Totals(Answer):
    """What composition shares, and what the archive holds."""

    chains: Count
    packages: Count
    package_sets: Count
    set_edges: Count
    unjudged: Count = Field(description="packages that the current snapshot has not judged yet")
    generation: Count = Field(description="the last commit, 0 where there is none")
    objects: Count
    object_bytes: Count


class StatusReport(Answer):
    """The whole fleet; every (reference, platform) a listing returned is counted in exactly one state."""

    references: tuple[OutcomeCount, ...] = Field(description="each counted by its worst image")
    references_gone: Count
    images: tuple[OutcomeCount, ...]
    residences: tuple[ResidenceCount, ...]
    reasons: tuple[ReasonCount, ...]
    layers: LayerTotals
    packages: PackagesByCoverage = Field(description="over all present images, counted once an image")
    findings: Findings = Field(description="over all present images, counted once an image")
    totals: Totals
    snapshot: str | None
    feeds: tuple[Feed, ...]

    @classmethod
    def of(cls, status: FleetStatus) -> StatusReport:
        """The numbers of the active set."""
        return cls(
            references=tuple(OutcomeCount(state=state, count=count) for state, count in status.references),
            references_gone=status.references_gone,
            images=tuple(OutcomeCount(state=state, count=count) for state, count in status.images),
            residences=tuple(ResidenceCount(residence=where, count=count) for where, count in status.residences),
            reasons=tuple(ReasonCount(state=state, reason=why, count=n) for state, why, n in status.reasons),
            layers=LayerTotals(
                known=status.layers,
                analysed=status.layers_with_result,
                failed=status.layers_failed,
                named=status.layer_edges,
                bytes=status.layer_bytes,
                bytes_named=status.edge_bytes,
                held=status.leases,
            ),
            packages=PackagesByCoverage.of(status.coverage),
            findings=Findings.of(status.findings),
            totals=Totals(
                chains=status.chains,
                packages=status.packages,
                package_sets=status.package_sets,
                set_edges=status.set_edges,
                unjudged=status.unjudged,
                generation=status.generation,
                objects=status.objects,
                object_bytes=status.object_bytes,
            ),
            snapshot=status.snapshot or None,
            feeds=tuple(Feed.of(feed) for feed in status.feeds),
        )
