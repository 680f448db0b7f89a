"""`longshore show IMAGE`."""

from __future__ import annotations

import click

from pipelines.cli.console import say, write, write_text
from pipelines.cli.exit_codes import ExitCode, threshold_met
from pipelines.cli.group import common_options, fail_on_option
from pipelines.cli.session import settings_for
from pipelines.cli.show_tables import image_view
from pipelines.show import show


@click.command("show")
@click.argument("image")
@click.option("--platform", default="", metavar="OS/ARCH", help="Of several platforms, show this one.")
@fail_on_option
@common_options
def command(image: str, platform: str, fail_on: tuple[str, ...], as_json: bool, quiet: bool, verbose: bool) -> int:
    """Show one image: packages with path and layer, findings with their reason, privileged files, secrets, configuration, layers
    with their instructions, and what could not be read.

    IMAGE is a reference that was scanned (registry/repository:tag, oci:DIR:tag, docker-archive:FILE, rootfs:DIR, sbom:FILE), or
    a digest, of which 12 hex digits are enough. Of several platforms this machine's is shown and the others are named.
    """
    shown = show(image, settings_for(verbose=verbose), platform=platform)
    if as_json:
        write_text(shown.report.to_json())
        if shown.others and not quiet:
            say(
                f"also for {', '.join(str(other.line.platform) for other in shown.others)}: --platform shows one of them"
            )
    else:
        write(*image_view(shown))
    line = shown.record.line
    return ExitCode.THRESHOLD if threshold_met(fail_on, line.findings, line.coverage) else ExitCode.COMPLETED
