"""The `longshore` command itself, and what its verbs have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from catalog.states import Severity
from catalog.version import __version__
from pipelines.cli.exit_codes import NOT_COVERED, THRESHOLDS
from pipelines.cli.verbs import VerbGroup

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EXIT_CODES = "Exit codes: 0 completed, 1 error, 2 usage, 3 completed and a --fail-on threshold was met, 4 completed in part, 130 Ctrl-C."

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


@click.group(name="longshore", cls=VerbGroup, context_settings=CONTEXT, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="longshore", message="%(prog)s %(version)s")
def longshore() -> None:
    """Scan container images by the million: layers are analysed once, packages matched once, images are views."""


def common_options(function: AnyFunction, *, json_help: str = "Print JSON, held by a published schema.") -> AnyFunction:
    """Add the options of every verb: `--json`, `-q`, `-v`.

    Args:
        function: the command's.
        json_help: what `--json` does, where that is something else.
    """
    options = (
        click.option("--json", "as_json", is_flag=True, help=json_help),
        click.option("-q", "--quiet", is_flag=True, help="Print results and errors only, no progress."),
        click.option("-v", "--verbose", is_flag=True, help="Log what is being done; show where an error came from."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def fail_on_option(function: AnyFunction) -> AnyFunction:
    """Add `--fail-on`."""
    return click.option(
        "--fail-on",
        multiple=True,
        type=click.Choice(THRESHOLDS, case_sensitive=False),
        metavar="WORD",
        help=f"Exit with 3 on a finding this severe or worse ({', '.join(Severity)}), or on a package that no complete "
        f"feed covers ({NOT_COVERED}). Repeatable.",
    )(function)


def working_options(function: AnyFunction) -> AnyFunction:
    """Add the options of verbs that read layers: how registries are spoken to, and who works."""
    options = (
        click.option(
            "--insecure",
            multiple=True,
            is_flag=False,
            flag_value="",
            metavar="[HOST]",
            help="Speak plain HTTP to this registry; without HOST to those of all sources. Repeatable. Loopback needs none.",
        ),
        click.option(
            "--ca-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Trust the authorities of this PEM file for registries.",
        ),
        click.option("--address", metavar="ADDRESS", help="The Ray cluster to work on. [this machine]"),
        click.option("--retry", is_flag=True, help="Try again what failed for good in an earlier run."),
        click.option(
            "--jobs", "--cpus", "cpus", type=click.IntRange(min=1), metavar="N", help="CPUs to use here. [all]"
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
