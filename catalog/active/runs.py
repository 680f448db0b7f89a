"""Runs: one row each, written when it ends; the only write of a run that finds nothing new."""

from __future__ import annotations

from catalog.active.database import Database, Row, Transaction
from catalog.active.views import RunRecord

_COLUMNS = "SELECT id, verb, started, ended, outcome, arguments, summary::text FROM run"


def record_run(db: Database, record: RunRecord) -> None:
    """Write a run's row.

    Raises:
        ActiveSetError: a run of that id is recorded already.
    """
    with db.transaction() as tx:
        tx.execute(
            "INSERT INTO run (id, verb, started, ended, outcome, arguments, summary) VALUES (%(run)s, %(verb)s,"
            " %(started)s, %(ended)s, %(outcome)s, %(arguments)s, %(summary)s::jsonb)",
            {
                "run": record.run,
                "verb": record.verb,
                "started": record.started,
                "ended": record.ended,
                "outcome": record.outcome,
                "arguments": record.arguments,
                "summary": record.summary or "{}",
            },
        )


def list_runs(tx: Transaction, limit: int = 20) -> list[RunRecord]:
    """The newest runs, newest first."""
    return [
        _record(row) for row in tx.rows(f"{_COLUMNS} ORDER BY started DESC, id DESC LIMIT %(limit)s", {"limit": limit})
    ]


def find_run(tx: Transaction, run: str) -> RunRecord | None:
    """The run of an id, or None."""
    row = tx.row(f"{_COLUMNS} WHERE id = %(run)s", {"run": run})
    return None if row is None else _record(row)


def _record(row: Row) -> RunRecord:
    return RunRecord(*row)
