"""Read queries for what a person sees: the fleet's images, one image in depth, the whole in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from catalog.active.database import Database, Transaction
from catalog.active.views import (
    ChainObjects,
    CoverageCounts,
    FeedRecord,
    FindingCounts,
    FindingRecord,
    FleetStatus,
    ImageLine,
    ImageRecord,
    LayerState,
    PackageRecord,
    RunRecord,
)
from catalog.states import Outcome, Severity

__all__ = [
    "ChainObjects",
    "CoverageCounts",
    "FeedRecord",
    "FindingCounts",
    "FindingRecord",
    "FleetStatus",
    "ImageFilter",
    "ImageLine",
    "ImageOrder",
    "ImageRecord",
    "LayerState",
    "PackageRecord",
    "RunRecord",
    "find_images",
    "fleet_status",
    "image_chains",
    "image_findings",
    "image_layers",
    "image_packages",
    "list_images",
]


class ImageOrder(StrEnum):
    """How `list_images` sorts."""

    REFERENCE = "reference"
    SEVERITY = "severity"
    """Most critical findings first, then high, and so on."""
    PACKAGES = "packages"
    """Most packages first."""
    STATE = "state"
    """Worst outcome first."""


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images to list: every condition given must hold.

    Args:
        reference: text with `*` wildcards, against the canonical reference.
        outcomes: any of these.
        at_least: some finding of this severity or worse.
        package: a package's name, exactly as its ecosystem normalises it.
        vulnerability: a vulnerability's canonical id.
        distribution: os-release's ID.
        not_covered: some package is not covered or not comparable.
        gone: also references that the registry no longer has.
        texts: exactly these references (what a scan touched); empty for any.
    """

    reference: str = ""
    outcomes: tuple[Outcome, ...] = ()
    at_least: Severity | None = None
    package: str = ""
    vulnerability: str = ""
    distribution: str = ""
    not_covered: bool = False
    gone: bool = False
    texts: tuple[str, ...] = ()


def list_images(
    db: Database,
    wanted: ImageFilter = ImageFilter(),
    *,
    limit: int | None = None,
    order: ImageOrder = ImageOrder.REFERENCE,
) -> Iterator[ImageLine]:
    """One line for each (reference, image), streamed, memory does not grow with the fleet.

    A reference that could not be resolved is one line without a digest; a platform that was skipped is a line of its own.

    Raises:
        DatabaseUnreachable: Postgres does not answer.
    """
    raise NotImplementedError


def find_images(tx: Transaction, name: str) -> list[ImageRecord]:
    """The images that a reference or digest names; none where it was never scanned.

    Args:
        name: a canonical reference text, or `sha256:<hex>` of an image or of an index, or a unique prefix of an image's of at
            least 12 hex digits.

    Returns:
        One record for each image (and each platform that was skipped or failed) of the reference, in the index's order;
        a reference that could not be resolved gives one record with image 0 and its reason.
    """
    raise NotImplementedError


def image_packages(tx: Transaction, image: int) -> list[PackageRecord]:
    """The distinct packages of an image, by type, name and version."""
    raise NotImplementedError


def image_findings(tx: Transaction, image: int) -> list[FindingRecord]:
    """The advisories that match an image's packages, worst severity first, then by vulnerability, package and advisory."""
    raise NotImplementedError


def image_chains(tx: Transaction, image: int) -> list[ChainObjects]:
    """The lineage of an image's chain, root first, with the objects that hold the occurrence deltas.

    Apply them in order: a row with change +1 puts (package, path), -1 takes it away. An object may hold other chains' rows
    too: filter by chain.
    """
    raise NotImplementedError


def image_layers(tx: Transaction, image: int) -> list[LayerState]:
    """An image's layers, bottom first, how each analysis ended and where its problems are recorded."""
    raise NotImplementedError


def fleet_status(tx: Transaction) -> FleetStatus:
    """The whole fleet in numbers."""
    raise NotImplementedError
