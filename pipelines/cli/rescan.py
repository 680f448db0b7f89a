"""`longshore rescan`."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.console import write, write_text
from pipelines.cli.exit_codes import of_rescan
from pipelines.cli.group import common_options, fail_on_option, working_options
from pipelines.cli.rescan_tables import rescan_view
from pipelines.cli.scan import plain_http_hosts
from pipelines.cli.session import observing, settings_for
from pipelines.models.rescan import RescanReport
from pipelines.rescan import rescan
from pipelines.rescan_options import RescanOptions


@click.command("rescan")
@click.argument("sources", nargs=-1, metavar="[SOURCE…]")
@click.option("--reanalyse", is_flag=True, help="Run the analysers that changed, on the layers that need it.")
@working_options
@fail_on_option
@common_options
def command(
    sources: tuple[str, ...],
    reanalyse: bool,
    insecure: tuple[str, ...],
    ca_file: Path | None,
    address: str | None,
    retry: bool,
    cpus: int | None,
    fail_on: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Apply what changed to what is known: advisories always, analysers with --reanalyse.

    No source is listed and no new image is looked for. Advisories are applied without asking any registry anything.

    With --reanalyse, images come to the present analysers: what the archive does not tell is read again, by those analysers
    alone that changed. SOURCE (a registry, a repository, a reference or a local source) narrows that to its images. An image that
    cannot be had any more keeps its former result and is named, with the reason; the exit code is 4 then.
    """
    sources, hosts = plain_http_hosts(sources, insecure)
    options = RescanOptions(
        reanalyse=reanalyse, sources=sources, insecure=hosts, ca_file=ca_file, address=address, retry=retry, cpus=cpus
    )
    settings = settings_for(verbose=verbose, ray_address=address, registry_ca_file=ca_file)
    with observing(quiet=quiet) as observer:
        summary = rescan(options, settings, observer)
    if as_json:
        write_text(RescanReport.of(summary).to_json())
    else:
        write(*rescan_view(summary))
    return of_rescan(summary, fail_on)
