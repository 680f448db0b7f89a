"""`longshore show`: one image in depth, as a report."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.active.views import ImageRecord
from catalog.settings import Settings
from pipelines.image_report import image_report
from pipelines.models.show import ImageReport
from pipelines.scanned_image import read_image


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image, and what else its reference names.

    Args:
        record: the active set's view of it.
        report: everything about it, as `--json` prints it.
        others: the images of the same reference for other platforms.
    """

    record: ImageRecord
    report: ImageReport
    others: tuple[ImageRecord, ...]


def show(image: str, settings: Settings, *, platform: str = "") -> ShownImage:
    """Show one image.

    Language packages that the distribution's own packages brought (Debian's python3-six is the Python package `six`) are
    in the report's `owned`, each with its owner; in `packages`, in the counts and the findings they are only as that owner.

    Args:
        image: a reference that was scanned, or the digest of an image or of an index, or 12 hex digits or more of it.
        settings: where everything is.
        platform: `os/architecture[/variant]`; empty for this machine's, or the first where the image has none for it.

    Raises:
        InvalidReference: the text names nothing.
        NotFound: it was never scanned, or not for that platform.
        ActiveSetError: Postgres cannot be asked.
        StoreError: the archive cannot be read.
    """
    found = read_image(image, settings, platform)
    report = image_report(
        found.record, found.packages, found.findings, found.occurrences, found.problems, found.facts, found.owned
    )
    return ShownImage(found.record, report, found.others)
