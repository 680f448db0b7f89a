"""The summary of a scan, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from catalog.active.views import ImageLine
from catalog.states import Outcome
from pipelines.cli.image_tables import image_table
from pipelines.cli.show_tables import coverage_text, finding_text
from pipelines.cli.tables import STATE_STYLES, cell
from pipelines.cli.units import count_text, duration_text, share_text, size_text
from pipelines.summary import OutcomeCounts, ScanSummary
from tasks.sources.resolution import UNWANTED_PLATFORM

EXPLAINED_LINES = 20
"""Images whose trouble the summary tells in full; the rest is in `longshore images --state failed` and `show`."""


def scan_view(summary: ScanSummary) -> Iterator[RenderableType]:
    """The parts of the view, in reading order."""
    if summary.lines:
        yield image_table(summary.lines)
        if summary.lines_left_out:
            yield Text(f"… and {summary.lines_left_out:,} more: `longshore images` lists them", style="dim")
        yield Text()
    troubled = [line for line in summary.lines if _has_trouble(line)]
    yield from (_trouble(line) for line in troubled[:EXPLAINED_LINES])
    if (left_out := len(troubled) - EXPLAINED_LINES) > 0:
        yield Text(f"… and {left_out:,} more with trouble: `longshore show IMAGE` tells of each", style="dim")
    if summary.lines and all(line.reason == UNWANTED_PLATFORM for line in summary.lines):
        yield cell("nothing was scanned: no image is for the platform that was asked for", "yellow")
    yield from (cell(note, "yellow") for note in summary.notes)
    yield totals_table(summary)


def totals_table(summary: ScanSummary) -> Table:
    """What was done, shared and found, in a few lines."""
    layers = summary.layers
    head = Table(box=None, show_header=False, pad_edge=False)
    head.add_column(style="dim", no_wrap=True)
    head.add_column(overflow="fold")
    outcomes = f"{names_text(summary.outcomes, summary.images)}{outcome_text(summary.outcomes)}"
    head.add_row("images", cell(f"{summary.images:,} distinct, {summary.new_images:,} new; {outcomes}"))
    failed = f", {layers.failed:,} failed" if layers.failed else ""
    shared = f" ({share_text(1 - layers.unique / layers.named)} shared)" if layers.named else ""
    distinct = f"{layers.named:,} named, {layers.unique:,} distinct{shared}"
    head.add_row("layers", cell(f"{distinct}, {layers.analysed:,} analysed now{failed}"))
    saved = f"{size_text(layers.bytes_saved)} saved ({share_text(layers.share_saved)})"
    cached = f", {size_text(layers.bytes_cached)} from the layer cache" if layers.bytes_cached else ""
    read = f"{size_text(layers.bytes_read)} read of {size_text(layers.bytes_named)}{cached}"
    head.add_row("bytes", cell(f"{read}, {saved}"))
    head.add_row("packages", cell(coverage_text(summary.coverage)))
    head.add_row("findings", cell(_findings(summary)))
    effort = f"{duration_text(summary.seconds)}, {duration_text(summary.cpu_seconds)} of CPU"
    head.add_row("took", cell(f"{effort}, {count_text(summary.statements, 'statement')}, run {summary.run}"))
    return head


def outcome_text(counts: OutcomeCounts) -> str:
    """`12 analysed, 1 failed`, of references and their platforms."""
    words = (
        (counts.analysed, Outcome.ANALYSED),
        (counts.partial, Outcome.PARTIAL),
        (counts.skipped, Outcome.SKIPPED),
        (counts.pending, Outcome.PENDING),
        (counts.failed, Outcome.FAILED),
    )
    return ", ".join(f"{count:,} {state}" for count, state in words if count) or "nothing to do"


def names_text(outcomes: OutcomeCounts, images: int) -> str:
    """`of 36 named `, which says what the outcomes behind it are counted of; empty where each image has one name.

    Several references may name one image, and some name none.

    Args:
        outcomes: of (reference, platform) pairs.
        images: distinct ones.
    """
    return f"of {outcomes.total:,} named " if outcomes.total != images else ""


def _findings(summary: ScanSummary) -> str:
    found = finding_text(summary.findings, summary.coverage)
    uncovered = summary.findings.total and not summary.coverage.covered
    return f"{found}, but no package is covered by a complete feed" if uncovered else found


def _has_trouble(line: ImageLine) -> bool:
    # Who asks for one platform knows that the others are left out; the table says so once more.
    return line.state is not Outcome.ANALYSED and bool(line.detail) and line.reason != UNWANTED_PLATFORM


def _trouble(line: ImageLine) -> Text:
    return cell(f"{line.state}: {line.reference}: {line.detail}", STATE_STYLES[line.state])
