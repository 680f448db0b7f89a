"""`longshore scan`: the main job, from what sources name to images that are analysed, composed and judged.

    list what the sources name ─▶ commit it as pending ─▶ read each unseen layer once ─▶ compose images ─▶ judge packages

Images go through in waves, so that the driver's memory does not grow with the fleet. Ray is started when the first wave finds
work, and never when nothing is new: such a run writes one row that says it was here.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from types import FrameType

from pydantic import JsonValue

from catalog.active.planning import register_fingerprint_set, unsettled_images
from catalog.settings import Settings
from cluster.session import Session, start_session
from pipelines.analysing import Analysis, unread_layers
from pipelines.composing import Composition
from pipelines.journal import COMPLETED, INTERRUPTED, PARTIAL, OpenRun, recorded
from pipelines.judging import Judged, judge
from pipelines.listing import Listing, PendingImage, Wishes
from pipelines.observer import Observer, Sharing
from pipelines.reach import refuse_out_of_reach
from pipelines.scan_options import ScanOptions
from pipelines.scan_summary import WorkDone, summarise
from pipelines.summary import ScanSummary
from pipelines.workspace import Workspace, open_workspace
from tasks.layers.analysis import fingerprints
from tasks.sources.interface import PlatformChoice
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess

_NO_ADVISORIES = "no advisories were imported, so nothing is covered; `longshore advisories import PATH` takes them in"


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
    with open_workspace(settings) as workspace, recorded(workspace.database, "scan", options.sources) as opened:
        run = _Run(workspace, options, access, observer, opened)
        with _on_sigterm(run.stop), run.session_closed(), closing(run.listing()) as listing:
            for wave in listing.waves(sources):
                run.work(wave)
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

    def __init__(
        self, workspace: Workspace, options: ScanOptions, access: RegistryAccess, observer: Observer, opened: OpenRun
    ) -> None:
        self.id = opened.run
        self.opened = opened
        self.workspace = workspace
        self.options = options
        self.access = access
        self.observer = observer
        self.work_done = WorkDone()
        self.notes: list[str] = []
        self._clock = time.monotonic()
        self._stack = ExitStack()
        self._session: Session | None = None
        self._stopping = False
        self._fingerprints = fingerprints(workspace.settings.limits, secrets=workspace.settings.secrets)

    def stop(self) -> None:
        """Begin nothing more; what ends in time is committed. Only sets flags, as a signal handler must."""
        self._stopping = True
        if self._session is not None:
            self._session.stop()

    def listing(self) -> Listing:
        wishes = Wishes(
            run=self.id,
            fingerprint_set=self._fingerprints.id,
            platforms=PlatformChoice(self.options.platforms),
            retry=self.options.retry,
        )
        return Listing(self.workspace, wishes, self.observer, stopping=lambda: self._stopping)

    def work(self, wave: Sequence[PendingImage]) -> None:
        """Analyse and compose a wave of images, as far as they need it."""
        chosen = self._fingerprints.id
        images = self._unsettled(wave)
        if not images or self._stopping:
            return
        for each in {self._fingerprints, fingerprints(self.workspace.settings.limits)}:
            register_fingerprint_set(self.workspace.database, each.id, each.names)
        unread = unread_layers(self.workspace, images, chosen, retry=self.options.retry)
        self.observer.shared(_sharing(images, frozenset(unread)))
        self.work_done.planned += len(unread)
        session = self._ray()
        locations = (location for image in images for location in image.locations)
        refuse_out_of_reach(session.elsewhere(), self.workspace.settings.archive, locations)
        if unread:
            analysis = Analysis(self.workspace, session, self.id, self.access, chosen, self.observer)
            analysis.analyse(images, unread)
            self._count(analysis)
        composition = Composition(self.workspace, session, self.id, self.access, chosen, self.observer)
        # An image that only lacked the result of a layer has it again: there is nothing to compose.
        composition.compose(self._unsettled(images))
        self.work_done.composed += composition.composed
        self.work_done.bytes_read += composition.bytes_read
        self.work_done.bytes_cached += composition.bytes_cached
        self.work_done.cpu_seconds += composition.cpu_seconds

    def _unsettled(self, images: Sequence[PendingImage]) -> list[PendingImage]:
        digests = [image.manifest.digest for image in images]
        chosen, retry = self._fingerprints.id, self.options.retry
        with self.workspace.database.transaction() as tx:
            left = set(unsettled_images(tx, digests, fingerprint_set=chosen, retry_permanent=retry))
        return [image for image in images if image.manifest.digest in left]

    def end(self, listing: Listing) -> ScanSummary:
        """Judge, add up, record the run."""
        stopped = self._stopping
        judged = Judged() if stopped else judge(self.workspace, self.observer)
        self.work_done.matched, self.work_done.matches = judged.packages, judged.matches
        notes = [*listing.notes, *self.notes]
        notes += [] if judged.snapshot or stopped else [_NO_ADVISORIES]
        notes += ["stopped before its end; the same command goes on from there"] if stopped else []
        summary = summarise(
            self.workspace,
            self.id,
            self.options,
            tuple(text for chunk in listing.texts() for text in chunk),
            self.work_done,
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

    @contextmanager
    def session_closed(self) -> Iterator[None]:
        """End the Ray session, where one was started, when the block ends."""
        with self._stack:
            yield

    def _ray(self) -> Session:
        if self._session is None:
            address = self.options.address or self.workspace.settings.ray_address
            self.observer.event(f"connecting to Ray at {address}" if address else "starting Ray on this machine")
            self._session = self._stack.enter_context(start_session(address, cpus=self.options.cpus))
            if self._stopping:
                self._session.stop()
        return self._session

    def _count(self, analysis: Analysis) -> None:
        self.work_done.analysed += analysis.analysed
        self.work_done.failed += analysis.failed
        self.work_done.bytes_read += analysis.bytes_read
        self.work_done.bytes_cached += analysis.bytes_cached
        self.work_done.cpu_seconds += analysis.cpu_seconds
        self.notes += analysis.notes


@contextmanager
def _on_sigterm(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM ends the run in order: nothing more is begun, what ends in time is committed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop()

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _sharing(images: Sequence[PendingImage], unread: frozenset[str]) -> Sharing:
    edges = [layer for image in images for layer in image.manifest.layers]
    sizes = {layer.digest: max(0, layer.size) for layer in edges}
    return Sharing(
        named=len(edges),
        unique=len(sizes),
        to_read=len(unread),
        bytes_named=sum(max(0, layer.size) for layer in edges),
        bytes_to_read=sum(size for digest, size in sizes.items() if digest in unread),
    )


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
