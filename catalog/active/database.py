"""Opening the active set, and transactions on it.

Without a DSN the embedded server of the home is started. The schema is brought up to date, the connection budget is checked,
and every error of the driver becomes one of ours. Works through PgBouncer in transaction mode: no session state, and staging
tables live within one transaction.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow as pa
import sqlalchemy as sa

from catalog.active.copying import copy_stream, postgres_type, read_csv
from catalog.active.failures import translated
from catalog.active.schema import upgrade
from catalog.errors import ConnectionBudgetExceeded
from catalog.postgres import ServerAddress, running_server

DEFAULT_CONNECTIONS = 8
"""Connections of one process: its committers."""
OTHER_CONNECTIONS = 4
"""Connections that are left to command lines and notebooks beside a run."""
BUDGET_SHARE = 0.8
"""Share of the server's free connections that we may plan with."""

POOL_SECONDS = 120.0
"""How long to wait for one of our own connections to become free."""
ROWS_WORTH_STATISTICS = 500
"""Rows from which on a staging table is analysed, so that joins with it are planned well."""

Parameters = Mapping[str, object]
Row = tuple[Any, ...]

_WRITER_LOCK = 0x4C6F6E67_73686F72  # "Longshor"


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Where the active set is.

    Args:
        dsn: libpq URL or keywords of a server; None for the embedded one. It may hold a password and shows in no repr.
        home: LONGSHORE_HOME, where the embedded server keeps its files.
        connections: most connections of this process.
    """

    dsn: str | None = field(repr=False)
    home: Path
    connections: int = DEFAULT_CONNECTIONS


class Transaction:
    """One transaction: everything in it is committed together, or nothing is.

    Statements are text with `%(name)s` parameters; a literal percent sign is doubled where there are parameters.
    """

    def __init__(self, connection: sa.Connection, database: Database) -> None:
        self.connection = connection
        self._database = database

    def execute(self, statement: str, parameters: Parameters | None = None) -> int:
        """Run a statement and say how many rows it touched."""
        return self._run(statement, parameters).rowcount

    def rows(self, statement: str, parameters: Parameters | None = None) -> list[Row]:
        """All rows of a query."""
        return [tuple(row) for row in self._run(statement, parameters)]

    def row(self, statement: str, parameters: Parameters | None = None) -> Row | None:
        """The first row of a query, or None."""
        found = self._run(statement, parameters).first()
        return None if found is None else tuple(found)

    def stream(
        self, statement: str, parameters: Parameters | None = None, *, rows_at_once: int = 1_000
    ) -> Iterator[Row]:
        """The rows of a query, fetched in portions by a cursor on the server."""
        self._database.count()
        result = self.connection.exec_driver_sql(
            statement,
            dict(parameters) if parameters else None,
            execution_options={"stream_results": True, "max_row_buffer": rows_at_once},
        )
        for portion in result.partitions(rows_at_once):
            self._database.count()
            yield from (tuple(row) for row in portion)

    def table(self, statement: str, schema: pa.Schema, parameters: Parameters | None = None) -> pa.Table:
        """A query's rows as an Arrow table, by COPY.

        Args:
            statement: the query; binary columns as `encode(column, 'hex')`.
            schema: names and types of its columns, in order.
            parameters: of the query.
        """
        output = io.BytesIO()
        with self._cursor() as cursor:
            query = cursor.mogrify(statement, dict(parameters) if parameters else None).decode()
            cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT csv)", output)
        self._database.count()
        return read_csv(output.getbuffer(), schema)

    def stage(self, name: str, table: pa.Table) -> None:
        """Put an Arrow table into a staging table that lives as long as the transaction.

        Args:
            name: of the staging table.
            table: its columns give the staging table's.
        """
        columns = ", ".join(f'"{column.name}" {postgres_type(column.type)}' for column in table.schema)
        self.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP")
        if table.num_rows:
            with self._cursor() as cursor:
                cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT binary)", copy_stream(table))
            self._database.count()
        if table.num_rows >= ROWS_WORTH_STATISTICS:
            self.execute(f"ANALYZE {name}")

    def lock_writers(self) -> None:
        """Wait for other writers; until the end of this transaction there is none but us.

        Every commit takes it after its staging, so that commits never deadlock and generation numbers have no gap.
        """
        self.execute("SELECT pg_advisory_xact_lock(%(key)s)", {"key": _WRITER_LOCK})

    def _run(self, statement: str, parameters: Parameters | None) -> sa.CursorResult[Any]:
        self._database.count()
        return self.connection.exec_driver_sql(statement, dict(parameters) if parameters else None)

    def _cursor(self) -> Any:  # noqa: ANN401 - psycopg2 has no types
        raw = self.connection.connection.driver_connection
        return raw.cursor()  # type: ignore[union-attr]  # a connection in use has a driver connection


class Database:
    """The active set, open.

    Args:
        dsn: of the server.
        connections: most connections at once.
        where: the server's name in errors, without a password.
    """

    def __init__(self, dsn: str, connections: int, where: str) -> None:
        self.where = where
        self._statements = 0
        self._lock = threading.Lock()
        self._engine = sa.create_engine(
            "postgresql+psycopg2://",
            creator=lambda: psycopg2.connect(dsn, application_name="longshore", connect_timeout=20),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
        )

    @property
    def statements(self) -> int:
        """Round trips made so far; a COPY counts as one."""
        return self._statements

    def count(self) -> None:
        """Count one round trip."""
        with self._lock:
            self._statements += 1

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction, committed at the end of the block, rolled back when it raises.

        Raises:
            DatabaseUnreachable: Postgres does not answer, or went away.
            DatabaseFull: it has no space left.
            ActiveSetError: it refuses a statement.
        """
        with translated(self.where), self._engine.begin() as connection:
            yield Transaction(connection, self)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def check_budget(db: Database, connections: int) -> None:
    """Refuse to plan with more connections than the server has to give.

    Raises:
        ConnectionBudgetExceeded: with the formula.
    """
    with db.transaction() as tx:
        row = tx.row(
            "SELECT current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int"
            " + coalesce(current_setting('reserved_connections', true)::int, 0)"
        )
    most, reserved = row or (0, 0)
    allowed = int(BUDGET_SHARE * (most - reserved))
    if connections + OTHER_CONNECTIONS > allowed:
        raise ConnectionBudgetExceeded(
            f"{connections} connections of a run + {OTHER_CONNECTIONS} for command lines > "
            f"{BUDGET_SHARE:.0%} of (max_connections {most} - reserved {reserved}) = {allowed}",
            where=db.where,
            advice="lower LONGSHORE_DATABASE_CONNECTIONS or raise max_connections",
        )


