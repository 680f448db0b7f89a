"""The second part of a scan: each layer that has no result yet is read once, by whoever claims it first.

Layers are claimed by lease, cut into shards and streamed over the analyser nodes. What fails in passing (a registry that is
busy, a connection that breaks) is tried again in further rounds, from another repository where one has the same layer; what
fails for good is recorded and fails the images that need it. A worker that dies costs its shard a bisection, not the run.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from catalog.active.commits import commit_layers
from catalog.active.leases import claim, heartbeat, release, wait_for_others
from catalog.active.planning import layers_without_result
from catalog.errors import ActiveSetError, Retry
from catalog.facts import read_facts
from catalog.images import BlobLocation
from catalog.receipts import AnalysisReceipt, LayerReceipt
from catalog.schemas import PACKAGES
from catalog.states import LayerOutcome
from cluster.errors import TaskLost
from cluster.session import Session
from cluster.streaming import halves
from pipelines.listing import PendingImage
from pipelines.observer import Level, Observer, Phase
from pipelines.shards import shards
from pipelines.workspace import Workspace, this_month
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers
from tasks.transport import RegistryAccess

ROUNDS = 4
"""Rounds a layer gets within a run while its failures are transient."""
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_WAIT_FOR_OTHERS_SECONDS = 3600.0


@dataclass(slots=True)
class Analysis:
    """Analyses layers for one run and counts what it did.

    Args:
        workspace: where results go.
        session: who works; called for only when there is work.
        run: the run's id.
        access: how registries are spoken to.
        fingerprint_set: what the analysers here are.
        retry: permanent failures are tried again.
        observer: who watches.
    """

    workspace: Workspace
    session: Session
    run: str
    access: RegistryAccess
    fingerprint_set: bytes
    observer: Observer
    analysed: int = 0
    failed: int = 0
    bytes_read: int = 0
    cpu_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def analyse(self, images: Sequence[PendingImage], digests: Sequence[str]) -> None:
        """Analyse layers and commit their results.

        Args:
            images: the wave, which says where the layers' bytes lie.
            digests: the layers without a result.

        Raises:
            ActiveSetError: Postgres went away; what was committed stays.
            StoreError: the archive cannot be written.
            ClusterError: Ray cannot go on.
        """
        sites = _sites(images, frozenset(digests))
        todo = list(sites)
        sizes = sum(max(0, sites[digest].task.size) for digest in todo)
        self.observer.started(Phase.ANALYSE, len(todo), total_bytes=sizes)
        lease = self.workspace.settings.lease_seconds
        database = self.workspace.database
        with self._heartbeat(lease):
            while todo and not self.session.stopping:
                mine = claim(database, todo, self.run, seconds=lease)
                try:
                    self._rounds([sites[digest] for digest in mine])
                finally:
                    release(database, self.run)
                todo = self._left_by_others(sorted(set(todo) - set(mine)))
        self.observer.finished(Phase.ANALYSE)

    def _left_by_others(self, digests: list[str]) -> list[str]:
        """Wait for layers that another run holds; those it gave up come back to us."""
        if not digests or self.session.stopping:
            return []
        self.observer.event(f"waiting for {len(digests)} layers that another run analyses")
        awaited = wait_for_others(
            self.workspace.database,
            digests,
            self.run,
            fingerprint_set=self.fingerprint_set,
            timeout_seconds=_WAIT_FOR_OTHERS_SECONDS,
        )
        self.observer.advanced(Phase.ANALYSE, len(awaited.finished))
        if awaited.held:
            self.notes.append(f"{len(awaited.held)} layers are still held by another run; run again when it has ended")
        return list(awaited.free)

    def _rounds(self, sites: list[_Site]) -> None:
        for round_number in range(1, ROUNDS + 1):
            last = round_number == ROUNDS
            again, pause = self._round(sites, last=last)
            if not again or last or self.session.stopping:
                return
            seconds = min(_LONGEST_PAUSE_SECONDS, max(pause, _PAUSE_SECONDS * 2**round_number))
            self.observer.event(
                f"{len(again)} layers failed in passing; trying again in {seconds:.0f} s", level=Level.WARNING
            )
            self._sleep(seconds * random.uniform(1.0, 1.25))  # noqa: S311 - jitter, no secret
            sites = [site.elsewhere() for site in again]

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.session.stopping:
            time.sleep(0.1)

    def _round(self, sites: list[_Site], *, last: bool) -> tuple[list[_Site], float]:
        """Analyse layers once; those that failed in passing come back, with the seconds a server asked us to wait."""
        by_digest = {site.task.digest: site for site in sites}
        again: list[_Site] = []
        pause = 0.0
        for batch, result in self._stream([site.task for site in sites]):
            receipt = _lost(batch, result, self.fingerprint_set) if isinstance(result, TaskLost) else result
            passing = [layer for layer in receipt.layers if layer.retry is Retry.TRANSIENT and not last]
            again += [by_digest[layer.layer] for layer in passing]
            pause = max([pause, *(layer.retry_after or 0.0 for layer in passing)])
            self._commit(replace(receipt, layers=tuple(layer for layer in receipt.layers if layer not in passing)))
        return again, pause

    def _stream(self, tasks: list[LayerTask]) -> Iterator[tuple[LayerBatch, AnalysisReceipt | TaskLost]]:
        settings = self.workspace.settings
        month = this_month()
        cut = shards(
            tasks,
            slots=self.session.slots("analyzer"),
            shard_bytes=int(settings.batch_bytes),
            shard_layers=settings.batch_layers,
        )
        return self.session.stream(
            partial(analyse_layers, archive=settings.archive),
            (LayerBatch(tasks=shard, month=month, limits=settings.limits, access=self.access) for shard in cut),
            group="analyzer",
            deadline_seconds=settings.task_deadline_seconds,
            max_attempts=settings.task_attempts,
            split=_halve,
        )

    def _commit(self, receipt: AnalysisReceipt) -> None:
        for layer in receipt.layers:
            self.cpu_seconds += layer.cpu_seconds
            self.bytes_read += layer.size
            if layer.outcome is LayerOutcome.FAILED:
                self.failed += 1
                self.observer.event(layer.detail or layer.reason, where=layer.layer, level=Level.WARNING)
            else:
                self.analysed += 1
            self.observer.advanced(Phase.ANALYSE, bytes_done=layer.size)
        if receipt.layers:
            packages = read_packages(self.workspace, receipt)
            self.workspace.mirror(commit_layers(self.workspace.database, self.run, receipt, packages))

    @contextmanager
    def _heartbeat(self, seconds: int) -> Iterator[None]:
        """Keep our leases alive from a thread of its own; a beat that fails is followed by the next."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(seconds / 3):
                try:
                    heartbeat(self.workspace.database, self.run, seconds=seconds)
                except ActiveSetError:
                    continue  # the run's own next statement tells; a lost lease costs work twice, never truth

        thread = threading.Thread(target=beat, name="lease heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def unread_layers(
    workspace: Workspace, images: Iterable[PendingImage], fingerprint_set: bytes, *, retry: bool
) -> list[str]:
    """The layers of these images that can be read, and have no result of these analysers yet; each once, in the images' order."""
    digests = dict.fromkeys(layer.digest for image in images for layer in image.manifest.layers if not layer.withheld)
    with workspace.database.transaction() as tx:
        unread = set(layers_without_result(tx, list(digests), fingerprint_set=fingerprint_set, retry_permanent=retry))
    return [digest for digest in digests if digest in unread]


