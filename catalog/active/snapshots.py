"""Advisory snapshots: which one is current, what its feeds declare, and where their rows lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from catalog.active.database import Database, Row, Transaction
from catalog.active.log import Commit, next_generation, record_commit, stage_objects
from catalog.advisories import FeedReceipt, SnapshotFeeds
from catalog.receipts import ObjectReceipt


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An advisory snapshot.

    Args:
        snapshot: its integer, an argument for judging.
        content_id: hash of its feeds.
        created: when it became known.
        feeds: all of them, by name.
    """

    snapshot: int
    content_id: bytes
    created: datetime
    feeds: SnapshotFeeds


def current(tx: Transaction) -> Snapshot | None:
    """The snapshot that matching goes by, None before the first import."""
    row = tx.row("SELECT id, content_id, created FROM advisory_snapshot WHERE current")
    if row is None:
        return None
    number, content_id, created = row
    objects = {
        file: ObjectReceipt(dataset, key, content_hash, rows, size)
        for file, dataset, key, content_hash, rows, size in tx.rows(
            "SELECT a.id, a.dataset, a.key, a.content_hash, a.rows, a.size FROM advisory_feed f"
            " JOIN archive_file a ON a.id IN (f.advisory_object, f.range_object) WHERE f.snapshot = %(snapshot)s",
            {"snapshot": number},
        )
    }
    feeds = tuple(_feed(row, objects) for row in tx.rows(_FEEDS, {"snapshot": number}))
    return Snapshot(number, bytes(content_id), created, feeds)


def commit_snapshot(db: Database, run: str, content_id: bytes, feeds: SnapshotFeeds) -> Commit | None:
    """Make a snapshot the current one.

    Args:
        db: the active set.
        run: id of the run.
        content_id: the snapshot's.
        feeds: all its feeds, those kept from the snapshot before too.

    Returns:
        The commit, or None where this very snapshot is current already and nothing was written.
    """
    objects = tuple(each for feed in feeds for each in feed.objects)
    with db.transaction() as tx:
        if (
            tx.row("SELECT FROM advisory_snapshot WHERE current AND content_id = %(id)s", {"id": content_id})
            is not None
        ):
            return None
        stage_objects(tx, objects)
        tx.lock_writers()
        generation = next_generation(tx)
        commit, files = record_commit(tx, generation, run, "advisories", objects)
        tx.execute("UPDATE advisory_snapshot SET current = false WHERE current")
        row = tx.row(
            "INSERT INTO advisory_snapshot (content_id, created, run, current, generation)"
            " VALUES (%(id)s, now(), %(run)s, true, %(generation)s) ON CONFLICT (content_id)"
            " DO UPDATE SET current = true, run = excluded.run, generation = excluded.generation RETURNING id",
            {"id": content_id, "run": run, "generation": generation},
        )
        assert row is not None
        tx.execute("DELETE FROM advisory_feed WHERE snapshot = %(snapshot)s", {"snapshot": row[0]})
        for feed in feeds:
            tx.execute(_FEED, _feed_row(row[0], feed, files))
    return commit


def _feed(row: Row, objects: dict[int, ObjectReceipt]) -> FeedReceipt:
    feed, releases, complete, as_of, advisories, withdrawn, ranges, not_comparable, advisory_object, range_object = row
    return FeedReceipt(
        feed=feed,
        releases=tuple((str(release), int(count)) for release, count in releases),
        complete=tuple(complete),
        as_of=as_of,
        advisories=advisories,
        withdrawn=withdrawn,
        ranges=ranges,
        not_comparable=not_comparable,
        advisory_object=objects[advisory_object],
        range_object=None if range_object is None else objects[range_object],
    )


def _feed_row(snapshot: int, feed: FeedReceipt, files: dict[str, int]) -> dict[str, object]:
    return {
        "snapshot": snapshot,
        "feed": feed.feed,
        "releases": json.dumps(feed.releases),
        "complete": list(feed.complete),
        "as_of": feed.as_of,
        "advisories": feed.advisories,
        "withdrawn": feed.withdrawn,
        "ranges": feed.ranges,
        "not_comparable": feed.not_comparable,
        "advisory_object": files[feed.advisory_object.key],
        "range_object": None if feed.range_object is None else files[feed.range_object.key],
    }


_FEEDS = """
SELECT feed, releases, complete, as_of, advisories, withdrawn, ranges, not_comparable, advisory_object, range_object
FROM advisory_feed WHERE snapshot = %(snapshot)s ORDER BY feed
"""
_FEED = """
INSERT INTO advisory_feed (snapshot, feed, releases, complete, as_of, advisories, withdrawn, ranges, not_comparable,
    advisory_object, range_object)
VALUES (%(snapshot)s, %(feed)s, %(releases)s::jsonb, %(complete)s::text[], %(as_of)s, %(advisories)s, %(withdrawn)s,
    %(ranges)s, %(not_comparable)s, %(advisory_object)s, %(range_object)s)
"""
