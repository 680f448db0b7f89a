"""`longshore status`."""

from __future__ import annotations

import click

from pipelines.cli.console import write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.session import settings_for
from pipelines.cli.status_tables import status_view
from pipelines.fleet import status
from pipelines.models.status import StatusReport


@click.command("status")
@common_options
def command(as_json: bool, quiet: bool, verbose: bool) -> int:  # noqa: ARG001 - status has nothing to be quiet about
    """Show the whole fleet in numbers: states and their reasons, sharing, findings, coverage, advisories, archive."""
    fleet = status(settings_for(verbose=verbose))
    if as_json:
        write_text(StatusReport.of(fleet).to_json())
    else:
        write(*status_view(fleet))
    return ExitCode.COMPLETED
