"""`longshore advisories import` and `list`: what is known of vulnerabilities comes in, and what is there is said.

An import replaces the feeds that it brings and keeps the others: the result is a new snapshot, immutable in the archive and
named by its content. It judges nothing; the next scan matches every known package by it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from catalog.active.snapshots import commit_snapshot, current
from catalog.advisories import SnapshotReceipt
from catalog.settings import Settings
from pipelines.journal import recorded
from pipelines.models.advisories import AdvisoriesReport, ImportReport, RecordProblem
from pipelines.models.advisories import Feed as FeedEntry
from pipelines.observer import Level, Observer, Phase, SilentObserver
from pipelines.workspace import open_workspace, this_month
from tasks.advisories import import_advisories as read_advisories


def import_advisories(
    path: Path,
    settings: Settings,
    observer: Observer | None = None,
    *,
    complete: Sequence[str] = (),
) -> ImportReport:
    """Take in OSV advisories.

    Args:
        path: a zip of OSV records, a directory of such, or one laid out as `<Ecosystem>/all.zip`.
        settings: where everything is.
        observer: who watches.
        complete: what the records are complete for, `ECOSYSTEM[:RELEASE]` each; all else is a sample.

    Raises:
        AdvisoryError: the path holds no advisories, cannot be read, or lacks what was declared complete; nothing was changed.
        ActiveSetError: Postgres failed.
        StoreError: the archive failed.
    """
    observer = observer or SilentObserver()
    began = time.monotonic()
    arguments = [str(path), *(f"--complete={word}" for word in complete)]
    with open_workspace(settings) as workspace, recorded(workspace.database, "advisories import", arguments) as run:
        with workspace.database.transaction() as tx:
            before = current(tx)
        kept = before.feeds if before else ()
        observer.started(Phase.IMPORT)
        receipt = read_advisories(path, tuple(complete), settings.archive, month=this_month(), previous=kept)
        observer.advanced(Phase.IMPORT, receipt.records)
        commit = commit_snapshot(workspace.database, run.run, receipt.snapshot, receipt.feeds)
        workspace.mirror(commit)
        observer.finished(Phase.IMPORT, "nothing new" if commit is None else f"feeds: {', '.join(receipt.imported)}")
        for problem in receipt.problems:
            observer.event(f"{problem.count} records not read: {problem.reason}", level=Level.WARNING)
        run.summary = {
            "snapshot": receipt.snapshot.hex(),
            "records": receipt.records,
            "imported": list(receipt.imported),
            "unread": sum(problem.count for problem in receipt.problems),
        }
        return _report(run.run, receipt, changed=commit is not None, seconds=time.monotonic() - began)


def advisories(settings: Settings) -> AdvisoriesReport:
    """The advisories at hand, and what they are complete for.

    Raises:
        ActiveSetError: Postgres cannot be asked.
    """
    with open_workspace(settings, writes=False) as workspace, workspace.database.transaction() as tx:
        snapshot = current(tx)
    if snapshot is None:
        return AdvisoriesReport(snapshot=None, feeds=())
    return AdvisoriesReport(
        snapshot=snapshot.content_id.hex(), feeds=tuple(FeedEntry.of(feed) for feed in snapshot.feeds)
    )


def _report(run: str, receipt: SnapshotReceipt, *, changed: bool, seconds: float) -> ImportReport:
    return ImportReport(
        run=run,
        snapshot=receipt.snapshot.hex(),
        changed=changed,
        records=receipt.records,
        duplicates=receipt.duplicates,
        imported=tuple(FeedEntry.of(feed) for feed in receipt.feeds if feed.feed in receipt.imported),
        kept=tuple(feed.feed for feed in receipt.feeds if feed.feed not in receipt.imported),
        unknown_ecosystems=tuple(name for name, _ranges in receipt.unknown_ecosystems),
        problems=tuple(
            RecordProblem(reason=problem.reason, count=problem.count, examples=problem.examples)
            for problem in receipt.problems
        ),
        seconds=round(seconds, 3),
    )
