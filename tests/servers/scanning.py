"""What scans need in tests: one Ray session for all of them, and a home with a database and an archive of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.settings import Settings
from catalog.states import Outcome
from cluster.session import start_session
from pipelines.models.show import ImageReport
from pipelines.observer import Level, SilentObserver
from pipelines.scan import scan
from pipelines.scan_options import ScanOptions
from pipelines.show import show
from pipelines.summary import ScanSummary
from pipelines.workspace import open_workspace


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A Ray session of two CPUs that every scan of the session's tests shares."""
    with start_session(cpus=2):
        yield


@dataclass
class Events(SilentObserver):
    """Keeps the events of a run."""

    lines: list[str] = field(default_factory=list)

    def event(self, what: str, *, where: str = "", level: Level = Level.INFO) -> None:
        self.lines.append(f"{level}: {where}: {what}")


@dataclass
class Scanner:
    """Scans into a home of the test's own, and reads from it."""

    settings: Settings

    def scan(self, *sources: str, **options: object) -> ScanSummary:
        return scan(ScanOptions(sources=sources, **options), self.settings, SilentObserver())  # type: ignore[arg-type]

    def show(self, reference: str) -> ImageReport:
        return show(reference, self.settings).report

    def states(self, *sources: str) -> dict[str, tuple[Outcome, str]]:
        """State and reason of each reference, by its text."""
        return {line.reference: (line.state, line.reason) for line in self.scan(*sources).lines}

    def rows_written(self) -> dict[str, int]:
        """Rows inserted, updated or deleted so far, by table: Postgres's own counters."""
        with open_workspace(self.settings, writes=False) as workspace, workspace.database.transaction() as tx:
            tx.execute("SELECT pg_stat_force_next_flush()")
            tx.execute("SELECT pg_stat_clear_snapshot()")
            return {
                str(table): int(rows)
                for table, rows in tx.rows(
                    "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'public'"
                )
            }

    def objects(self) -> set[str]:
        """Every object in the archive."""
        root = self.settings.home / "archive"
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def scanner(postgres_dsn: str, home: Path, ray_session: None) -> Scanner:
    """Scans on a fresh database and a fresh archive, in the session's Ray."""
    return Scanner(Settings(home=home, database_url=SecretStr(postgres_dsn), registry_retries=1))
