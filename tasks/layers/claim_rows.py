"""Claims on their way to rows: whose file is whose, for those paths at which evidence may lie.

Of what a package database lists, hardly a tenth is kept (see `tasks.analyzers.places`). Rows are columns from the beginning, as
those of packages are: a large system has some ten thousand of them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from catalog.schemas import OWNED_PATHS
from tasks.analyzers.interface import Claim
from tasks.analyzers.places import places_of_evidence
from tasks.layers.package_rows import LONGEST_TEXTS, ordinals_of

LONGEST_OWNER = LONGEST_TEXTS + 16
"""Characters of an owner: a package's name may have as many, and the type stands before it."""
ROW_BYTES = 96
"""What a row takes beside its path, about, with its copy at the end of the layer."""

_FLUSH_ROWS = 4_096


class ClaimRows:
    """Collects claims by the number of the evidence they were found in.

    `table` then gives the rows of chosen evidence at chosen paths, as `PackageRows` does.
    """

    def __init__(self) -> None:
        self._chunks: list[pa.RecordBatch] = []
        self._owned: list[str] = []
        self._claims: list[tuple[str, bytes, int]] = []
        self._ranges: dict[int, tuple[int, int]] = {}
        self._count = 0

    def add(self, number: int, claims: list[Claim]) -> int:
        """Add what one piece of evidence claims, in its order.

        Args:
            number: of the evidence.
            claims: of it.

        Returns:
            What the rows take, in bytes, about.
        """
        start, cost = self._count, 0
        for claim in claims:
            places = places_of_evidence(claim.paths)
            if places:
                self._owned += places
                self._claims.append((claim.owner, claim.package, len(places)))
                self._count += len(places)
                cost += len(claim.owner) + sum(map(len, places))
        self._ranges[number] = (start, self._count - start)
        if len(self._owned) >= _FLUSH_ROWS:
            self._flush()
        return cost + ROW_BYTES * (self._count - start)

    def table(self, evidence: list[tuple[str, int]]) -> pa.Table:
        """The claims of the evidence given, without the layer's digest.

        Args:
            evidence: (path, number), in the order of the rows wanted; a path's rows are counted on over all of its evidence.
        """
        self._flush()
        places = [(path, *self._ranges[number]) for path, number in evidence if number in self._ranges]
        counts = np.array([count for _, _, count in places], dtype=np.int64)
        indices = [np.arange(start, start + count) for _, start, count in places]
        paths = pa.array([path for path, _, _ in places], pa.string())
        rows = pa.Table.from_batches(self._chunks, schema=_CHUNK_SCHEMA).unify_dictionaries()
        chosen = rows.take(pa.array(np.concatenate([*indices, np.zeros(0, dtype=np.int64)])))
        chosen = chosen.append_column("path", paths.take(pa.array(np.repeat(np.arange(len(counts)), counts))))
        chosen = chosen.append_column("ordinal", pa.array(ordinals_of([path for path, _, _ in places], counts)))
        return chosen.select([name for name in OWNED_PATHS.schema.names if name != "layer"])

    def _flush(self) -> None:
        if not self._owned:
            return
        lengths = [length for _, _, length in self._claims]
        numbers = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        owners = pa.array([owner for owner, _, _ in self._claims], pa.string())
        packages = pa.array([package for _, package, _ in self._claims], pa.binary())
        columns = {
            "owner": pa.DictionaryArray.from_arrays(pa.array(numbers), owners),
            "package": packages.take(pa.array(numbers)),
            "owned": pa.array(self._owned, pa.string()),
        }
        self._chunks.append(pa.RecordBatch.from_pydict(columns, schema=_CHUNK_SCHEMA))
        self._owned, self._claims = [], []


def is_plain(claim: Claim) -> bool:
    """Whether a claim's owner can be kept: a text without a NUL, no longer than any real name."""
    return "\0" not in claim.owner and len(claim.owner) <= LONGEST_OWNER


_CHUNK_SCHEMA = pa.schema([field for field in OWNED_PATHS.schema if field.name not in ("layer", "path", "ordinal")])
