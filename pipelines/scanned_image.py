"""One scanned image, found by any of its names and put together from the active set and the archive.

What an image *is* (packages, findings, coverage) stands in Postgres; *where* each package lies is replayed from the archive's
occurrence deltas along the image's chain, whose they are stands with that chain, and what could not be read comes from its
layers' problems.
"""

from __future__ import annotations

import platform as host
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from catalog.active.fleet import (
    ImageFilter,
    find_images,
    image_chain,
    image_chains,
    image_findings,
    image_owned_packages,
    image_packages,
    list_images,
)
from catalog.active.views import FindingRecord, ImageRecord, LayerState, PackageRecord
from catalog.errors import InvalidReference, NotFound
from catalog.facts import read_facts_many
from catalog.images import ImagePlatform
from catalog.schemas import OWNED_OCCURRENCES
from catalog.settings import Settings
from catalog.states import LayerOutcome
from catalog.store import Store
from pipelines.image_facts import ImageFacts, fact_sources, image_facts
from pipelines.models.show import Problem
from pipelines.occurrences import Occurrence, OwnedPackages, image_occurrences, owned_occurrences
from pipelines.workspace import Workspace, open_workspace
from tasks.sources.interface import PlatformChoice, evidence_only
from tasks.sources.references import canonical_reference

_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")
_SUGGESTIONS = 5
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """One image, and everything that is known of it.

    Args:
        record: the active set's view of it.
        others: the images of the same reference for other platforms.
        packages: its distinct packages that count.
        findings: the advisories that match them.
        occurrences: where they and the owned ones lie.
        owned: which of these places belong to the distribution's packages.
        problems: what could not be read, and what was odd.
        facts: what it is besides its packages.
    """

    record: ImageRecord
    others: tuple[ImageRecord, ...]
    packages: tuple[PackageRecord, ...]
    findings: tuple[FindingRecord, ...]
    occurrences: tuple[Occurrence, ...]
    owned: OwnedPackages
    problems: tuple[Problem, ...]
    facts: ImageFacts


def read_image(image: str, settings: Settings, platform: str = "") -> ScannedImage:
    """Find a scanned image and read what is known of it.

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
    wanted = image_name(image)  # whoever mistypes need not wait for a database
    with open_workspace(settings, writes=False) as workspace:
        name = scanned_name(workspace, wanted, image)
        with workspace.database.transaction() as tx:
            records = find_images(tx, name)
            record = choose(records, platform, image)
            packages = image_packages(tx, record.image)
            findings = image_findings(tx, record.image)
            chains = image_chains(tx, record.image)
            owned = image_owned_packages(tx, record.image)
            owners = image_chain(tx, record.image, OWNED_OCCURRENCES.name)
            sources = fact_sources(tx, record.image)
        partly = evidence_only(record.line.reference)
        return ScannedImage(
            record=record,
            others=tuple(other for other in records if other is not record),
            packages=tuple(packages),
            findings=tuple(findings),
            occurrences=tuple(image_occurrences(workspace.store, chains)),
            owned=OwnedPackages(tuple(owned), owned_occurrences(workspace.store, owners)),
            problems=tuple(layer_problems(workspace.store, sources.layers)),
            facts=image_facts(workspace.store, record.line.digest, sources, evidence_only=partly),
        )


def image_name(text: str) -> str:
    """What the active set knows an image by: a digest as `sha256:…`, anything else as a canonical reference.

    Raises:
        InvalidReference: the text is neither.
    """
    if _DIGEST.fullmatch(text):
        return text if text.startswith("sha256:") else f"sha256:{text}"
    if text.startswith("sha256:"):
        raise InvalidReference(
            "is no sha256 digest", where=text, advice="give 12 to 64 of its hex digits, in lower case"
        )
    return canonical_reference(text)


def scanned_name(workspace: Workspace, name: str, image: str) -> str:
    """The name under which an image was scanned: the one asked for, or the only one that continues it.

    A layout or an archive of one image may be asked for without its tag.

    Args:
        workspace: the opened home.
        name: see `image_name`.
        image: as it was asked for, for the error.

    Raises:
        NotFound: nothing was scanned by that name, or several tags of it were.
    """
    with workspace.database.transaction() as tx:
        if find_images(tx, name):
            return name
    stem = name.removesuffix(":latest")
    wanted = ImageFilter(reference=f"{stem}:*")
    near = dict.fromkeys(line.reference for line in list_images(workspace.database, wanted, limit=_SUGGESTIONS))
    if len(near) == 1 and stem == name:
        return next(iter(near))
    raise NotFound(
        "no such image was scanned",
        where=image,
        advice=f"scanned were {', '.join(near)}" if near else "`longshore scan` scans it, `longshore images` lists all",
    )


def choose(records: Sequence[ImageRecord], platform: str, image: str) -> ImageRecord:
    """The record to show among those of one reference.

    Args:
        records: at least one.
        platform: the one asked for; empty for this machine's, else the first that was analysed, else the first.
        image: as it was asked for, for the error.

    Raises:
        NotFound: none has the platform that was asked for.
    """
    if platform:
        wanted = PlatformChoice((platform,))
        for record in records:
            if wanted.includes(record.line.platform):
                return record
        known = ", ".join(str(record.line.platform) or "unknown" for record in records)
        raise NotFound(f"there is no image for {platform}", where=image, advice=f"there is one for {known}")
    here = PlatformChoice((str(host_platform()),))
    composed = [record for record in records if record.chain]
    return next((r for r in composed if here.includes(r.line.platform)), (composed or list(records))[0])


def host_platform() -> ImagePlatform:
    """The platform that containers on this machine have."""
    return ImagePlatform("linux", _MACHINES.get(host.machine(), host.machine()))


def layer_problems(store: Store, layers: Sequence[LayerState]) -> Iterator[Problem]:
    """What could not be read in an image's layers, bottom first.

    Args:
        store: the archive's.
        layers: of the image.

    Raises:
        StoreError: an object cannot be read.
    """
    for layer in {state.layer: state for state in layers}.values():
        if layer.outcome == LayerOutcome.FAILED:
            yield Problem(
                layer=layer.layer, path="", analyser="", reason=layer.reason, detail=layer.detail, partial=True
            )
        if layer.problem_keys:
            rows = read_facts_many(store, layer.problem_keys, where=pc.field("layer") == layer.layer)
            yield from (Problem(**row) for row in rows.drop_columns("ordinal").to_pylist())
