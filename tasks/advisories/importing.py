"""An import: from a path with OSV records to a snapshot of immutable objects.

One pass over the records; each becomes rows of the feeds that it speaks of, and what cannot be read is counted and named.
Then every feed is put in order and written: the same records give the same objects, however they were packed. Feeds that
the import does not hold stay as the snapshot before had them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.advisories import FeedReceipt, RecordProblems, SnapshotFeeds, SnapshotReceipt, feed_of, snapshot_id
from catalog.errors import AdvisoryError, ParseError
from catalog.facts import FactWriter
from catalog.receipts import ObjectReceipt
from catalog.schemas import ADVISORIES, AFFECTED_RANGES, Dataset
from catalog.settings import ArchiveLocation
from catalog.store import open_store
from catalog.store.interface import Store
from tasks.advisories.compilation import compile_record, rate_record
from tasks.advisories.ecosystems import feed_of_directory, scheme_of
from tasks.advisories.ordering import OrderedFeed
from tasks.advisories.records import AdvisoryRecord, Affected, parse_record
from tasks.advisories.sources import LARGEST_RECORD, RawRecord, read_records
from tasks.advisories.spool import FeedSpool, modification_order

EXAMPLES = 20
"""Records that cannot be read and are named, of each reason; the others are counted."""


def import_advisories(
    path: Path,
    complete: Iterable[str],
    archive: ArchiveLocation,
    *,
    month: str,
    previous: SnapshotFeeds = (),
) -> SnapshotReceipt:
    """Import advisories and write the objects of a new snapshot.

    Args:
        path: a JSON file, a zip file, or a directory of such (osv.dev's layout `<Ecosystem>/all.zip`, or any other).
        complete: what is complete in it, `ECOSYSTEM[:RELEASE]`; everything else is a sample, and covers nothing.
        archive: where the objects go.
        month: `YYYY-MM` under which they are filed.
        previous: the feeds of the current snapshot; those that this import does not hold are kept.

    Raises:
        AdvisoryError: the path cannot be read, holds no advisory, or lacks what is declared complete.
        StoreError: the archive cannot be written.
    """
    started = time.process_time()
    with ExitStack() as stack:
        store = stack.enter_context(open_store(archive))
        reading = _Reading(store, stack)
        for raw in read_records(path):
            reading.take(raw)
        reading.check(path)
        declared = _Declarations(complete)
        declared.check(reading.spools.values(), path)
        imported = [
            _write_feed(spool, declared.of(feed), store, month) for feed, spool in sorted(reading.spools.items())
        ]
    names = tuple(feed.feed for feed in imported)
    feeds = tuple(
        sorted((*imported, *(feed for feed in previous if feed.feed not in names)), key=lambda feed: feed.feed)
    )
    return SnapshotReceipt(
        snapshot=snapshot_id(feeds),
        feeds=feeds,
        imported=names,
        records=reading.records,
        duplicates=sum(spool.duplicates for spool in reading.spools.values()),
        problems=reading.problems(),
        unknown_ecosystems=tuple(
            (release, ranges) for feed in imported for release, ranges in feed.releases if not scheme_of(release)
        ),
        cpu_seconds=time.process_time() - started,
    )


class _Reading:
    """The records of an import as they come."""

    def __init__(self, store: Store, stack: ExitStack) -> None:
        self.records = 0
        self.spools: dict[str, FeedSpool] = {}
        self._store = store
        self._stack = stack
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def take(self, raw: RawRecord) -> None:
        """Read one record into the feeds that it speaks of."""
        if raw.size > LARGEST_RECORD:
            self._refuse("too-large", raw.name, f"{raw.size} bytes")
            return
        try:
            record = parse_record(raw.data)
        except ParseError as error:
            self._refuse("unreadable", raw.name, str(error))
            return
        self.records += 1
        rating = rate_record(record)
        for feed, affected in _by_feed(record, raw.directory).items():
            rows = [] if record.withdrawn else compile_record(record, affected, rating)
            self._spool(feed).add(record, rating, rows)

    def check(self, path: Path) -> None:
        """Raise where nothing was found at all."""
        if not self.spools:
            found = f"none of its {self._counts.total()} JSON files is an OSV record" if self._counts else "it has none"
            raise AdvisoryError(
                f"no advisory found: {found}",
                where=str(path),
                advice="name a zip file or a directory of OSV records, as osv.dev exports them",
            )

    def problems(self) -> tuple[RecordProblems, ...]:
        """What could not be read, by reason."""
        return tuple(
            RecordProblems(reason, count, tuple(self._examples[reason]))
            for reason, count in sorted(self._counts.items())
        )

    def _refuse(self, reason: str, name: str, detail: str) -> None:
        self._counts[reason] += 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(f"{name}: {detail}")

    def _spool(self, feed: str) -> FeedSpool:
        spool = self.spools.get(feed)
        if spool is None:
            spool = self.spools[feed] = FeedSpool(feed, self._store)
            self._stack.callback(spool.close)
        return spool


def _by_feed(record: AdvisoryRecord, directory: str) -> dict[str, list[Affected]]:
    """A record's entries by feed. In an ecosystem's own export only its own entries count: it is no export of the others."""
    feeds: dict[str, list[Affected]] = {}
    for entry in record.affected:
        feeds.setdefault(feed_of(entry.ecosystem), []).append(entry)
    own = feed_of_directory(directory)
    return {own: feeds[own]} if own in feeds else feeds


class _Declarations:
    """What an import was declared to be complete for."""

    def __init__(self, complete: Iterable[str]) -> None:
        self._declared = tuple(sorted(set(complete)))

    def of(self, feed: str) -> tuple[str, ...]:
        """The declarations for one feed."""
        return tuple(declared for declared in self._declared if feed_of(declared) == feed)

    def check(self, spools: Iterable[FeedSpool], path: Path) -> None:
        """Raise where something was declared that the import does not hold: a slip, and a dangerous one."""
        held = {name for spool in spools for name in (spool.feed, *spool.ecosystems)}
        for declared in self._declared:
            if declared not in held:
                known = sorted(name for name in held if feed_of(name) == feed_of(declared)) or sorted(held)
                raise AdvisoryError(
                    f"nothing in it speaks of {declared}, which was declared complete",
                    where=str(path),
                    advice=f"it has {', '.join(known[:12])}{', …' if len(known) > 12 else ''}",
                )


def _write_feed(spool: FeedSpool, complete: tuple[str, ...], store: Store, month: str) -> FeedReceipt:
    feed = OrderedFeed(spool)
    advisories = feed.advisory_rows
    advisory_object = _write(store, ADVISORIES, month, [advisories])
    if advisory_object is None:
        raise AdvisoryError("a feed without an advisory", where=spool.feed)
    ranges = _RangeCount()
    range_object = _write(store, AFFECTED_RANGES, month, map(ranges.count, feed.range_slices()))
    return FeedReceipt(
        feed=spool.feed,
        releases=tuple(sorted(ranges.releases.items())),
        complete=complete,
        as_of=max(advisories.column("modified").to_pylist(), key=modification_order),
        advisories=advisories.num_rows,
        withdrawn=pc.sum(pc.not_equal(advisories.column("withdrawn"), "")).as_py(),
        ranges=ranges.releases.total(),
        not_comparable=ranges.not_comparable,
        advisory_object=advisory_object,
        range_object=range_object,
    )


class _RangeCount:
    """Counts ranges on their way to the archive."""

    def __init__(self) -> None:
        self.releases: Counter[str] = Counter()
        self.not_comparable = 0

    def count(self, rows: pa.Table) -> pa.Table:
        for release in pc.value_counts(rows.column("ecosystem")).to_pylist():
            self.releases[release["values"]] += release["counts"]
        neither = pc.and_(pc.is_null(rows.column("lo")), pc.is_null(rows.column("exact")))
        self.not_comparable += pc.sum(neither).as_py()
        return rows


def _write(store: Store, dataset: Dataset, month: str, tables: Iterable[pa.Table]) -> ObjectReceipt | None:
    writer = FactWriter(store, dataset, month=month)
    try:
        for table in tables:
            writer.append(table)
        return writer.close()
    finally:
        writer.abort()
