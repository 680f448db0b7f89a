"""The migrations and the models say the same, and a database of a newer version is refused."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from catalog.active import schema
from catalog.active.composition import known_chains
from catalog.active.database import Database, DatabaseOptions, connected_database, open_database
from catalog.active.models import metadata
from catalog.active.planning import image_outcomes
from catalog.active.schema import HEAD, script_directory, upgrade
from catalog.errors import SchemaMismatch
from tests.catalog.active import made

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


_OLD_HOME = """
INSERT INTO fingerprint_set (content_id, members) VALUES (%(old)s, '{dpkg/1}');
INSERT INTO layer (digest) VALUES (%(base)s), (%(python)s);
INSERT INTO package (content_id, type, name) VALUES (%(flask)s, 'pypi', 'flask');
INSERT INTO package_set (content_id, type, members, generation) VALUES ('set', 'pypi', '{1}', 1);
INSERT INTO chain (content_id, parent, layer, packages, sets, objects, generation)
VALUES (%(lower)s, NULL, 1, NULL, '{}', '{}', 1), (%(upper)s, 1, 2, 1, '{1}', '{}', 1);
INSERT INTO image (digest, chain, packages, outcome, fingerprint_set, generation) VALUES (%(image)s, 2, 1, 'analysed', 1, 1);
INSERT INTO image_set (image, package_set) VALUES (1, 1);
UPDATE archive_counter SET generation = 1
"""


@pytest.fixture
def old_home(empty_postgres_dsn: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> DatabaseOptions:
    """A database that the first version made, with an image in it."""
    options = DatabaseOptions(empty_postgres_dsn, tmp_path)
    lower, upper = made.ONE.chains()
    names = {
        "old": b"o" * 16,
        "base": made.BASE.digest,
        "python": made.PYTHON.digest,
        "flask": made.FLASK.package_id,
        "lower": lower,
        "upper": upper,
        "image": made.ONE.digest,
    }
    with monkeypatch.context() as first, connected_database(options) as db, db.transaction() as tx:
        first.setattr(schema, "HEAD", "0001")
        assert upgrade(tx.connection, "here") is True
        for statement in _OLD_HOME.strip().split(";\n"):
            tx.execute(statement, names)
    return options


def test_database_of_the_first_version_becomes_what_the_models_draw(old_home: DatabaseOptions) -> None:
    with open_database(old_home) as db, db.transaction() as tx:
        assert compare_metadata(MigrationContext.configure(tx.connection), metadata) == []


def test_chains_of_the_first_version_are_names_whose_facts_must_be_found_anew(old_home: DatabaseOptions) -> None:
    with open_database(old_home) as db:
        with db.transaction() as tx:
            chains = known_chains(tx, made.ONE.chains())
            assert [(chain.packages, chain.owned_sets) for chain in chains] == [(None, ()), (None, ())]
            # The image shows what it showed until it is composed again; under today's analysers it has no outcome yet.
            assert tx.rows("SELECT packages, outcome FROM image") == [(1, "analysed")]
            assert image_outcomes(tx, [made.ONE.digest], fingerprint_set=made.FINGERPRINTS) == {}
        made.scan(db, made.ONE, owned=[made.FLASK])
        with db.transaction() as tx:
            chains = known_chains(tx, made.ONE.chains())
            assert [(chain.packages, len(chain.owned_sets)) for chain in chains] == [(2, 0), (2, 1)]
            assert tx.rows("SELECT packages FROM image") == [(2,)]
            assert tx.rows("SELECT count(*) FROM image_set") == [(1,)]
            keys = tx.rows(
                "SELECT DISTINCT a.dataset FROM chain c JOIN archive_file a ON a.id = ANY(c.objects) ORDER BY 1"
            )
            assert keys == [("owned_occurrences",), ("privileged_files",)]


def test_the_older_version_finds_its_own_schema_after_a_downgrade(db: Database) -> None:
    made.scan(db, made.ONE, owned=[made.FLASK])
    with db.transaction() as tx:
        configuration = schema._configuration()
        configuration.attributes["connection"] = tx.connection
        command.downgrade(configuration, "0001")
        assert tx.rows("SELECT content_id FROM chain WHERE packages IS NOT NULL") == []
        columns = {
            name for (name,) in tx.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'chain'")
        }
        assert "owned_sets" not in columns