def probe_identifier(address: ServerAddress) -> int | None:
    """Ask a server for its cluster's id; None where it does not answer."""
    try:
        connection = psycopg2.connect(address.dsn, connect_timeout=5, application_name="longshore probe")
    except psycopg2.OperationalError:
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT system_identifier FROM pg_control_system()")
            return int(cursor.fetchone()[0])
    except psycopg2.Error:
        return None
    finally:
        connection.close()


@contextmanager
def connected_database(options: DatabaseOptions) -> Iterator[Database]:
    """The database as it is: the embedded server started where needed, nothing migrated or checked.

    Raises:
        ActiveSetError: no server can be had.
    """
    with ExitStack() as stack:
        dsn, where = options.dsn, "Postgres"
        if dsn is None:
            dsn = stack.enter_context(running_server(options.home, probe_identifier)).dsn
            where = f"embedded Postgres in {options.home / 'postgres'}"
        db = Database(dsn, options.connections, where)
        stack.callback(db.close)
        yield db


@contextmanager
def open_database(options: DatabaseOptions) -> Iterator[Database]:
    """The active set, ready: connected, within the connection budget, its schema up to date.

    Raises:
        DatabaseUnreachable: Postgres does not answer.
        ConnectionBudgetExceeded: the settings ask for more connections than the server gives.
        SchemaMismatch: a newer version made the database.
        ActiveSetError: the embedded server cannot be had.
    """
    with connected_database(options) as db:
        check_budget(db, options.connections)
        with db.transaction() as tx:
            upgrade(tx.connection, db.where)
        yield db
