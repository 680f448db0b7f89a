"""The summary of a rescan, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.cli.scan_tables import EXPLAINED_LINES, names_text, outcome_text
from pipelines.cli.show_tables import coverage_text, finding_text
from pipelines.cli.tables import cell
from pipelines.cli.units import count_text, duration_text, size_text
from pipelines.rescan_summary import RescanSummary


def rescan_view(summary: RescanSummary) -> Iterator[RenderableType]:
    """The parts of the view, in reading order."""
    for kept in summary.kept[:EXPLAINED_LINES]:
        yield cell(f"kept as it was: {kept.reference}: {kept.detail or kept.reason}", "yellow")
    if (left_out := len(summary.kept) - EXPLAINED_LINES) > 0:
        yield Text(f"… and {left_out:,} more kept as they were: --json names each", style="dim")
    yield from (cell(note, "yellow") for note in summary.notes)
    yield _totals(summary)


def _totals(summary: RescanSummary) -> Table:
    layers = summary.layers
    head = Table(box=None, show_header=False, pad_edge=False)
    head.add_column(style="dim", no_wrap=True)
    head.add_column(overflow="fold")
    images = (
        f"{summary.images:,} distinct; {names_text(summary.outcomes, summary.images)}{outcome_text(summary.outcomes)}"
    )
    if summary.reanalysed:
        kept = f", {len(summary.kept):,} kept as they were" if summary.kept else ""
        head.add_row("images", cell(f"{images}; {_renewed(summary)}{kept}"))
        failed = f", {layers.failed:,} failed" if layers.failed else ""
        ways = f"{layers.from_rows:,} without a byte, {layers.changed_only:,} by changed analysers alone"
        renewed = f"{layers.planned:,} to renew: {ways}, {layers.whole:,} whole" if layers.planned else "none to renew"
        head.add_row("layers", cell(f"{layers.unique:,} distinct, {renewed}{failed}"))
        head.add_row(
            "bytes", cell(f"{size_text(layers.bytes_read)} read, {size_text(layers.bytes_cached)} from caches")
        )
    else:
        head.add_row("images", cell(images))
    matched = f"{count_text(summary.judged, 'package')} matched anew, {count_text(summary.matches, 'match', 'matches')}"
    head.add_row("judged", cell(f"{matched}, {count_text(summary.images_updated, 'image')} updated"))
    head.add_row("packages", cell(coverage_text(summary.coverage)))
    head.add_row("findings", cell(finding_text(summary.findings, summary.coverage)))
    effort = f"{duration_text(summary.seconds)}, {duration_text(summary.cpu_seconds)} of CPU"
    head.add_row("took", cell(f"{effort}, {count_text(summary.statements, 'statement')}, run {summary.run}"))
    return head


def _renewed(summary: RescanSummary) -> str:
    if not (summary.composed or summary.unchanged or summary.kept):
        return "none to renew"
    return f"{summary.composed:,} composed, {summary.unchanged:,} unchanged"
