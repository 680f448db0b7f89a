"""`longshore cache status` and `longshore cache clear`."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from pipelines.cli.console import say, write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.session import settings_for
from pipelines.cli.tables import cell
from pipelines.cli.units import count_text, size_text
from pipelines.layer_cache import CacheState, cache_status, clear_cache
from pipelines.models.cache import CacheClearReport, CacheStatusReport

_NO_CACHE = "no cache: LONGSHORE_LAYER_CACHE_BYTES is 0, or a cluster is set and LONGSHORE_LAYER_CACHE_DIRECTORY is not"


@click.group("cache")
def command() -> None:
    """The cache of layers of this machine, which spares the network when a layer is read again."""


@command.command("status")
@common_options
def status(as_json: bool, quiet: bool, verbose: bool) -> int:  # noqa: ARG001 - there is nothing to be quiet about
    """Show what this machine's cache of layers holds. Each node of a cluster has one of its own."""
    state = cache_status(settings_for(verbose=verbose))
    if as_json:
        write_text(CacheStatusReport.of(state).to_json())
    elif state.location is None:
        write(cell(_NO_CACHE))
    else:
        write(_status_table(state))
    return ExitCode.COMPLETED


@command.command("clear")
@common_options
def clear(as_json: bool, quiet: bool, verbose: bool) -> int:
    """Remove what this machine's cache of layers holds. Safe while a scan runs: what its workers use at this moment stays."""
    cleared = clear_cache(settings_for(verbose=verbose))
    if as_json:
        write_text(CacheClearReport.of(cleared).to_json())
    elif not quiet:
        in_use = f"; {count_text(cleared.in_use, 'layer')} in use stayed" if cleared.in_use else ""
        say(f"removed {count_text(cleared.files, 'layer')}, {size_text(cleared.bytes)}{in_use}")
    return ExitCode.COMPLETED


def _status_table(state: CacheState) -> Table:
    head = Table(box=None, show_header=False, pad_edge=False)
    head.add_column(style="dim", no_wrap=True)
    head.add_column(overflow="fold")
    if state.location is not None:
        head.add_row("directory", cell(state.location.directory))
        head.add_row("holds", cell(f"{size_text(state.usage.bytes)} of {size_text(state.location.cap)}"))
    head.add_row("layers", cell(f"{state.usage.files:,}"))
    oldest = state.usage.oldest_use
    if oldest is not None:
        when = datetime.fromtimestamp(oldest).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        head.add_row("oldest use", cell(when))
    return head
