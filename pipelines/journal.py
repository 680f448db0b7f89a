"""The journal of runs: each run of a verb that writes leaves one row, however it ended.

The row is written once, at the end, so that a run that finds nothing new costs one insert and nothing else.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import JsonValue

from catalog.active.database import Database
from catalog.active.runs import record_run
from catalog.active.views import RunRecord
from catalog.errors import LongshoreError
from catalog.logging import redact
from cluster.errors import ClusterError

COMPLETED, PARTIAL, FAILED, INTERRUPTED = "completed", "partial", "failed", "interrupted"
"""How a run ends."""


@dataclass(slots=True)
class OpenRun:
    """A run that goes on.

    Args:
        run: its id.
        started: when.
        outcome: how it ends unless an error says otherwise.
        summary: its counters, to be filled by the verb.
    """

    run: str
    started: datetime
    outcome: str = COMPLETED
    summary: Mapping[str, JsonValue] = field(default_factory=dict)


def new_run_id(now: datetime | None = None) -> str:
    """An id for a run: its moment in UTC, so that ids sort by time, and eight random hex digits."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


@contextmanager
def recorded(database: Database, verb: str, arguments: Sequence[str], *, run: str = "") -> Iterator[OpenRun]:
    """Record the run of a verb, also one that an error or Ctrl-C ends.

    Args:
        database: where to.
        verb: as typed.
        arguments: what followed it; credentials in URLs are taken out.
        run: its id; empty for a new one.

    Raises:
        ActiveSetError: the row cannot be written, and nothing else failed before.
    """
    now = datetime.now(UTC)
    opened = OpenRun(run or new_run_id(now), now)
    try:
        yield opened
    except BaseException as error:
        opened.outcome = FAILED if isinstance(error, Exception) else INTERRUPTED
        if isinstance(error, LongshoreError | ClusterError):
            opened.summary = {**opened.summary, "error": redact(str(error)), "reason": error.reason}
        # What ended the run is what a person must hear of; that it could not be recorded as well is no news.
        with suppress(LongshoreError):
            record_run(database, _record(opened, verb, arguments))
        raise
    record_run(database, _record(opened, verb, arguments))


def _record(opened: OpenRun, verb: str, arguments: Sequence[str]) -> RunRecord:
    return RunRecord(
        run=opened.run,
        verb=verb,
        started=opened.started,
        ended=datetime.now(UTC),
        outcome=opened.outcome,
        arguments=redact(" ".join(arguments)),
        summary=json.dumps(dict(opened.summary)),
    )
