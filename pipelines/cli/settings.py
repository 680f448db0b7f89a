"""`longshore settings`."""

from __future__ import annotations

import json

import click

from pipelines.cli.console import write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.session import settings_for
from pipelines.cli.tables import add_text_column, cell, table
from pipelines.settings import settings_report


@click.command("settings")
@common_options
def command(as_json: bool, quiet: bool, verbose: bool) -> int:  # noqa: ARG001 - settings have nothing to be quiet about
    """Show every setting as it holds: defaults, then the settings file, then the environment. Secrets stay hidden."""
    report = settings_report(settings_for(verbose=verbose))
    if as_json:
        write_text(report.to_json())
        return ExitCode.COMPLETED
    shown = table()
    add_text_column(shown, "setting", fold=False)
    add_text_column(shown, "value")
    add_text_column(shown, "environment variable")
    for setting in report.settings:
        value = setting.value if isinstance(setting.value, str) else json.dumps(setting.value, ensure_ascii=False)
        shown.add_row(
            cell(setting.name), cell("" if setting.value is None else value), cell(setting.environment, "dim")
        )
    write(shown)
    return ExitCode.COMPLETED
