"""From a feed's spool to its facts: what counts, in the order of the dataset's key, a slice at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schemas import ADVISORIES, AFFECTED_RANGES
from tasks.advisories.aliases import AliasGroups, vulnerabilities
from tasks.advisories.spool import FeedSpool

SLICE_ROWS = 65_536
"""Rows that are put together at a time."""

Integers = npt.NDArray[np.int64]

_RANGE_ORDER = ("ecosystem", "name", "advisory", "lo", "hi", "exact", "introduced", "fixed", "last_affected")


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
        self._counts = np.zeros(everything.num_rows, dtype=np.int64)
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
        first, flat = self._layout()
        records = self._ranges.column("record").to_numpy().astype(np.int64)
        kept = np.flatnonzero(self._counts[records])
        kept = kept[self._order(kept, records)]
        for start in range(0, len(kept), SLICE_ROWS):
            rows = kept[start : start + SLICE_ROWS]
            repeats = self._counts[records[rows]]
            expanded = np.repeat(rows, repeats)
            # Within each run of repetitions count 0, 1, 2, …: the n-th vulnerability of that row's record.
            nth = np.arange(len(expanded)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
            table = self._ranges.take(pa.array(expanded))
            table = table.append_column("advisory", self._ids.take(pa.array(records[expanded])))
            table = table.append_column("vulnerability", flat.take(pa.array(first[records[expanded]] + nth)))
            yield table.select(AFFECTED_RANGES.schema.names)

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

    def _layout(self) -> tuple[Integers, pa.Array]:
        """For each record's number the place of its first vulnerability in the flat list, and that list."""
        numbers = self._advisories.column("record").to_numpy()
        counts = np.array([len(found) for found in self._vulnerabilities], dtype=np.int64)
        self._counts[numbers] = counts
        first = np.zeros_like(self._counts)
        first[numbers] = np.cumsum(counts) - counts
        return first, pa.array([one for found in self._vulnerabilities for one in found], pa.string())

    def _order(self, kept: Integers, records: Integers) -> npt.NDArray[np.int64]:
        rows = pa.array(kept)
        keys = self._ranges.take(rows).append_column("advisory", self._ids.take(pa.array(records[kept])))
        order = pc.sort_indices(
            keys.select(list(_RANGE_ORDER)).combine_chunks(),
            sort_keys=[(name, "ascending") for name in _RANGE_ORDER],
        )
        ranks: npt.NDArray[np.int64] = order.to_numpy().astype(np.int64)
        return ranks
