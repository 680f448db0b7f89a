"""Tables for eyes: the look they share, and the cells that several show. All text passes through `plain`."""

from __future__ import annotations

import sys

from rich import box
from rich.table import Table
from rich.text import Text

from catalog.active.views import CoverageCounts, FindingCounts
from catalog.states import Outcome, Severity
from pipelines.cli.plain_text import plain
from pipelines.cli.units import share_text

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.NEGLIGIBLE: "dim",
    Severity.UNKNOWN: "dim",
}
STATE_STYLES = {
    Outcome.ANALYSED: "green",
    Outcome.SKIPPED: "dim",
    Outcome.PARTIAL: "yellow",
    Outcome.PENDING: "yellow",
    Outcome.FAILED: "red",
}
UNKNOWN_COUNT = "–"
"""Shown where nothing was found because nothing could be known: never a zero."""


def table(title: str = "") -> Table:
    """An empty table: a rule below its head on a terminal, bare columns in a pipe."""
    look = box.SIMPLE_HEAD if sys.stdout.isatty() else None
    return Table(title=plain(title) or None, title_justify="left", title_style="bold", box=look, pad_edge=False)


def add_text_column(shown: Table, head: str, *, least: int | None = None, fold: bool = True) -> None:
    """Add a column of text: folded where the terminal is too narrow, never cut."""
    shown.add_column(head, overflow="fold", min_width=least, no_wrap=not fold)


def add_count_column(shown: Table, head: str) -> None:
    """Add a column of numbers."""
    shown.add_column(head, justify="right", no_wrap=True)


def cell(text: str, style: str = "") -> Text:
    """A cell of text that nothing in it can escape from."""
    return Text(plain(text), style=style)


def finding_cells(findings: FindingCounts, coverage: CoverageCounts) -> list[Text]:
    """Cells for critical, high, medium, low, other and fixable.

    Where no package is covered, a severity without a finding is unknown, not none.
    """
    other = findings.negligible + findings.unknown
    counts = [
        (findings.critical, SEVERITY_STYLES[Severity.CRITICAL]),
        (findings.high, SEVERITY_STYLES[Severity.HIGH]),
        (findings.medium, SEVERITY_STYLES[Severity.MEDIUM]),
        (findings.low, SEVERITY_STYLES[Severity.LOW]),
        (other, "dim"),
        (findings.fixable, ""),
    ]
    return [_count_cell(count, style, known=coverage.covered > 0) for count, style in counts]


def _count_cell(count: int, style: str, *, known: bool) -> Text:
    if count:
        return Text(f"{count:,}", style=style)
    return Text("0", style="dim") if known else Text(UNKNOWN_COUNT, style="dim")


def coverage_cell(coverage: CoverageCounts) -> Text:
    """The covered share, `none` without any covered package; `–` without packages."""
    if not coverage.packages:
        return Text(UNKNOWN_COUNT, style="dim")
    if not coverage.covered:
        return Text("none", style="yellow")
    return Text(share_text(coverage.covered / coverage.packages), style="green" if coverage.complete else "yellow")


def state_cell(state: Outcome, reason: str, *, clean: bool) -> Text:
    """The outcome, `clean` for a clean image, and a reason's word where there is one."""
    text = "clean" if clean else state.value
    return cell(f"{text} ({reason})" if reason else text, STATE_STYLES[state])


def severity_cell(severity: Severity) -> Text:
    """A severity in its colour."""
    return Text(severity.value, style=SEVERITY_STYLES[severity])


def short_digest(digest: str | None) -> str:
    """Twelve hex digits of a digest, enough to find it again by."""
    return (digest or "").partition(":")[2][:12]
