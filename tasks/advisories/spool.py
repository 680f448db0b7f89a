"""The rows of one feed while an import runs: on disk as they come, put in order at the end.

Rows arrive record by record, and the facts of a feed lie in the order of their key; which records count (the newest of an
id) and which vulnerabilities they are about (alias groups) is known only when all have been seen. So rows are spooled as
Arrow files, and each names its record by number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.schemas import ADVISORIES, AFFECTED_RANGES
from catalog.store.interface import Store
from catalog.store.scratch import ScratchFile, file_errors
from tasks.advisories.compilation import RangeRow
from tasks.advisories.records import AdvisoryRecord
from tasks.advisories.severity import Rating

ROWS_IN_MEMORY = 20_000
"""Rows of a feed that wait before they are written to its spool."""

_RECORD = pa.field("record", pa.int32())
_RANGE_SCHEMA = pa.schema([_RECORD, *(AFFECTED_RANGES.schema.field(name) for name in RangeRow._fields)])
_ADVISORY_SCHEMA = pa.schema([_RECORD, *(field for field in ADVISORIES.schema if field.name != "vulnerability")])


class FeedSpool:
    """One feed's rows.

    Args:
        feed: its name.
        store: in whose scratch directory they wait.
    """

    def __init__(self, feed: str, store: Store) -> None:
        self.feed = feed
        self.records = 0
        self.duplicates = 0
        self.ecosystems: set[str] = set()
        self._newest: dict[str, _Version] = {}
        self._ranges = _RowFile(store, _RANGE_SCHEMA)
        self._advisories = _RowFile(store, _ADVISORY_SCHEMA)

    def add(self, record: AdvisoryRecord, rating: Rating, rows: Iterable[RangeRow]) -> None:
        """Take a record; of several with one id the one modified last counts, of equals the later one.

        Args:
            record: the advisory.
            rating: its rating as a whole.
            rows: its rows in this feed; a withdrawn record has none.
        """
        known = self._newest.get(record.id)
        moment = modification_order(record.modified)
        if known is not None:
            self.duplicates += 1
            if moment < known.moment:
                return
        number = self.records
        self.records += 1
        self._newest[record.id] = _Version(moment, number)
        self._advisories.append((number, *_advisory_row(self.feed, record, rating)))
        for row in rows:
            self.ecosystems.add(row.ecosystem)
            self._ranges.append((number, *row))

    def numbers(self) -> list[int]:
        """The numbers of the records that count, ascending."""
        return sorted(version.number for version in self._newest.values())

    def advisories(self) -> pa.Table:
        """The advisories of all records, superseded ones included, each with its number as `record`."""
        return self._advisories.finish()

    def ranges(self) -> pa.Table:
        """The ranges of all records, superseded ones included, each with its record's number as `record`."""
        return self._ranges.finish()

    def close(self) -> None:
        """Remove the spool's files."""
        self._ranges.close()
        self._advisories.close()


def modification_order(modified: str) -> str:
    """A moment in RFC 3339 as OSV writes it (UTC), so that texts compare as moments do, with or without fractions."""
    return modified.removesuffix("Z")


@dataclass(frozen=True, slots=True)
class _Version:
    moment: str
    number: int


def _advisory_row(feed: str, record: AdvisoryRecord, rating: Rating) -> Iterator[object]:
    yield from (feed, record.id, record.modified, record.published, record.withdrawn, record.summary)
    yield from (record.aliases, record.upstream, record.related)
    yield from (rating.severity, rating.score, rating.vector)


class _RowFile:
    """Rows on their way to an Arrow file and back."""

    def __init__(self, store: Store, schema: pa.Schema) -> None:
        self._schema = schema
        self._waiting: list[Sequence[object]] = []
        self._file = ScratchFile(store.scratch, ".arrow")
        with file_errors(self._file.path):
            self._writer = pa.ipc.new_file(str(self._file.path), schema)

    def append(self, row: Sequence[object]) -> None:
        self._waiting.append(row)
        if len(self._waiting) >= ROWS_IN_MEMORY:
            self._flush()

    def finish(self) -> pa.Table:
        """All rows, memory-mapped; no row may be appended afterwards."""
        self._flush()
        with file_errors(self._file.path):
            self._writer.close()
            # The mapping keeps the bytes when the file's name is gone.
            return pa.ipc.open_file(pa.memory_map(str(self._file.path))).read_all()

    def close(self) -> None:
        self._waiting.clear()
        self._file.close()

    def _flush(self) -> None:
        if not self._waiting:
            return
        columns = zip(*self._waiting, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._waiting.clear()
        with file_errors(self._file.path):
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
