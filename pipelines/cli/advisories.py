"""`longshore advisories import PATH` and `longshore advisories list`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import RenderableType

from pipelines.advisories import advisories, import_advisories
from pipelines.cli.console import say, write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.session import observing, settings_for
from pipelines.cli.status_tables import feed_table
from pipelines.cli.tables import cell
from pipelines.cli.units import count_text, duration_text
from pipelines.models.advisories import ImportReport


@click.group("advisories")
def command() -> None:
    """What is known of vulnerabilities."""


@command.command("import", short_help="Take in OSV advisories from a zip or a directory.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--complete",
    multiple=True,
    metavar="ECOSYSTEM[:RELEASE]",
    help="The records are all there are for it (Debian:12, PyPI): its packages count as covered. Repeatable.",
)
@common_options
def import_command(path: Path, complete: tuple[str, ...], as_json: bool, quiet: bool, verbose: bool) -> int:
    """Take in OSV advisories from PATH: a zip, a directory of records or zips. No network is used.

    The ecosystems in PATH replace what was known of them, others stay. What is not declared complete is a sample: it finds
    vulnerabilities, but makes nothing clean. The next scan matches every known package by them.
    """
    settings = settings_for(verbose=verbose)
    with observing(quiet=quiet) as observer:
        report = import_advisories(path, settings, observer, complete=complete)
    if as_json:
        write_text(report.to_json())
    else:
        write(*_import_view(report))
    return ExitCode.COMPLETED


@command.command("list")
@common_options
def list_command(as_json: bool, quiet: bool, verbose: bool) -> int:
    """List the advisories at hand, and what they are complete for."""
    report = advisories(settings_for(verbose=verbose))
    if as_json:
        write_text(report.to_json())
    elif report.feeds:
        write(feed_table(report.feeds))
    if not quiet and not report.feeds:
        say("no advisories were imported yet: `longshore advisories import PATH` does")
    return ExitCode.COMPLETED


def _import_view(report: ImportReport) -> Iterator[RenderableType]:
    yield feed_table(report.imported)
    if report.kept:
        yield cell(f"kept as they were: {', '.join(report.kept)}", "dim")
    for problem in report.problems:
        yield cell(
            f"{count_text(problem.count, 'record')} not read, {problem.reason}: {'; '.join(problem.examples)}", "yellow"
        )
    if report.unknown_ecosystems:
        yield cell(f"kept, but in no order we know: {', '.join(report.unknown_ecosystems)}", "yellow")
    news = "the next scan matches by it" if report.changed else "nothing changed"
    took = duration_text(report.seconds)
    yield cell(f"snapshot {report.snapshot[:12]} from {count_text(report.records, 'record')} in {took}: {news}")
