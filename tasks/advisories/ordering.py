"""From a feed's spool to its facts: what counts, in the order of the dataset's key, a slice at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schemas import ADVISORIES, AFFECTED_RANGES
from tasks.advisories.aliases import AliasGroups, vulnerabilities
from tasks.advisories.spool import FeedSpool

SLICE_ROWS = 65_536
"""Rows that are put together at a time."""

_RANGE_ORDER = (
    "ecosystem",
    "name",
    "advisory",
    "lo",
    "hi",
    "exact",
    "vulnerability",
    "introduced",
    "fixed",
    "last_affected",
)


class OrderedFeed:
    """A feed whose import has seen everything.

    Args:
        spool: its rows; must stay open as long as this is used.
    """

    def __init__(self, spool: FeedSpool) -> None:
        self._feed = spool.feed
        everything = spool.advisories()
        # Records are numbered as they lie in the spool, so a number is a row.
        self._ids = everything.column("advisory")
        self._advisories = everything.take(pa.array(spool.numbers(), pa.int64()))
        self._vulnerabilities = self._canonical()
        self._ranges = spool.ranges()

    @property
    def advisory_rows(self) -> pa.Table:
        """Its rows of ADVISORIES, in order; an advisory about several vulnerabilities has its own id as theirs."""
        firsts = [
            found[0] if len(found) == 1 else advisory
            for found, advisory in zip(
                self._vulnerabilities, self._advisories.column("advisory").to_pylist(), strict=True
            )
        ]
        table = self._advisories.append_column("vulnerability", pa.array(firsts, pa.string()))
        return table.select(ADVISORIES.schema.names).sort_by("advisory")

    def range_slices(self) -> Iterator[pa.Table]:
        """Its rows of AFFECTED_RANGES, in order: one for each range and vulnerability."""
        if not self._ranges.num_rows:
            return
        rows, vulnerabilities_of_rows = self._expand()
        columns = self._columns(rows, vulnerabilities_of_rows, _RANGE_ORDER).combine_chunks()
        order = pc.sort_indices(columns, sort_keys=[(name, "ascending") for name in _RANGE_ORDER])
        del columns
        for start in range(0, len(order), SLICE_ROWS):
            wanted = order.slice(start, SLICE_ROWS)
            yield self._columns(rows.take(wanted), vulnerabilities_of_rows.take(wanted), AFFECTED_RANGES.schema.names)

    def _canonical(self) -> list[tuple[str, ...]]:
        columns = ("advisory", "aliases", "upstream", "related")
        rows = list(zip(*(self._advisories.column(name).to_pylist() for name in columns), strict=True))
        groups = AliasGroups()
        for advisory, aliases, _upstream, _related in rows:
            groups.add(advisory, aliases)
        return [
            vulnerabilities(self._feed, advisory, aliases, upstream, related, groups)
            for advisory, aliases, upstream, related in rows
        ]

    def _expand(self) -> tuple[pa.Array, pa.Array]:
        """The rows that count, each as often as its record has vulnerabilities, and the vulnerability of each."""
        numbers = self._advisories.column("record").to_numpy()
        per_record = np.array([len(found) for found in self._vulnerabilities], dtype=np.int64)
        counts = np.zeros(len(self._ids), dtype=np.int64)  # of a superseded record none
        counts[numbers] = per_record
        first = np.zeros_like(counts)
        first[numbers] = np.cumsum(per_record) - per_record
        records = self._ranges.column("record").to_numpy()
        repeats = counts[records]
        rows = np.repeat(np.arange(len(records)), repeats)
        # Within each run of repetitions count 0, 1, 2, …: the n-th vulnerability of that row's record.
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        flat = pa.array([one for found in self._vulnerabilities for one in found], pa.string())
        return pa.array(rows), flat.take(pa.array(first[records[rows]] + nth))

    def _columns(self, rows: pa.Array, vulnerabilities_of_rows: pa.Array, names: Sequence[str]) -> pa.Table:
        own = [name for name in names if name not in ("advisory", "vulnerability")]
        table = self._ranges.select([*own, "record"]).take(rows)
        table = table.append_column("advisory", self._ids.take(table.column("record")))
        return table.append_column("vulnerability", vulnerabilities_of_rows).select(list(names))
