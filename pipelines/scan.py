"""`longshore scan`: the main job, from what sources name to images that are analysed, composed and judged.

    list what the sources name ─▶ commit it as pending ─▶ read each unseen layer once ─▶ compose images ─▶ judge packages

Images go through in waves, so that the driver's memory does not grow with the fleet. Ray is started when the first wave finds
work, and never when nothing is new: such a run writes one row that says it was here.
"""

from __future__ import annotations

import time
from contextlib import closing

from pydantic import JsonValue

from catalog.settings import Settings
from pipelines.journal import COMPLETED, INTERRUPTED, PARTIAL, OpenRun, recorded
from pipelines.judging import Judged, judge
from pipelines.listing import Listing, Wishes
from pipelines.observer import Observer
from pipelines.scan_options import ScanOptions
from pipelines.scan_summary import summarise
from pipelines.summary import ScanSummary
from pipelines.working import Work
from pipelines.workspace import open_workspace
from tasks.sources.interface import PlatformChoice
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess

NO_ADVISORIES = "no advisories were imported, so nothing is covered; `longshore advisories import PATH` takes them in"
"""What is noted where nothing was judged."""
STOPPED = "stopped before its end; the same command goes on from there"
"""What is noted where SIGTERM ended the run."""


def scan(options: ScanOptions, settings: Settings, observer: Observer) -> ScanSummary:
    """Scan what the sources name.

    What was analysed before is not analysed again; running the same again goes on where a run ended, however it ended.

    Args:
        options: sources and wishes.
        settings: where state lives, limits, the cluster.
        observer: who watches.

    Raises:
        UsageError: a source cannot be understood; nothing was done.
        SourceError: none of the sources could be listed.
        ActiveSetError: Postgres failed; what was committed is kept.
        StoreError: the archive failed; what was committed is kept.
        ClusterError: Ray failed; what was committed is kept.
    """
    access = registry_access(options, settings)
    sources = open_sources(options.sources, access)
    words = (*(("--secrets",) if settings.secrets else ()), *options.sources)
    with open_workspace(settings) as workspace, recorded(workspace.database, "scan", words) as opened:
        work = Work(workspace, opened.run, options, access, observer)
        run = _Run(work, options, opened)
        with work.going_on(), closing(run.listing()) as listing:
            for wave in listing.waves(sources):
                work.analyse(wave)
            if len(listing.failed_sources) == len(sources) and not listing.named:
                raise listing.failed_sources[0]
            return run.end(listing)


def registry_access(options: ScanOptions, settings: Settings) -> RegistryAccess:
    """How this scan speaks to registries: the settings, and the options over them."""
    ca_file = options.ca_file or settings.registry_ca_file
    return RegistryAccess(
        insecure=(*settings.insecure_registries, *options.insecure),
        ca_file=str(ca_file) if ca_file else None,
        docker_config=str(settings.docker_config) if settings.docker_config else None,
        timeout_seconds=settings.registry_timeout_seconds,
        retries=settings.registry_retries,
        concurrency=settings.registry_concurrency,
        layer_cache=settings.layer_cache(options.address or settings.ray_address),
    )


class _Run:
    """One scan while it runs."""

    def __init__(self, work: Work, options: ScanOptions, opened: OpenRun) -> None:
        self.work = work
        self.options = options
        self.opened = opened
        self._clock = time.monotonic()

    def listing(self) -> Listing:
        """What lists the sources."""
        wishes = Wishes(
            run=self.work.run,
            fingerprint_set=self.work.fingerprints.id,
            platforms=PlatformChoice(self.options.platforms),
            retry=self.options.retry,
        )
        return Listing(self.work.workspace, wishes, self.work.observer, stopping=lambda: self.work.stopping)

    def end(self, listing: Listing) -> ScanSummary:
        """Judge, add up, record the run."""
        work = self.work
        stopped = work.stopping
        judged = Judged() if stopped else judge(work.workspace, work.observer)
        work.done.matched, work.done.matches = judged.packages, judged.matches
        notes = [*listing.notes, *work.notes]
        notes += [] if judged.snapshot or stopped else [NO_ADVISORIES]
        notes += [STOPPED] if stopped else []
        summary = summarise(
            work.workspace,
            work.run,
            self.options,
            tuple(text for chunk in listing.texts() for text in chunk),
            work.done,
            snapshot=judged.snapshot,
            seconds=time.monotonic() - self._clock,
            failed_sources=len(listing.failed_sources),
            notes=tuple(notes),
        )
        counts = summary.outcomes
        complete = not (summary.failed_sources or counts.failed or counts.pending or counts.partial)
        self.opened.outcome = INTERRUPTED if stopped else COMPLETED if complete else PARTIAL
        self.opened.summary = _counters(summary)
        return summary


def _counters(summary: ScanSummary) -> dict[str, JsonValue]:
    return {
        "images": summary.images,
        "new_images": summary.new_images,
        "failed": summary.outcomes.failed,
        "layers_planned": summary.layers.planned,
        "layers_analysed": summary.layers.analysed,
        "bytes_read": summary.layers.bytes_read,
        "bytes_cached": summary.layers.bytes_cached,
        "bytes_saved": summary.layers.bytes_saved,
        "findings": summary.findings.total,
        "not_covered": summary.coverage.not_covered,
        "seconds": round(summary.seconds, 3),
        "statements": summary.statements,
        "snapshot": summary.snapshot,
    }
