"""Claims on their way to rows: whose file is whose, for those paths at which evidence may lie.

Of what a package database lists, hardly a tenth is kept (see `tasks.analyzers.places`). A large system lists some hundred
thousand paths in a thousand files, so lists wait as they are until many are looked at together, and none of their paths is ever
an object.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schemas import OWNED_PATHS
from tasks.analyzers.interface import Claim
from tasks.analyzers.places import places_of_evidence
from tasks.layers.package_rows import LONGEST_TEXTS, ordinals_of

LONGEST_OWNER = LONGEST_TEXTS + 16
"""Characters of an owner: a package's name may have as many, and the type stands before it."""
ROW_BYTES = 96
"""What a row takes beside its path, about, with its copy at the end of the layer."""

_FLUSH_BYTES = 1 << 20
"""Bytes of lists that wait."""


class ClaimRows:
    """Collects claims by the number of the evidence they were found in.

    `table` then gives the rows of chosen evidence at chosen paths, as `PackageRows` does.
    """

    def __init__(self) -> None:
        self._chunks: list[pa.RecordBatch] = []
        self._waiting: list[tuple[int, list[Claim]]] = []
        self._waiting_bytes = 0
        self._ranges: dict[int, tuple[int, int]] = {}
        self._costs: dict[int, int] = {}
        self._count = 0
        self.owing = 0
        """What those that wait may turn out to take, at most."""

    def add(self, number: int, claims: list[Claim]) -> int:
        """Add what one piece of evidence claims, in its order.

        Args:
            number: of the evidence.
            claims: of it.

        Returns:
            As `settle`, where enough is waiting to be looked at; else 0.
        """
        self._waiting.append((number, claims))
        for claim in claims:
            self._waiting_bytes += len(claim.listed)
            # Each path has a slash, at least one byte more, and a NUL.
            self.owing += len(claim.owner) + len(claim.listed) + ROW_BYTES * (len(claim.listed) // 3)
        return self.settle() if self._waiting_bytes >= _FLUSH_BYTES else 0

    def settle(self) -> int:
        """Make rows of the claims that wait.

        Returns:
            What these rows take, in bytes, about.
        """
        waiting, self._waiting, self._waiting_bytes, self.owing = self._waiting, [], 0, 0
        claims = [claim for _, several in waiting for claim in several]
        chunk, counts, sizes = _rows_of(claims) if claims else (None, [], [])
        total = at = 0
        for number, several in waiting:
            upto = at + len(several)
            rows = sum(counts[at:upto])
            kept = sum(len(claim.owner) for claim, count in zip(several, counts[at:upto], strict=True) if count)
            cost = kept + sum(sizes[at:upto]) + ROW_BYTES * rows
            self._ranges[number], self._costs[number] = (self._count, rows), cost
            self._count += rows
            total, at = total + cost, upto
        if chunk is not None and chunk.num_rows:
            self._chunks.append(chunk)
        return total

    def cost(self, number: int) -> int:
        """What the rows of one piece of evidence take; all that wait are to be settled before.

        Args:
            number: of the evidence; it may have none.
        """
        return self._costs.get(number, 0)

    def table(self, evidence: list[tuple[str, int]]) -> pa.Table:
        """The claims of the evidence given, without the layer's digest.

        Args:
            evidence: (path, number), in the order of the rows wanted; a path's rows are counted on over all of its evidence.
        """
        self.settle()
        places = [(path, *self._ranges[number]) for path, number in evidence if number in self._ranges]
        counts = np.array([count for _, _, count in places], dtype=np.int64)
        indices = [np.arange(start, start + count) for _, start, count in places]
        paths = pa.array([path for path, _, _ in places], pa.string())
        rows = pa.Table.from_batches(self._chunks, schema=_CHUNK_SCHEMA).unify_dictionaries()
        chosen = rows.take(pa.array(np.concatenate([*indices, np.zeros(0, dtype=np.int64)])))
        chosen = chosen.append_column("path", paths.take(pa.array(np.repeat(np.arange(len(counts)), counts))))
        chosen = chosen.append_column("ordinal", pa.array(ordinals_of([path for path, _, _ in places], counts)))
        return chosen.select([name for name in OWNED_PATHS.schema.names if name != "layer"])


def _rows_of(claims: list[Claim]) -> tuple[pa.RecordBatch, list[int], list[int]]:
    """Rows of some claims; how many are each claim's, and characters of their paths."""
    listed = b"".join([claim.listed for claim in claims])
    ends = np.flatnonzero(np.frombuffer(listed, dtype=np.uint8) == 0)
    upto = np.searchsorted(ends, np.cumsum([len(claim.listed) for claim in claims]))
    kept = places_of_evidence(listed, ends, upto[upto > 0] - 1)
    paths = _texts(listed, ends, np.flatnonzero(kept))
    lengths = np.zeros(len(ends), dtype=np.int64)
    lengths[kept] = pc.utf8_length(paths).to_numpy(zero_copy_only=False)
    before = np.concatenate([np.zeros(1, dtype=np.int64), upto[:-1]])
    counts, sizes = _sums(kept, before, upto), _sums(lengths, before, upto)
    numbers = pa.array(np.repeat(np.arange(len(claims), dtype=np.int32), counts))
    columns = {
        "owner": pa.DictionaryArray.from_arrays(numbers, pa.array([claim.owner for claim in claims], pa.string())),
        "package": pa.array([claim.package for claim in claims], pa.binary()).take(numbers),
        "owned": paths,
    }
    return pa.RecordBatch.from_pydict(columns, schema=_CHUNK_SCHEMA), counts.tolist(), sizes.tolist()


def _texts(listed: bytes, ends: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]) -> pa.Array:
    """The chosen paths, without the slashes before them."""
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])[chosen] + 1
    offsets = np.zeros(len(chosen) + 1, dtype=np.int32)
    np.cumsum(ends[chosen] - starts, out=offsets[1:])
    pieces = [listed[start:end] for start, end in zip(starts.tolist(), ends[chosen].tolist(), strict=True)]
    return pa.StringArray.from_buffers(len(chosen), pa.py_buffer(offsets), pa.py_buffer(b"".join(pieces)))


def _sums(
    values: npt.NDArray[np.bool_] | npt.NDArray[np.int64], start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Sums of the values between these borders."""
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(values, dtype=np.int64)])
    found: npt.NDArray[np.int64] = sums[end] - sums[start]
    return found


def is_plain(claim: Claim) -> bool:
    """Whether a claim's owner can be kept: a text without a NUL, no longer than any real name."""
    return "\0" not in claim.owner and len(claim.owner) <= LONGEST_OWNER


_CHUNK_SCHEMA = pa.schema([field for field in OWNED_PATHS.schema if field.name not in ("layer", "path", "ordinal")])
