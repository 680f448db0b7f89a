"""What a scan adds up to when it has ended: asked of the active set, so that it tells what is known and not what was hoped."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.active.fleet import ImageFilter, ImageOrder, list_images
from catalog.active.scanned import ScannedFigures, scanned_figures
from pipelines.scan_options import ScanOptions
from pipelines.summary import LayerCounts, OutcomeCounts, ScanSummary
from pipelines.workspace import Workspace


@dataclass(slots=True)
class WorkDone:
    """Counters of a scan while it runs.

    Args:
        planned: layers that had no result.
        analysed: layers analysed.
        from_rows: those of them that needed no byte, because a former result told all.
        changed_only: those of them that only the analysers read which changed since a former result.
        failed: layers that could not be.
        bytes_read: compressed bytes read where the layers lie.
        bytes_cached: compressed bytes read from the nodes' caches.
        composed: images composed.
        forwarded: images that a change of analysers left as they were.
        cpu_seconds: CPU time of the tasks.
        matched: (package, platform) pairs matched.
        matches: matches found for them.
    """

    planned: int = 0
    analysed: int = 0
    from_rows: int = 0
    changed_only: int = 0
    failed: int = 0
    bytes_read: int = 0
    bytes_cached: int = 0
    composed: int = 0
    forwarded: int = 0
    cpu_seconds: float = 0.0
    matched: int = 0
    matches: int = 0


def summarise(
    workspace: Workspace,
    run: str,
    options: ScanOptions,
    references: tuple[str, ...],
    work: WorkDone,
    *,
    snapshot: str,
    seconds: float,
    failed_sources: int,
    notes: tuple[str, ...],
) -> ScanSummary:
    """Add up a scan.

    Args:
        workspace: the home.
        run: the run's id.
        options: what was asked for.
        references: every reference that the sources listed.
        work: what this run did.
        snapshot: hex id of the advisory snapshot, empty where there is none.
        seconds: wall clock so far.
        failed_sources: sources that could not be listed.
        notes: sentences for the person.
    """
    figures = scanned_figures(workspace.database, references)
    wanted = ImageFilter(texts=references)
    lines = (
        tuple(list_images(workspace.database, wanted, limit=options.lines, order=ImageOrder.STATE))
        if references
        else ()
    )
    outcomes = outcome_counts(figures)
    return ScanSummary(
        run=run,
        sources=options.sources,
        outcomes=outcomes,
        images=figures.images,
        new_images=work.composed,
        layers=LayerCounts(
            named=figures.layers_named,
            unique=figures.layers_unique,
            planned=work.planned,
            analysed=work.analysed,
            failed=work.failed,
            bytes_named=figures.bytes_named,
            bytes_read=work.bytes_read,
            bytes_cached=work.bytes_cached,
        ),
        coverage=figures.coverage,
        findings=figures.findings,
        snapshot=snapshot,
        lines=lines,
        lines_left_out=max(0, outcomes.total - len(lines)),
        seconds=seconds,
        cpu_seconds=work.cpu_seconds,
        statements=workspace.database.statements,
        failed_sources=failed_sources,
        notes=notes,
    )


def outcome_counts(figures: ScannedFigures) -> OutcomeCounts:
    """The outcomes of some references, as the active set adds them up."""
    return OutcomeCounts(**{str(outcome): number for outcome, number in figures.outcomes})
