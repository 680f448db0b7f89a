"""The migrations and the models say the same, and a database of a newer version is refused."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from catalog.active.database import Database, DatabaseOptions, open_database
from catalog.active.models import metadata
from catalog.active.schema import HEAD, script_directory, upgrade
from catalog.errors import SchemaMismatch

pytestmark = pytest.mark.postgres


def test_migrated_database_is_what_the_models_draw(db: Database) -> None:
    with db.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx.connection), metadata) == []


def test_head_is_the_newest_migration() -> None:
    assert script_directory().get_heads() == [HEAD]


def test_empty_database_is_migrated_once(empty_postgres_dsn: str, tmp_path) -> None:
    with open_database(DatabaseOptions(empty_postgres_dsn, tmp_path)) as db, db.transaction() as tx:
        assert upgrade(tx.connection, "here") is False
        assert tx.rows("SELECT generation FROM archive_counter") == [(0,)]


def test_database_of_a_newer_version_is_refused(postgres_dsn: str, db: Database, tmp_path) -> None:
    with db.transaction() as tx:
        tx.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="9999"), open_database(DatabaseOptions(postgres_dsn, tmp_path)):
        pass
