"""`longshore images`."""

from __future__ import annotations

import click

from catalog.active.fleet import ImageFilter, ImageOrder
from catalog.states import Outcome, Severity
from pipelines.cli.console import say, write, write_text
from pipelines.cli.exit_codes import ExitCode
from pipelines.cli.group import common_options
from pipelines.cli.image_tables import image_table
from pipelines.cli.session import settings_for
from pipelines.fleet import DEFAULT_IMAGES, images
from pipelines.models.images import ImageEntry, ImagesReport


@click.command("images")
@click.argument("reference", default="")
@click.option(
    "--state",
    multiple=True,
    type=click.Choice([state.value for state in Outcome]),
    help="Only images in this state. Repeatable.",
)
@click.option(
    "--severity",
    type=click.Choice([severity.value for severity in Severity]),
    help="Only images with a finding this severe or worse.",
)
@click.option("--cve", default="", metavar="ID", help="Only images with this vulnerability.")
@click.option("--package", default="", metavar="NAME", help="Only images with this package.")
@click.option("--not-covered", is_flag=True, help="Only images with a package that no complete feed covers.")
@click.option("--gone", is_flag=True, help="Also references that their registry no longer has.")
@click.option(
    "--sort", type=click.Choice([order.value for order in ImageOrder]), default="reference", show_default=True
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=DEFAULT_IMAGES, show_default=True, help="At most; 0 for all."
)
@common_options
def command(
    reference: str,
    state: tuple[str, ...],
    severity: str | None,
    cve: str,
    package: str,
    not_covered: bool,
    gone: bool,
    sort: str,
    limit: int,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """List the fleet's images with findings, coverage and state.

    REFERENCE, with * wildcards, limits the list to references that match it.
    """
    wanted = ImageFilter(
        reference=reference,
        outcomes=tuple(Outcome(word) for word in state),
        at_least=Severity(severity) if severity else None,
        package=package,
        vulnerability=cve,
        not_covered=not_covered,
        gone=gone,
    )
    listing = images(settings_for(verbose=verbose), wanted, order=ImageOrder(sort), limit=limit or None)
    if as_json:
        entries = tuple(ImageEntry.of(line) for line in listing.lines)
        write_text(ImagesReport(images=entries, more=listing.more).to_json())
    elif listing.lines:
        write(image_table(listing.lines))
    if not quiet and listing.more:
        say(f"there are more than these {limit:,}: --limit shows more of them, 0 all")
    if not quiet and not listing.lines:
        say("no image matches" if wanted != ImageFilter() else "no image was scanned yet: `longshore scan SOURCE` does")
    return ExitCode.COMPLETED
