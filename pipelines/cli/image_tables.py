"""The table of images, as `images` lists them and a scan sums up."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from catalog.active.views import ImageLine
from pipelines.cli.console import is_roomy
from pipelines.cli.tables import (
    add_count_column,
    add_text_column,
    cell,
    coverage_cell,
    finding_cells,
    state_cell,
    table,
)

_HEADS = ("packages", "critical", "high", "medium", "low", "other", "fixable", "coverage")
_SHORT_HEADS = ("pkgs", "crit", "high", "med", "low", "oth", "fix", "cov")


def image_table(lines: Iterable[ImageLine]) -> Table:
    """One row an image: reference, packages, findings by severity, fixable, coverage, state."""
    shown = table()
    add_text_column(shown, "image", least=16)
    for head in _HEADS if is_roomy() else _SHORT_HEADS:
        add_count_column(shown, head)
    add_text_column(shown, "state", least=8)
    rows = list(lines)
    several = _references_with_several(rows)
    for line in rows:
        platform = f" [{line.platform}]" if line.reference in several and str(line.platform) else ""
        gone = "" if line.present else " (gone)"
        shown.add_row(
            cell(f"{line.reference or line.digest}{platform}{gone}"),
            f"{line.packages:,}",
            *finding_cells(line.findings, line.coverage),
            coverage_cell(line.coverage),
            state_cell(line.state, line.reason, clean=line.clean),
        )
    return shown


def _references_with_several(lines: list[ImageLine]) -> set[str]:
    seen: set[str] = set()
    several: set[str] = set()
    for line in lines:
        (several if line.reference in seen else seen).add(line.reference)
    return several
