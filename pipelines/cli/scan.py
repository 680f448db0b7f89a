"""`longshore scan SOURCE…`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from pipelines.cli.console import say, write, write_text
from pipelines.cli.exit_codes import ExitCode, of_scan
from pipelines.cli.group import common_options, fail_on_option, working_options
from pipelines.cli.scan_tables import scan_view
from pipelines.cli.session import observing, settings_for
from pipelines.models.scan import ScanReport
from pipelines.scan import scan
from pipelines.scan_options import ScanOptions
from tasks.sources.interface import SourceKind
from tasks.sources.references import parse_source

_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?")


@click.command("scan")
@click.argument("sources", nargs=-1, metavar="SOURCE…")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only this platform. Repeatable. [all]")
@click.option("--secrets/--no-secrets", default=None, help="Search every text file for secrets. [as set: no]")
@working_options
@fail_on_option
@common_options
def command(
    sources: tuple[str, ...],
    platforms: tuple[str, ...],
    insecure: tuple[str, ...],
    ca_file: Path | None,
    address: str | None,
    retry: bool,
    secrets: bool | None,
    cpus: int | None,
    fail_on: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Analyse the images that SOURCES name: what is new in them is read, what is known is shared.

    \b
    SOURCE is one of
      registry.example:5000                a registry's whole catalogue
      registry.example/repository[:tag]    one repository, or one tag of it
      registry.example/repository@sha256:… one image or index
      oci:DIR[:tag]                        an OCI image layout
      docker-archive:FILE                  what `docker save` writes
      rootfs:DIR                           a directory tree: packages, privileged files
      sbom:FILE                            a bill of materials, CycloneDX or SPDX
      @FILE                                a list of these, one a line
    """  # noqa: D301 - click keeps lines as they are after a backspace, the character
    options = scan_options(sources, platforms, insecure, ca_file, address, retry=retry, cpus=cpus)
    settings = settings_for(verbose=verbose, ray_address=address, registry_ca_file=ca_file, secrets=secrets)
    with observing(quiet=quiet) as observer:
        summary = scan(options, settings, observer)
    if as_json:
        write_text(ScanReport.of(summary).to_json())
    else:
        write(*scan_view(summary))
    code = of_scan(summary, fail_on)
    if code is ExitCode.ERROR:
        troubled = next((line for line in summary.lines if line.detail), None)
        say(f"longshore: nothing could be scanned{f': {troubled.detail}' if troubled else ''}")
    return code


def scan_options(
    sources: tuple[str, ...],
    platforms: tuple[str, ...],
    insecure: tuple[str, ...],
    ca_file: Path | None,
    address: str | None,
    *,
    retry: bool,
    cpus: int | None,
) -> ScanOptions:
    """The options that the flags mean.

    Raises:
        click.MissingParameter: there is no source.
        click.BadParameter: a platform is none.
        InvalidReference: a value of `--insecure` names neither a host nor a source.
    """
    sources, hosts = plain_http_hosts(sources, insecure)
    if not sources:
        raise click.MissingParameter(param_hint="SOURCE", param_type="argument")
    for platform in platforms:
        if not _PLATFORM.fullmatch(platform):
            raise click.BadParameter(
                f"{platform!r} is not os/architecture[/variant], such as linux/amd64", param_hint="--platform"
            )
    return ScanOptions(
        sources=sources, platforms=platforms, insecure=hosts, ca_file=ca_file, address=address, retry=retry, cpus=cpus
    )


def plain_http_hosts(sources: tuple[str, ...], named: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell hosts from sources behind `--insecure`: `--insecure HOST SOURCE` and `--insecure SOURCE` are both natural to type.

    Args:
        sources: what was given as sources.
        named: values of `--insecure`, empty texts where it had none.

    Returns:
        All sources, and the hosts that may be spoken to in plain HTTP.

    Raises:
        InvalidReference: a value names neither a host nor a source.
    """
    hosts: list[str] = []
    meant_for_all = False
    for value in named:
        reference = parse_source(value) if value else None
        is_source = reference is not None and (reference.kind is not SourceKind.REGISTRY or bool(reference.repository))
        if reference is not None and (is_source or not sources):
            sources = (*sources, value)
        meant_for_all |= reference is None or is_source
        hosts += [reference.place] if reference is not None and reference.kind is SourceKind.REGISTRY else []
    if meant_for_all:
        found = [parse_source(source) for source in sources if not source.startswith("@")]
        hosts += [reference.place for reference in found if reference.kind is SourceKind.REGISTRY]
    return sources, tuple(dict.fromkeys(hosts))
