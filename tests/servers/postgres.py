"""A real Postgres for tests: one embedded server for the session, a fresh migrated database for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import psycopg2
import pytest

from catalog.active.database import Database, DatabaseOptions, open_database, probe_identifier
from catalog.errors import ActiveSetError
from catalog.postgres import ServerAddress, running_server
from catalog.postgres.binaries import find_binaries
from tests.servers.missing import missing

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """The session's server; its database `template_longshore` has our schema."""
    try:
        find_binaries()
    except ActiveSetError as error:
        missing("Postgres", str(error))
    home = tmp_path_factory.mktemp("postgres")
    # What tests lose in a crash is lost anyway.
    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}
    with running_server(home, probe_identifier, quick) as address:
        create_database(address, "template_longshore")
        with open_database(DatabaseOptions(replace(address, database="template_longshore").dsn, home)):
            pass
        yield address


@pytest.fixture
def postgres_dsn(postgres_server: ServerAddress) -> Iterator[str]:
    """DSN of a fresh database with our schema."""
    name = f"test_{next(_numbers)}"
    create_database(postgres_server, name, template="template_longshore")
    yield replace(postgres_server, database=name).dsn
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres_dsn(postgres_server: ServerAddress) -> Iterator[str]:
    """DSN of a fresh database without a schema."""
    name = f"test_{next(_numbers)}"
    create_database(postgres_server, name)
    yield replace(postgres_server, database=name).dsn
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def db(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The active set, open on a fresh database."""
    with open_database(DatabaseOptions(postgres_dsn, tmp_path_factory.getbasetemp())) as database:
        yield database


def create_database(address: ServerAddress, name: str, template: str = "template0") -> None:
    """Make a database as a copy of another."""
    _administer(address, f"CREATE DATABASE {name} TEMPLATE {template}")


def _administer(address: ServerAddress, statement: str) -> None:
    connection = psycopg2.connect(address.dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
