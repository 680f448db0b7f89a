"""`longshore sbom IMAGE`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from pipelines.cli.console import say, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.session import settings_for
from pipelines.sbom import SbomFormat, sbom, write_document


@click.command("sbom")
@click.argument("image")
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in SbomFormat]),
    default=SbomFormat.CYCLONEDX_JSON.value,
    show_default=True,
    help="CycloneDX 1.6 or SPDX 2.3.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write into this file, whole or not at all, instead of to standard output.",
)
@click.option("--platform", default="", metavar="OS/ARCH", help="Of several platforms, take this one.")
@partial(common_options, json_help="Nothing more: the document is JSON, as its format has it.")
def command(
    image: str, form: str, output: Path | None, platform: str, as_json: bool, quiet: bool, verbose: bool
) -> int:
    """Write one image's bill of materials: packages with purl, licences, layer and path.

    IMAGE is a reference that was scanned, or a digest, of which 12 hex digits are enough. The document is JSON as its format
    has it, with --json or without. Of a partial image it says what is missing, and the exit code is 4.
    """
    del as_json  # there is no other way to print it
    document = sbom(image, settings_for(verbose=verbose), form=SbomFormat(form), platform=platform)
    if output is None:
        write_text(document.text)
    else:
        write_document(document.text, output)
    if not quiet:
        if document.others:
            platforms = ", ".join(str(other.line.platform) for other in document.others)
            say(f"also for {platforms}: --platform takes one of them")
        if document.bill.is_partial:
            say(f"the image is {document.bill.outcome}: the document says what is missing")
    return ExitCode.PART if document.bill.is_partial else ExitCode.COMPLETED
