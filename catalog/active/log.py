"""The commit log: which archive objects each commit brought, under generation numbers without a gap.

The row of a commit is written in the very transaction that it describes; the numbered manifest that mirrors it in the archive
is the caller's, afterwards. `unmirrored` gives those whose manifest a killed process left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pyarrow as pa

from catalog.active.database import Transaction
from catalog.errors import ActiveSetError
from catalog.receipts import ObjectReceipt

CommitKind = Literal["layers", "images", "advisories", "undo"]


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit.

    Args:
        generation: its number, from 1, without gaps.
        run: id of the run that made it.
        kind: what it brought.
        at: when.
        objects: the archive objects it names; for `undo` those that no live commit names any more.
        undoes: the generation that it takes back, or None.
    """

    generation: int
    run: str
    kind: CommitKind
    at: datetime
    objects: tuple[ObjectReceipt, ...]
    undoes: int | None = None


def next_generation(tx: Transaction) -> int:
    """The number of the commit that this transaction is; the counter's row is ours until its end."""
    row = tx.row("UPDATE archive_counter SET generation = generation + 1 RETURNING generation")
    assert row is not None
    return int(row[0])


def stage_objects(tx: Transaction, objects: Sequence[ObjectReceipt]) -> None:
    """Put a commit's objects into the staging table `staged_object`."""
    rows = [
        {
            "key": each.key,
            "dataset": each.dataset,
            "content_hash": each.content_hash,
            "rows": each.rows,
            "size": each.size,
        }
        for each in {each.key: each for each in objects}.values()
    ]
    tx.stage("staged_object", pa.Table.from_pylist(rows, _OBJECT_SCHEMA))


def record_commit(
    tx: Transaction, generation: int, run: str, kind: CommitKind, objects: Sequence[ObjectReceipt]
) -> tuple[Commit, dict[str, int]]:
    """Write the commit's row and those of its objects, staged before, and give the objects' integers by key.

    Raises:
        ActiveSetError: an object is just being deleted; put it again and commit anew.
    """
    if deleting := tx.row(
        "SELECT f.key FROM archive_file f JOIN staged_object s USING (key) WHERE f.state = 'deleting'"
    ):
        raise ActiveSetError(
            "the archive object is just being deleted", where=str(deleting[0]), advice="put it again and commit anew"
        )
    tx.execute(_LIVE_AGAIN, {"generation": generation})
    tx.execute(_NEW_FILES, {"generation": generation})
    files: dict[str, int] = dict(tx.rows("SELECT f.key, f.id FROM archive_file f JOIN staged_object s USING (key)"))
    row = tx.row(
        "INSERT INTO archive_commit (generation, run, kind, at, objects)"
        " VALUES (%(generation)s, %(run)s, %(kind)s, now(), %(objects)s::int[]) RETURNING at",
        {"generation": generation, "run": run, "kind": kind, "objects": sorted(files.values())},
    )
    assert row is not None
    return Commit(generation, run, kind, row[0], tuple(objects)), files


def last_generation(tx: Transaction) -> int:
    """The number of the newest commit, 0 where there is none."""
    row = tx.row("SELECT generation FROM archive_counter")
    return int(row[0]) if row else 0


def unmirrored(tx: Transaction, after: int) -> list[Commit]:
    """The commits after a generation, oldest first: those whose manifest may be missing."""
    objects: dict[int, ObjectReceipt] = {
        number: ObjectReceipt(dataset, key, content_hash, rows, size)
        for number, dataset, key, content_hash, rows, size in tx.rows(
            "SELECT DISTINCT f.id, f.dataset, f.key, f.content_hash, f.rows, f.size"
            " FROM archive_commit c CROSS JOIN unnest(c.objects) o(id) JOIN archive_file f ON f.id = o.id"
            " WHERE c.generation > %(after)s",
            {"after": after},
        )
    }
    return [
        Commit(generation, run, kind, at, tuple(objects[number] for number in numbers), undoes)
        for generation, run, kind, at, numbers, undoes in tx.rows(
            "SELECT generation, run, kind, at, objects, undoes FROM archive_commit"
            " WHERE generation > %(after)s ORDER BY generation",
            {"after": after},
        )
    ]


_OBJECT_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("dataset", pa.string()),
        ("content_hash", pa.string()),
        ("rows", pa.int64()),
        ("size", pa.int64()),
    ]
)
_LIVE_AGAIN = """
UPDATE archive_file f SET state = 'live', generation = %(generation)s
FROM staged_object s WHERE s.key = f.key AND f.state = 'removed'
"""
_NEW_FILES = """
INSERT INTO archive_file (key, dataset, content_hash, rows, size, generation)
SELECT s.key, s.dataset, s.content_hash, s.rows, s.size, %(generation)s FROM staged_object s
WHERE NOT EXISTS (SELECT FROM archive_file f WHERE f.key = s.key) ORDER BY s.key
"""
