"""Bringing the database's schema up to date: Alembic, run from inside, under an advisory transaction lock."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from catalog.errors import SchemaMismatch

HEAD = "0002"
"""The revision that this version of Longshore works on."""

_MIGRATION_LOCK = 0x4C6F6E67_6D696772  # "Longmigr"


def script_directory() -> ScriptDirectory:
    """Alembic's view of our migrations."""
    return ScriptDirectory.from_config(_configuration())


def current_revision(connection: sa.Connection) -> str | None:
    """The database's revision, None where it is empty."""
    if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None:
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def upgrade(connection: sa.Connection, where: str) -> bool:
    """Migrate to HEAD within the connection's transaction, and say whether there was anything to do.

    Args:
        connection: in a transaction.
        where: the server's name for errors.

    Raises:
        SchemaMismatch: the database was made by a newer version.
    """
    if current_revision(connection) == HEAD:
        return False
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
    revision = current_revision(connection)  # somebody may have been faster
    if revision == HEAD:
        return False
    if revision is not None and revision not in {script.revision for script in script_directory().walk_revisions()}:
        raise SchemaMismatch(
            f"the database has schema {revision}, this version knows up to {HEAD}",
            where=where,
            advice="use the newer Longshore that made it",
        )
    configuration = _configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, HEAD)
    return True


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration
