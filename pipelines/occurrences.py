"""Where an image's packages lie: replayed from the archive's occurrence deltas along the image's chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.active.views import ChainObjects
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
