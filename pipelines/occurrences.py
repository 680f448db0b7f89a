"""Where an image's packages lie: replayed from the archive's occurrence deltas along the image's chain.

Which of these places an operating system's package owns is no delta: it is decided for the image's own chain and written there
once. `catalog.active.one_image.image_chain` names the objects of such facts by their dataset, privileged files likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.active.views import ChainObjects, PackageRecord
from catalog.facts import read_facts_many
from catalog.schemas import OCCURRENCES
from catalog.store import Store
from tasks.composition import live_occurrences


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A package at a path.

    Args:
        package: 16 bytes that name it.
        path: of the evidence that names it.
        introduced: digest of the lowest layer from which on it is there without a gap.
        evidence: digest of the layer whose copy of the evidence counts.
    """

    package: bytes
    path: str
    introduced: str
    evidence: str


@dataclass(frozen=True, slots=True)
class OwnedOccurrence:
    """A language package at a path that belongs to an operating system's package.

    Args:
        path: of the evidence.
        package: 16 bytes that name it.
        owner: `<purl type>/<package name>` of whose it is.
    """

    path: str
    package: bytes
    owner: str


@dataclass(frozen=True, slots=True)
class OwnedPackages:
    """What an image's operating system owns of its language packages.

    Args:
        packages: distinct ones that lie nowhere else.
        places: all places that are owned, those of packages that lie elsewhere too among them.
    """

    packages: tuple[PackageRecord, ...] = ()
    places: tuple[OwnedOccurrence, ...] = ()


NOTHING_OWNED = OwnedPackages()
"""An image whose operating system owns none of its language packages."""


def owned_occurrences(store: Store, chain: ChainObjects | None) -> tuple[OwnedOccurrence, ...]:
    """The owned places of an image, in the order of path and package.

    Args:
        store: the archive's.
        chain: the image's own with the objects of its owned occurrences; None where the image has no chain.

    Raises:
        StoreError: an object cannot be read.
    """
    if chain is None or not chain.keys:
        return ()
    columns = ("path", "package", "owner")
    rows = read_facts_many(store, chain.keys, columns=columns, where=pc.field("chain") == chain.chain)
    return tuple(OwnedOccurrence(**row) for row in rows.to_pylist())


def image_occurrences(store: Store, chains: Sequence[ChainObjects]) -> tuple[Occurrence, ...]:
    """The occurrences of an image, in the order of path and package.

    Args:
        store: the archive's.
        chains: the lineage of the image's chain, root first.

    Raises:
        StoreError: an object cannot be read.
    """
    # Chains of one image mostly lie in one object: it is read once for all of them.
    keys = sorted({key for chain in chains for key in chain.keys})
    wanted = pa.array([chain.chain for chain in chains], pa.binary())
    rows = read_facts_many(store, keys, where=pc.field("chain").isin(wanted), dataset=OCCURRENCES)
    deltas = [rows.filter(pc.equal(rows.column("chain"), pa.scalar(chain.chain, pa.binary()))) for chain in chains]
    return tuple(Occurrence(**row) for row in live_occurrences(deltas).to_pylist())