def read_packages(workspace: Workspace, receipt: AnalysisReceipt) -> pa.Table:
    """The package rows of a receipt's objects (columns of `schemas.PACKAGES`)."""
    tables = [
        read_facts(workspace.store, written.key) for written in receipt.objects if written.dataset == PACKAGES.name
    ]
    return pa.concat_tables(tables) if tables else PACKAGES.schema.empty_table()


@dataclass(frozen=True, slots=True)
class _Site:
    """A layer and every place its bytes lie."""

    task: LayerTask
    others: tuple[BlobLocation, ...] = ()

    def elsewhere(self) -> _Site:
        """The same layer from the next place."""
        if not self.others:
            return self
        return _Site(replace(self.task, location=self.others[0]), (*self.others[1:], self.task.location))


def _sites(images: Iterable[PendingImage], digests: frozenset[str]) -> dict[str, _Site]:
    sites: dict[str, _Site] = {}
    for image in images:
        for layer, location in zip(image.manifest.layers, image.locations, strict=True):
            if layer.digest not in digests:
                continue
            site = sites.get(layer.digest)
            if site is None:
                task = LayerTask(digest=layer.digest, size=layer.size, location=location, notes=image.notes)
                sites[layer.digest] = _Site(task)
            elif location != site.task.location and location not in site.others:
                sites[layer.digest] = replace(site, others=(*site.others, location))
    return sites


def _halve(batch: LayerBatch) -> tuple[LayerBatch, ...]:
    return tuple(replace(batch, tasks=tuple(part)) for part in halves(batch.tasks))


def _lost(batch: LayerBatch, loss: TaskLost, fingerprint_set: bytes) -> AnalysisReceipt:
    """A lost task as a receipt: its layers failed, and say with what."""
    return AnalysisReceipt(
        fingerprint_set=fingerprint_set,
        layers=tuple(
            LayerReceipt(
                layer=task.digest,
                outcome=LayerOutcome.FAILED,
                reason=loss.reason,
                detail=str(loss),
                retry=Retry.POISON,
            )
            for task in batch.tasks
        ),
        objects=(),
    )
