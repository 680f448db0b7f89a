"""Advisory snapshots: which one is current, what its feeds declare, and where their rows lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.active.database import Database, Transaction
from catalog.active.log import Commit, next_generation, record_commit, stage_objects
from catalog.receipts import ObjectReceipt


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of a snapshot.

    Args:
        feed: the ecosystem without its release.
        releases: every ecosystem string with its number of ranges.
        complete: what was declared complete, `ECOSYSTEM[:RELEASE]`; everything else is a sample.
        as_of: date of the newest record.
        advisories: records.
        ranges: rows of affected_ranges.
        range_objects: archive objects of affected_ranges.
        advisory_objects: archive objects of advisories.
    """

    feed: str
    releases: tuple[tuple[str, int], ...]
    complete: tuple[str, ...]
    as_of: str
    advisories: int
    ranges: int
    range_objects: tuple[ObjectReceipt, ...]
    advisory_objects: tuple[ObjectReceipt, ...]


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
    feeds: tuple[Feed, ...]


def current(tx: Transaction) -> Snapshot | None:
    """The snapshot that matching goes by, None before the first import."""
    row = tx.row("SELECT id, content_id, created FROM advisory_snapshot WHERE current")
    if row is None:
        return None
    number, content_id, created = row
    feeds = tx.rows(
        "SELECT feed, releases, complete, as_of, advisories, ranges, range_objects, advisory_objects"
        " FROM advisory_feed WHERE snapshot = %(snapshot)s ORDER BY feed",
        {"snapshot": number},
    )
    objects = {
        file: ObjectReceipt(dataset, key, content_hash, rows, size)
        for file, dataset, key, content_hash, rows, size in tx.rows(
            "SELECT DISTINCT a.id, a.dataset, a.key, a.content_hash, a.rows, a.size FROM advisory_feed f"
            " CROSS JOIN unnest(f.range_objects || f.advisory_objects) o(id) JOIN archive_file a ON a.id = o.id"
            " WHERE f.snapshot = %(snapshot)s",
            {"snapshot": number},
        )
    }
    return Snapshot(
        number,
        bytes(content_id),
        created,
        tuple(
            Feed(
                feed,
                tuple((str(release), int(count)) for release, count in releases),
                tuple(complete),
                as_of,
                advisories,
                ranges,
                tuple(objects[file] for file in range_objects),
                tuple(objects[file] for file in advisory_objects),
            )
            for feed, releases, complete, as_of, advisories, ranges, range_objects, advisory_objects in feeds
        ),
    )


def commit_snapshot(db: Database, run: str, content_id: bytes, feeds: Sequence[Feed]) -> Commit | None:
    """Make a snapshot the current one.

    Args:
        db: the active set.
        run: id of the run.
        content_id: the snapshot's.
        feeds: all its feeds, those kept from the snapshot before too.

    Returns:
        The commit, or None where this very snapshot is current already and nothing was written.
    """
    objects = tuple(each for feed in feeds for each in (*feed.range_objects, *feed.advisory_objects))
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


def _feed_row(snapshot: int, feed: Feed, files: dict[str, int]) -> dict[str, object]:
    return {
        "snapshot": snapshot,
        "feed": feed.feed,
        "releases": json.dumps(feed.releases),
        "complete": list(feed.complete),
        "as_of": feed.as_of,
        "advisories": feed.advisories,
        "ranges": feed.ranges,
        "range_objects": [files[each.key] for each in feed.range_objects],
        "advisory_objects": [files[each.key] for each in feed.advisory_objects],
    }


_FEED = """
INSERT INTO advisory_feed (snapshot, feed, releases, complete, as_of, advisories, ranges, range_objects, advisory_objects)
VALUES (%(snapshot)s, %(feed)s, %(releases)s::jsonb, %(complete)s::text[], %(as_of)s, %(advisories)s, %(ranges)s,
    %(range_objects)s::int[], %(advisory_objects)s::int[])
"""
