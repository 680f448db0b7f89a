"""Rebuild what an image has from the deltas of its chains."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

OCCURRENCE_SCHEMA = pa.schema(
    [
        pa.field("package", pa.binary()),
        pa.field("path", pa.string()),
        pa.field("introduced", pa.string()),
        pa.field("evidence", pa.string()),
    ]
)
"""Columns of `live_occurrences`: the package's id, its path, the layer that introduced it, the layer that is its evidence."""


def live_occurrences(deltas: Sequence[pa.Table]) -> pa.Table:
    """The occurrences that a chain has.

    Args:
        deltas: rows of `catalog.schemas.OCCURRENCES` of each chain on the way from the root, bottom first; each table holds
            the rows of one chain only, and is empty for a chain that changed nothing.

    Returns:
        One row for each package and path, with the columns of OCCURRENCE_SCHEMA, in the order of path and package.
    """
    live: dict[tuple[str, bytes], tuple[str, str]] = {}
    for delta in deltas:
        names = ("path", "package", "change", "introduced", "evidence")
        columns = (delta.column(name).to_pylist() for name in names)
        for path, package, change, introduced, evidence in zip(*columns, strict=True):
            if change > 0:
                live[path, package] = (introduced, evidence)
            else:
                live.pop((path, package), None)
    rows = [(package, path, *live[path, package]) for path, package in sorted(live)]
    arrays = [pa.array([row[n] for row in rows], field.type) for n, field in enumerate(OCCURRENCE_SCHEMA)]
    return pa.table(arrays, schema=OCCURRENCE_SCHEMA)
