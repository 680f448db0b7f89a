"""What a verb works in: the settings, the archive's store and the active set, opened together and closed together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from catalog.active.commits import Commit, last_generation, unmirrored
from catalog.active.database import Database, DatabaseOptions, open_database
from catalog.manifests import CommitManifest, missing, write_manifest
from catalog.settings import Settings
from catalog.store import Store, open_store
from catalog.store.scratch import file_errors


@dataclass(frozen=True, slots=True)
class Workspace:
    """One opened home.

    Args:
        settings: what it was opened with.
        store: the archive's.
        database: the active set.
    """

    settings: Settings
    store: Store
    database: Database

    def mirror(self, commit: Commit | None) -> None:
        """Mirror a commit as a numbered manifest in the archive.

        Called after the commit's transaction: a crash in between leaves a gap that the next `open_workspace` closes.

        Args:
            commit: what was committed; None where there was nothing to commit.

        Raises:
            StoreError: the manifest cannot be written.
        """
        if commit is not None:
            write_manifest(self.store, _manifest(commit))


@contextmanager
def open_workspace(settings: Settings, *, writes: bool = True) -> Iterator[Workspace]:
    """Open the active set and the archive, and mirror commits whose manifests an earlier crash kept back.

    Args:
        settings: where everything is.
        writes: False for a verb that only reads; it leaves the archive as it is.

    Raises:
        ActiveSetError: Postgres cannot be started or reached, or its schema is not ours.
        StoreError: the archive cannot be opened.
    """
    dsn = settings.database_url.get_secret_value() if settings.database_url else None
    _make_home(settings.home)
    options = DatabaseOptions(dsn=dsn, home=settings.home, connections=settings.database_connections)
    with open_database(options) as database:
        store = open_store(settings.archive, copies=settings.home / "copies")
        try:
            workspace = Workspace(settings, store, database)
            if writes:
                _mirror_missing(workspace)
            yield workspace
        finally:
            store.close()


def _make_home(home: Path) -> None:
    # What a fleet holds and how it is vulnerable is nobody else's business; a directory that is there keeps its mode.
    with file_errors(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)


def this_month() -> str:
    """The month (UTC, `YYYY-MM`) that a run plans its objects for."""
    return datetime.now(UTC).strftime("%Y-%m")


def _mirror_missing(workspace: Workspace) -> None:
    with workspace.database.transaction() as tx:
        last = last_generation(tx)
    absent = sorted(missing(workspace.store, last))
    if not absent:
        return
    with workspace.database.transaction() as tx:
        commits = unmirrored(tx, absent[0] - 1)
    for commit in commits:
        if commit.generation in absent:
            workspace.mirror(commit)


def _manifest(commit: Commit) -> CommitManifest:
    return CommitManifest.of(commit.generation, commit.run, commit.kind, commit.at, commit.objects, commit.undoes)
