"""Packages on their way to rows: columns instead of objects, so that a layer of many packages stays small in memory."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.packages import PackageFacts
from catalog.schemas import PACKAGES

LONGEST_TEXTS = 16_384
"""Characters of all texts of one package together."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_FLUSH_ROWS = 4096
_FACT_COLUMNS = ("type", "namespace", "name", "version", "architecture", "source_name", "source_version", "module")


class PackageRows:
    """Collects packages by the number of the evidence they were found in.

    `table` then gives the rows of chosen evidence at chosen paths: hard links show one evidence at two, and evidence that a
    later entry of the layer replaced is not chosen.
    """

    def __init__(self) -> None:
        self._chunks: list[pa.RecordBatch] = []
        self._waiting: list[tuple[str, PackageFacts]] = []
        self._ranges: dict[int, tuple[int, int]] = {}
        self.count = 0

    def add(self, number: int, analyser: str, packages: list[PackageFacts]) -> None:
        """Add what one piece of evidence yielded, in its order."""
        self._ranges[number] = (self.count, len(packages))
        self.count += len(packages)
        self._waiting.extend((analyser, package) for package in packages)
        if len(self._waiting) >= _FLUSH_ROWS:
            self._flush()

    def table(self, evidence: list[tuple[str, int]]) -> pa.Table:
        """The packages of the evidence given, without the layer's digest.

        Args:
            evidence: (path, number), in the order of the rows wanted; a path's packages are counted on over all of its
                evidence.
        """
        self._flush()
        places = [(path, *self._ranges.get(number, (0, 0))) for path, number in evidence]
        indices = [np.arange(start, start + count) for _, start, count in places]
        counts = np.array([count for _, _, count in places], dtype=np.int64)
        paths = pa.array([path for path, _, _ in places], pa.string())
        ordinals = ordinals_of([path for path, _, _ in places], counts)
        rows = pa.Table.from_batches(self._chunks, schema=_CHUNK_SCHEMA)
        chosen = rows.take(pa.array(np.concatenate([*indices, np.zeros(0, dtype=np.int64)])))
        chosen = chosen.append_column("path", paths.take(pa.array(np.repeat(np.arange(len(counts)), counts))))
        chosen = chosen.append_column("ordinal", pa.array(ordinals))
        return chosen.select([name for name in PACKAGES.schema.names if name != "layer"])

    def _flush(self) -> None:
        if self._waiting:
            self._chunks.append(_batch(self._waiting))
            self._waiting = []


def plain_length(package: PackageFacts) -> int | None:
    """Characters of all texts of a package; None where they cannot be kept: a NUL, a lone surrogate, longer than any real one."""
    texts = (
        package.type,
        package.namespace,
        package.name,
        package.version,
        package.architecture,
        package.source_name,
        package.source_version,
        package.module,
        *package.licences,
    )
    joined = "".join(texts)
    if "\0" in joined or len(joined) > LONGEST_TEXTS:
        return None
    return len(joined) if joined.isascii() or not _SURROGATES.search(joined) else None


def _batch(found: list[tuple[str, PackageFacts]]) -> pa.RecordBatch:
    facts = [package for _, package in found]
    columns: dict[str, list[object]] = {name: [getattr(package, name) for package in facts] for name in _FACT_COLUMNS}
    columns["analyser"] = [analyser for analyser, _ in found]
    columns["package"] = [package.package_id for package in facts]
    columns["epoch"] = [package.epoch for package in facts]
    columns["qualifiers"] = [package.qualifier_text for package in facts]
    columns["licences"] = [list(package.licences) for package in facts]
    columns["role"] = [package.role.value for package in facts]
    return pa.RecordBatch.from_pydict(columns, schema=_CHUNK_SCHEMA)


def ordinals_of(
    paths: list[str], counts: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Running numbers of rows within each path.

    Args:
        paths: of the evidence; that of one path stands side by side.
        counts: rows of each piece of evidence.
    """
    fresh = np.array([True, *(left != right for left, right in pairwise(paths))][: len(paths)], dtype=np.bool_)
    ends = np.cumsum(counts)
    starts = ends - counts
    base = np.maximum.accumulate(np.where(fresh, starts, 0)) if len(starts) else starts
    total = int(ends[-1]) if len(ends) else 0
    ordinals: npt.NDArray[np.int32] = (np.arange(total) - np.repeat(base, counts)).astype(np.int32)
    return ordinals


_CHUNK_SCHEMA = pa.schema([field for field in PACKAGES.schema if field.name not in ("layer", "path", "ordinal")])
