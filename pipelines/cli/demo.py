"""`longshore demo`."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from catalog.settings import Settings
from pipelines.cli.console import write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.scan_tables import scan_view
from pipelines.cli.session import observing, settings_for
from pipelines.cli.tables import cell
from pipelines.demo import DemoResult, demo
from pipelines.models.scan import ScanReport

_UNREAD = 8
"""Places not read that are named; a machine may have thousands."""


@click.command("demo")
@click.option("--no-machine", is_flag=True, help="Leave this machine's own root file system out.")
@common_options
def command(no_machine: bool, as_json: bool, quiet: bool, verbose: bool) -> int:
    """Scan this machine's packages and a small made fleet with a sample of advisories, to see it all work.

    Needs no network, no Docker and no root, and keeps its state apart from all else, in `demo` below the home. What cannot be
    read without root is named as such and is no error here.
    """
    settings = demo_settings(settings_for(verbose=verbose))
    with observing(quiet=quiet) as observer:
        result = demo(settings, observer, machine=not no_machine)
    if as_json:
        write_text(ScanReport.of(result.summary).to_json())
    else:
        write(*scan_view(result.summary))
    if not as_json and not quiet:
        write(*(cell(line) for line in (*unread_places(result), "", *next_steps(result))))
    return ExitCode.ERROR if result.summary.outcomes.failed else ExitCode.COMPLETED


def demo_settings(settings: Settings) -> Settings:
    """Settings with a home of the demo's own, on the embedded defaults: sample advisories never meet real data."""
    apart = {"home": settings.home / "demo", "database_url": None, "archive_url": None, "ray_address": None}
    return settings.model_copy(update=apart)


def unread_places(result: DemoResult) -> list[str]:
    """What was not read of this machine, the first of it by name."""
    if not result.unread:
        return []
    named = [f"  {problem.path or '/'}: {problem.detail or problem.reason}" for problem in result.unread[:_UNREAD]]
    more = len(result.unread) - len(named)
    rest = [f"  and {more:,} more: `{command_in(result.home)} show rootfs:/` names them"] if more else []
    return ["", "Not read of this machine:", *named, *rest]


def next_steps(result: DemoResult) -> list[str]:
    """What to try next, as commands that work as they stand."""
    program = program_name()
    command = command_in(result.home)
    image = shlex.quote(f"oci:{result.fleet}:{result.tags[0]}")
    return [
        "The advisories are a sample that came with Longshore: nothing is called clean by them. Try next:",
        f"  {command} show {image}",
        f"  {command} show rootfs:/ --json",
        f"  {command} status",
        f"  {program} advisories import PATH --complete Debian:12   # real advisories: an OSV zip or directory",
        f"  {program} scan registry.example/repository              # real images",
    ]


def command_in(home: Path) -> str:
    """The command for a home that is not the default."""
    return f"LONGSHORE_HOME={shlex.quote(str(home))} {program_name()}"


def program_name() -> str:
    """How this command is called here: `longshore` where a shell finds it so, else the path it was started by."""
    started = Path(sys.argv[0])
    if started.name != "longshore":
        return "longshore"
    found = shutil.which("longshore")
    return "longshore" if found and Path(found).resolve() == started.resolve() else shlex.quote(str(started))
