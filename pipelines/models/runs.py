"""What was run: what `longshore runs --json` prints."""

from __future__ import annotations

import json

from pydantic import Field, JsonValue

from catalog.active.views import RunRecord
from pipelines.models.base import Answer, Moment, moment


class Run(Answer):
    """One run of a verb."""

    run: str
    verb: str
    started: Moment
    ended: Moment
    seconds: float = Field(ge=0)
    outcome: str = Field(description="completed, partial, failed or interrupted")
    arguments: str
    summary: dict[str, JsonValue] = Field(description="the verb's own counters")

    @classmethod
    def of(cls, record: RunRecord) -> Run:
        """A run of the active set."""
        counters = json.loads(record.summary) if record.summary else {}
        return cls(
            run=record.run,
            verb=record.verb,
            started=moment(record.started),
            ended=moment(record.ended),
            seconds=max(0.0, round((record.ended - record.started).total_seconds(), 3)),
            outcome=record.outcome,
            arguments=record.arguments,
            summary=counters if isinstance(counters, dict) else {},
        )


class RunsReport(Answer):
    """The latest runs, newest first."""

    runs: tuple[Run, ...]
    more: bool = Field(description="there are older ones")
