"""A run is one row, and a run that finds nothing new writes nothing else."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from catalog.active.database import Database
from catalog.active.judging import MATCH_SCHEMA, commit_judgements, refresh_summaries, unjudged_packages
from catalog.active.listing import mark_gone
from catalog.active.planning import layers_without_result, register_fingerprint_set, settled_references
from catalog.active.runs import find_run, list_runs, record_run
from catalog.active.snapshots import commit_snapshot, current
from catalog.active.views import RunRecord
from catalog.errors import ActiveSetError
from tests.catalog.active import made
from tests.catalog.active.made import FINGERPRINTS, ONE, RUN, TWO

pytestmark = pytest.mark.postgres


def record(run: str, minute: int = 0) -> RunRecord:
    at = dt.datetime(2026, 11, 20, 10, minute, tzinfo=dt.UTC)
    return RunRecord(run, "scan", at, at + dt.timedelta(seconds=5), "completed", "scan r", '{"images": 2}')


def written(db: Database) -> int:
    with db.transaction() as tx:
        tx.execute("SELECT pg_stat_force_next_flush()")
    with db.transaction() as tx:
        row = tx.row("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables")
    assert row is not None
    return int(row[0])


def scan_again(db: Database, run: str) -> None:
    """What a scan asks of the active set."""
    with db.transaction() as tx:
        rows = settled_references(tx, [ONE.reference, TWO.reference], fingerprint_set=FINGERPRINTS).to_pylist()
        assert all(row["settled"] for row in rows)
        layers = [layer.digest for image in (ONE, TWO) for layer in image.layers]
        assert layers_without_result(tx, layers, fingerprint_set=FINGERPRINTS) == []
        snapshot = current(tx)
        assert snapshot is not None
        assert unjudged_packages(tx, snapshot.snapshot).num_rows == 0
    register_fingerprint_set(db, FINGERPRINTS, ["dpkg/1/ab"])
    mark_gone(db, run, registry="registry.test:5000", repository=None, listed=[ONE.reference, TWO.reference])
    refresh_summaries(db)
    record_run(db, record(run))


def test_run_that_finds_nothing_new_writes_exactly_one_row(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, ["dpkg/1/ab"])
    made.scan(db, ONE, TWO)
    commit_snapshot(db, RUN, b"s" * 32, ())
    with db.transaction() as tx:
        snapshot = current(tx)
        assert snapshot is not None
        waiting = unjudged_packages(tx, snapshot.snapshot)
    commit_judgements(db, snapshot.snapshot, made.judgements(waiting), MATCH_SCHEMA.empty_table())
    refresh_summaries(db)
    with db.transaction() as tx:
        tx.execute("ANALYZE")  # before counting: autovacuum's own statistics are no writes of ours
    before = written(db)
    scan_again(db, "run-2")
    assert written(db) - before == 1


def test_listing_what_is_known_writes_nothing_but_staging(db: Database) -> None:
    made.scan(db, ONE)
    counts = "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables ORDER BY 1"
    with db.transaction() as tx:
        tx.execute("SELECT pg_stat_force_next_flush()")
    with db.transaction() as tx:
        before = tx.rows(counts)
    made.list_images(db, ONE)
    with db.transaction() as tx:
        tx.execute("SELECT pg_stat_force_next_flush()")
    with db.transaction() as tx:
        assert tx.rows(counts) == before


def test_runs_come_newest_first(db: Database) -> None:
    for minute, run in enumerate(["a", "b", "c"]):
        record_run(db, record(run, minute))
    with db.transaction() as tx:
        assert [each.run for each in list_runs(tx, 2)] == ["c", "b"]


def test_run_comes_back_as_it_was_recorded(db: Database) -> None:
    record_run(db, record("a"))
    with db.transaction() as tx:
        found = find_run(tx, "a")
        assert find_run(tx, "b") is None
    assert found is not None
    assert json.loads(found.summary) == {"images": 2}
    assert (found.started, found.ended, found.outcome) == (record("a").started, record("a").ended, "completed")


def test_run_is_recorded_once(db: Database) -> None:
    record_run(db, record("a"))
    with pytest.raises(ActiveSetError, match="duplicate"):
        record_run(db, record("a"))
