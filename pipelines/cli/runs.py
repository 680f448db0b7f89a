"""`longshore runs`."""

from __future__ import annotations

from collections.abc import Iterable

import click
from rich.table import Table

from catalog.active.views import RunRecord
from pipelines.cli.console import say, write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.session import settings_for
from pipelines.cli.tables import add_count_column, add_text_column, cell, table
from pipelines.cli.units import duration_text
from pipelines.fleet import DEFAULT_RUNS, runs
from pipelines.models.runs import Run, RunsReport

_STYLES = {"completed": "green", "partial": "yellow", "interrupted": "yellow", "failed": "red"}


@click.command("runs")
@click.option("--limit", type=click.IntRange(min=1), default=DEFAULT_RUNS, show_default=True, help="At most.")
@common_options
def command(limit: int, as_json: bool, quiet: bool, verbose: bool) -> int:
    """List what was run, newest first."""
    listing = runs(settings_for(verbose=verbose), limit=limit)
    if as_json:
        write_text(RunsReport(runs=tuple(Run.of(run) for run in listing.runs), more=listing.more).to_json())
    elif listing.runs:
        write(_run_table(listing.runs))
    if not quiet and listing.more and not as_json:
        say(f"there are older ones than these {limit:,}: --limit shows more")
    if not quiet and not listing.runs:
        say("nothing was run yet")
    return ExitCode.COMPLETED


def _run_table(listed: Iterable[RunRecord]) -> Table:
    shown = table()
    for head in ("run", "verb", "started"):
        add_text_column(shown, head, fold=False)
    add_count_column(shown, "took")
    add_text_column(shown, "outcome", fold=False)
    add_text_column(shown, "arguments")
    for run in listed:
        shown.add_row(
            cell(run.run),
            cell(run.verb),
            cell(run.started.astimezone().strftime("%Y-%m-%d %H:%M:%S")),
            duration_text(max(0.0, (run.ended - run.started).total_seconds())),
            cell(run.outcome, _STYLES.get(run.outcome, "")),
            cell(run.arguments),
        )
    return shown
