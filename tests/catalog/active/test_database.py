"""Opening the active set, and its errors as ours."""

from __future__ import annotations

import socket
from pathlib import Path

import psycopg2
import pytest

from catalog.active import database as module
from catalog.active.database import Database, DatabaseOptions, open_database
from catalog.errors import ActiveSetError, ConnectionBudgetExceeded, DatabaseUnreachable, SettingsError
from catalog.postgres.binaries import find_binaries
from tests.servers.missing import missing

pytestmark = pytest.mark.postgres


def test_transaction_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError), db.transaction() as tx:
        tx.execute("INSERT INTO registry (host) VALUES ('x') ON CONFLICT DO NOTHING")
        raise RuntimeError
    with db.transaction() as tx:
        assert tx.rows("SELECT count(*) FROM registry") == [(0,)]


def test_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = DatabaseOptions(f"postgresql://me:secret@127.0.0.1:{port}/x", tmp_path)
    with pytest.raises(DatabaseUnreachable) as caught, open_database(options):
        pass
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(options)


def test_server_that_goes_away_is_unreachable_and_may_come_back(postgres_dsn: str, db: Database) -> None:
    with pytest.raises(DatabaseUnreachable), db.transaction() as tx:
        row = tx.row("SELECT pg_backend_pid()")
        assert row is not None
        killer = psycopg2.connect(postgres_dsn)
        with killer.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", row)
        killer.close()
        tx.row("SELECT 1")
    with db.transaction() as tx:
        assert tx.row("SELECT 1") == (1,)


def test_dsn_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught, open_database(DatabaseOptions("secret password", tmp_path)):
        pass
    assert "secret" not in str(caught.value)


def test_refused_statement_is_an_error_of_ours(db: Database) -> None:
    with pytest.raises(ActiveSetError, match="no_such_table"), db.transaction() as tx:
        tx.execute("SELECT * FROM no_such_table")


def test_connections_beyond_the_budget_are_refused_with_the_formula(postgres_dsn: str, tmp_path: Path) -> None:
    options = DatabaseOptions(postgres_dsn, tmp_path, connections=90)
    with (
        pytest.raises(
            ConnectionBudgetExceeded, match=r"90 connections .* 80% of \(max_connections 100 - reserved 3\) = 77"
        ),
        open_database(options),
    ):
        pass


def test_statements_are_counted_and_a_copy_is_one(db: Database) -> None:
    import pyarrow as pa

    before = db.statements
    with db.transaction() as tx:
        tx.stage("staged", pa.table({"n": [1, 2, 3]}))
        tx.table("SELECT n FROM staged", pa.schema([("n", pa.int64())]))
    assert db.statements - before == 3


def test_waiting_for_a_connection_ends(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POOL_SECONDS", 0.1)
    database = Database(postgres_dsn, 1, "here")
    try:
        with database.transaction(), pytest.raises(ConnectionBudgetExceeded), database.transaction():
            pass
    finally:
        database.close()


def test_without_a_dsn_the_embedded_server_of_the_home_is_used(tmp_path: Path) -> None:
    try:
        find_binaries()
    except ActiveSetError as error:
        missing("Postgres", str(error))
    for expected in (0, 1):
        with open_database(DatabaseOptions(None, tmp_path / "home")) as db, db.transaction() as tx:
            assert tx.rows("SELECT count(*) FROM registry") == [(expected,)]
            tx.execute("INSERT INTO registry (host) VALUES ('x') ON CONFLICT DO NOTHING")
