"""`longshore scan SOURCE…`."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.console import write, write_text
from pipelines.cli.exit_codes import of_scan
from pipelines.cli.group import common_options, fail_on_option
from pipelines.cli.scan_tables import scan_view
from pipelines.cli.session import observing, settings_for
from pipelines.models.scan import ScanReport
from pipelines.scan import scan
from pipelines.scan_options import ScanOptions


@click.command("scan")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only this platform. Repeatable. [all]")
@click.option("--insecure", multiple=True, metavar="HOST[:PORT]", help="Speak plain HTTP to this registry. Repeatable.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust the authorities of this PEM file for registries.",
)
@click.option("--address", metavar="ADDRESS", help="The Ray cluster to work on. [this machine]")
@click.option("--retry", is_flag=True, help="Try again what failed for good in an earlier run.")
@click.option("--jobs", "--cpus", "cpus", type=click.IntRange(min=1), metavar="N", help="CPUs to use here. [all]")
@fail_on_option
@common_options
def command(
    sources: tuple[str, ...],
    platforms: tuple[str, ...],
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
    r"""Analyse the images that SOURCES name: what is new in them is read, what is known is shared.

    \b
    SOURCE is one of
      registry.example:5000                a registry's whole catalogue
      registry.example/repository[:tag]    one repository, or one tag of it
      registry.example/repository@sha256:… one image or index
      oci:DIR[:tag]                        an OCI image layout
      docker-archive:FILE                  what `docker save` writes
      rootfs:DIR                           a directory tree, its packages only
      @FILE                                a list of these, one a line
    """
    settings = settings_for(verbose=verbose, ray_address=address, registry_ca_file=ca_file)
    options = ScanOptions(
        sources=sources,
        platforms=platforms,
        insecure=insecure,
        ca_file=ca_file,
        address=address,
        retry=retry,
        cpus=cpus,
    )
    with observing(quiet=quiet) as observer:
        summary = scan(options, settings, observer)
    if as_json:
        write_text(ScanReport.of(summary).to_json())
    else:
        write(*scan_view(summary))
    return of_scan(summary, fail_on)
