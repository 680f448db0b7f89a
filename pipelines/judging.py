"""The last part of a scan: package versions that the current advisories have not judged yet are matched, once for the fleet.

What is matched is distinct (package, platform) pairs, never images: those inherit the result through their package sets, and
only the sets and images that a change touches are added up again.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.active.judging import commit_judgements, refresh_summaries, unjudged_packages
from catalog.active.snapshots import current
from catalog.duck import open_session
from pipelines.observer import Observer, Phase
from pipelines.workspace import Workspace
from tasks.matching import judge_packages, range_files


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging did.

    Args:
        snapshot: hex id of the advisory snapshot, empty where there is none.
        packages: (package, platform) pairs matched.
        matches: rows of matches found.
        images: image summaries that changed.
    """

    snapshot: str = ""
    packages: int = 0
    matches: int = 0
    images: int = 0


def judge(workspace: Workspace, observer: Observer) -> Judged:
    """Match what is not judged by the current snapshot, and bring the summaries up to date.

    Without a snapshot nothing is judged, and every package counts as not covered.

    Raises:
        ActiveSetError: Postgres failed; what was judged before stays.
        StoreError: the snapshot's objects cannot be read.
    """
    database = workspace.database
    with database.transaction() as tx:
        snapshot = current(tx)
        waiting = unjudged_packages(tx, snapshot.snapshot) if snapshot else None
    packages = matches = 0
    if snapshot is not None and waiting is not None and waiting.num_rows:
        observer.started(Phase.MATCH, waiting.num_rows)
        with open_session(temp_dir=workspace.settings.home / "spill") as session:
            ranges = range_files(workspace.store, snapshot.feeds)
            judgement = judge_packages(waiting, snapshot.feeds, ranges, session)
        commit_judgements(database, snapshot.snapshot, judgement.judgements, judgement.matches)
        packages, matches = waiting.num_rows, judgement.matches.num_rows
        observer.advanced(Phase.MATCH, packages)
        observer.finished(Phase.MATCH, f"{matches} matches")
    refreshed = refresh_summaries(database)
    return Judged(snapshot.content_id.hex() if snapshot else "", packages, matches, refreshed.images)
