"""`longshore sbom`: one image's bill of materials, put together from the active set and the archive.

The packages stand in Postgres, where each lies and which layer brought it in the archive's occurrences, what the image is built
for in its own row there. An image of which something could not be read gets a document that says so.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from catalog.active.views import ImageRecord, PackageRecord
from catalog.distributions import Distribution
from catalog.errors import NotFound
from catalog.images import ImageConfiguration
from catalog.settings import Settings
from catalog.store.scratch import file_errors
from pipelines.image_facts import NO_FACTS, ImageFacts
from pipelines.image_report import package_facts, package_url
from pipelines.models.base import explained
from pipelines.models.show import Problem
from pipelines.occurrences import NOTHING_OWNED, Occurrence, OwnedPackages
from pipelines.scanned_image import read_image
from tasks.sbom.bill import Bill, Component, Place
from tasks.sbom.cyclonedx import cyclonedx_text
from tasks.sbom.spdx import spdx_text


class SbomFormat(StrEnum):
    """The formats of a bill of materials."""

    CYCLONEDX_JSON = "cyclonedx-json"
    """CycloneDX 1.6."""
    SPDX_JSON = "spdx-json"
    """SPDX 2.3."""


_WRITERS = {SbomFormat.CYCLONEDX_JSON: cyclonedx_text, SbomFormat.SPDX_JSON: spdx_text}


@dataclass(frozen=True, slots=True)
class SbomDocument:
    """An image's bill of materials, written.

    Args:
        text: the document, JSON in ASCII.
        bill: what it says.
        others: the images of the same reference for other platforms.
    """

    text: str
    bill: Bill
    others: tuple[ImageRecord, ...]


def sbom(
    image: str, settings: Settings, *, form: SbomFormat = SbomFormat.CYCLONEDX_JSON, platform: str = ""
) -> SbomDocument:
    """Write one image's bill of materials. The same image gives the same bytes.

    Args:
        image: a reference that was scanned, or the digest of an image or of an index, or 12 hex digits or more of it.
        settings: where everything is.
        form: of the document.
        platform: `os/architecture[/variant]`; empty for this machine's, or the first where the image has none for it.

    Raises:
        InvalidReference: the text names nothing.
        NotFound: it was never scanned, not for that platform, or nothing is known of its packages.
        ActiveSetError: Postgres cannot be asked.
        StoreError: the archive cannot be read.
    """
    found = read_image(image, settings, platform)
    _require_packages(found.record, image)
    bill = image_bill(found.record, found.packages, found.occurrences, found.problems, found.facts, found.owned)
    return SbomDocument(_WRITERS[form](bill), bill, found.others)


def write_document(text: str, path: Path) -> None:
    """Write a document into a file, whole or not at all.

    Args:
        text: the document.
        path: of the file; one that is there is replaced.

    Raises:
        StoreError: it cannot be written.
    """
    with file_errors(path):
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(f"{text}\n")
                file.flush()
                os.fsync(file.fileno())
            mode = os.umask(0o022)
            os.umask(mode)
            Path(scratch).chmod(0o666 & ~mode)
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise


def image_bill(
    record: ImageRecord,
    packages: Sequence[PackageRecord],
    occurrences: Iterable[Occurrence],
    problems: Iterable[Problem],
    facts: ImageFacts = NO_FACTS,
    owned: OwnedPackages = NOTHING_OWNED,
) -> Bill:
    """What the bill of materials of an image says.

    Args:
        record: the image.
        packages: its distinct packages that count.
        occurrences: where they and the owned ones lie.
        problems: what could not be read.
        facts: what it is besides its packages.
        owned: which of the places belong to the distribution's packages.
    """
    line = record.line
    return Bill(
        reference=line.reference or line.digest,
        digest=line.digest,
        outcome=line.state.value,
        missing=_missing(record, problems),
        analysed_at=_moment(line.first_analysed),
        image_platform=line.platform,
        distribution=Distribution(record.distribution, record.distribution_version, line.distribution),
        layers=record.layers,
        created=record.created,
        configuration=_configuration(facts),
        components=tuple(_components(packages, occurrences, owned)),
    )


def _components(
    packages: Sequence[PackageRecord], occurrences: Iterable[Occurrence], owned: OwnedPackages
) -> Iterator[Component]:
    """The packages that count, then, by owner, what the distribution's packages own."""
    owners = {(place.package, place.path): place.owner for place in owned.places}
    places: dict[tuple[bytes, str], list[Place]] = {}
    for one in occurrences:
        owner = owners.get((one.package, one.path), "")
        places.setdefault((one.package, owner), []).append(Place(one.path, one.introduced, one.evidence))
    for package in sorted(packages, key=_order):
        yield _component(package, places.get((package.package, ""), ()))
    known = {package.package: package for package in (*packages, *owned.packages)}
    belonging = {(owner, package) for package, owner in places if owner and package in known}
    for owner, name in sorted(belonging, key=lambda pair: (pair[0], _order(known[pair[1]]))):
        yield _component(known[name], places[name, owner], owner)


def _component(record: PackageRecord, places: Sequence[Place], owner: str = "") -> Component:
    ordered = tuple(sorted(places, key=lambda place: (place.path, place.introduced)))
    return Component(package_facts(record), package_url(record), ordered, owner)


def _order(package: PackageRecord) -> tuple[str, str, str, str, str, bytes]:
    # By code points, which no collation of the database's changes.
    return (
        package.type,
        package.namespace,
        package.name,
        package.version,
        package.architecture,
        package.package,
    )


def _require_packages(record: ImageRecord, image: str) -> None:
    if not record.chain:
        why = explained(record.line.reason, record.line.detail)
        raise NotFound(
            f"has no bill of materials: it is {record.line.state}{f', {why}' if why else ''}",
            where=image,
            advice="scan it again when that has changed",
        )


def _missing(record: ImageRecord, problems: Iterable[Problem]) -> tuple[str, ...]:
    """Of a partial image, what is not in the document; its layers' problems say more than the image's own reason."""
    lines = [
        f"{problem.path or f'layer {problem.layer}'}: {explained(problem.reason, problem.detail)}"
        for problem in problems
        if problem.partial
    ]
    own = explained(record.line.reason, record.line.detail)
    return tuple(dict.fromkeys([*([own] if own else []), *lines]))


def _moment(when: datetime | None) -> str:
    # Whole seconds: SPDX knows no others.
    return (when or datetime.fromtimestamp(0, UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _configuration(facts: ImageFacts) -> ImageConfiguration:
    known = facts.configuration
    if known is None:
        return ImageConfiguration()
    return ImageConfiguration(
        user=known.user,
        entrypoint=known.entrypoint,
        command=known.command,
        environment_names=known.environment,
        ports=known.ports,
        health_check=known.health_check,
        labels=tuple((label.name, label.value) for label in known.labels),
        history=tuple(layer.instruction for layer in facts.layers),
        created=known.created,
    )
