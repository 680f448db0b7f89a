"""The second part of a scan: each layer that has no result yet is read once, by whoever claims it first.

Layers are claimed by lease, cut into shards and streamed over the analyser nodes. What fails in passing (a registry that is
busy, a connection that breaks) is tried again in further rounds, and what one place does not have, or has wrong, is read from
another one that has the same layer: one repository's trouble is not another's. What fails for good is recorded and fails the
images that need it. A worker that dies costs its shard a bisection, not the run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from catalog.active.commits import commit_layers
from catalog.active.composition import FailedLayer, failed_layers
from catalog.active.former import former_results
from catalog.active.leases import claim, heartbeat, release, wait_for_others
from catalog.active.planning import layers_without_result
from catalog.errors import ActiveSetError
from catalog.facts import read_facts
from catalog.receipts import AnalysisReceipt, Effort, FormerResult, LayerReceipt
from catalog.schemas import PACKAGES
from catalog.states import LayerOutcome
from cluster.errors import TaskLost
from cluster.session import Session
from cluster.streaming import halves
from pipelines.layer_cache import note_trouble
from pipelines.listing import PendingImage
from pipelines.observer import Level, Observer, Phase
from pipelines.rounds import Round, begun_from, in_rounds, lost_layers, sites_of
from pipelines.shards import shards
from pipelines.workspace import Workspace, this_month
from tasks.layers.analysis import BYTES_NEEDED, READER_MEMBER, LayerBatch, LayerTask, analyse_layers
from tasks.transport import RegistryAccess

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
        observer: who watches.
        members: of the fingerprint set; former results are begun from where they are given.
        analysed: layers that got a result.
        from_rows: those of them that needed no byte.
        changed_only: those of them that only the changed analysers read.
    """

    workspace: Workspace
    session: Session
    run: str
    access: RegistryAccess
    fingerprint_set: bytes
    observer: Observer
    members: tuple[str, ...] = ()
    analysed: int = 0
    from_rows: int = 0
    changed_only: int = 0
    failed: int = 0
    bytes_read: int = 0
    bytes_cached: int = 0
    cpu_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    cache_troubles: set[str] = field(default_factory=set)
    _failed_before: dict[str, FailedLayer] = field(default_factory=dict)
    _former: dict[str, FormerResult] = field(default_factory=dict)

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
        sites = sites_of(images, frozenset(digests))
        todo = list(sites)
        sizes = sum(max(0, sites[digest].task.size) for digest in todo)
        self.observer.started(Phase.ANALYSE, len(todo), total_bytes=sizes)
        lease = self.workspace.settings.lease_seconds
        database = self.workspace.database
        self._remember_failures(todo)
        with self._heartbeat(lease):
            while todo and not self.session.stopping:
                mine = claim(database, todo, self.run, seconds=lease)
                try:
                    unread = self._still_unread(mine)
                    begun = [begun_from(sites[digest], self._former.get(digest)) for digest in unread]
                    in_rounds(begun, self._round, self.session, self.observer)
                finally:
                    release(database, self.run)
                todo = self._left_by_others(sorted(set(todo) - set(mine)))
        self.observer.finished(Phase.ANALYSE)

    def renew(self, layers: Mapping[str, int]) -> None:
        """Give layers a result of these analysers as far as their former rows tell it; nobody is asked for a byte.

        Args:
            layers: digests and sizes of layers without a result. Those that another run holds just now are left alone.

        Raises:
            ActiveSetError, StoreError, ClusterError: as `analyse`.
        """
        self.observer.started(Phase.ANALYSE, len(layers))
        self._remember_failures(list(layers))
        lease = self.workspace.settings.lease_seconds
        with self._heartbeat(lease):
            mine = claim(self.workspace.database, list(layers), self.run, seconds=lease)
            try:
                unread = self._still_unread(mine)
                tasks = [LayerTask(each, layers[each], None, former=self._former.get(each)) for each in unread]
                for batch, result in self._stream([task for task in tasks if task.former is not None]):
                    if not isinstance(result, TaskLost):
                        done = tuple(layer for layer in result.layers if layer.reason != BYTES_NEEDED)
                        self._commit(replace(result, layers=done))
                        self.observer.advanced(Phase.ANALYSE, len(batch.tasks) - len(done))
            finally:
                release(self.workspace.database, self.run)
        self.observer.finished(Phase.ANALYSE)

    def _remember_failures(self, digests: Sequence[str]) -> None:
        with self.workspace.database.transaction() as tx:
            failed = failed_layers(tx, digests, fingerprint_set=self.fingerprint_set)
        self._failed_before = {fault.layer: fault for fault in failed}

    def _still_unread(self, claimed: list[str]) -> list[str]:
        """What of the claimed nobody analysed between our plan and our claim: another run may have come and gone."""
        with self.workspace.database.transaction() as tx:
            unread = layers_without_result(tx, claimed, fingerprint_set=self.fingerprint_set, retry_permanent=True)
            reader = next((member for member in self.members if member.startswith(READER_MEMBER)), "")
            self._former = former_results(
                tx, unread, fingerprint_set=self.fingerprint_set, members=self.members, reader=reader
            )
        self.observer.advanced(Phase.ANALYSE, len(claimed) - len(unread))
        return unread

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
            stopping=lambda: self.session.stopping,
        )
        self.observer.advanced(Phase.ANALYSE, len(awaited.finished))
        if awaited.held:
            self.notes.append(f"{len(awaited.held)} layers are still held by another run; run again when it has ended")
        return list(awaited.free)

    def _round(self, this: Round) -> None:
        """Analyse layers once and commit those that ended."""
        for batch, result in self._stream([site.task for site in this.sites.values()]):
            lost = isinstance(result, TaskLost)
            receipt = _lost(batch, result, self.fingerprint_set) if isinstance(result, TaskLost) else result
            done = tuple(layer for layer in receipt.layers if this.ended(layer, lost=lost))
            self._commit(replace(receipt, layers=done))

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
            (
                LayerBatch(
                    tasks=shard, month=month, limits=settings.limits, access=self.access, secrets=settings.secrets
                )
                for shard in cut
            ),
            group="analyzer",
            deadline_seconds=settings.task_deadline_seconds,
            max_attempts=settings.task_attempts,
            split=_halve,
        )

    def _commit(self, receipt: AnalysisReceipt) -> None:
        for layer in receipt.layers:
            self.cpu_seconds += layer.cpu_seconds
            self.bytes_read += layer.bytes_fetched
            self.bytes_cached += layer.bytes_cached
            note_trouble(layer, self.cache_troubles, self.observer)
            if layer.outcome is LayerOutcome.FAILED:
                self.failed += 1
                self.observer.event(layer.detail or layer.reason, where=layer.layer, level=Level.WARNING)
            else:
                self.analysed += 1
                self.from_rows += layer.effort is Effort.ROWS
                self.changed_only += layer.effort is Effort.CHANGED
            self.observer.advanced(Phase.ANALYSE, bytes_done=layer.size if layer.effort is not Effort.ROWS else 0)
        news = replace(receipt, layers=tuple(layer for layer in receipt.layers if not self._failed_alike(layer)))
        if news.layers:
            packages = read_packages(self.workspace, receipt)
            self.workspace.mirror(commit_layers(self.workspace.database, self.run, news, packages))

    def _failed_alike(self, layer: LayerReceipt) -> bool:
        """Whether a layer failed as it did before: that is known, and writes nothing."""
        before = self._failed_before.get(layer.layer)
        return before is not None and (before.reason, before.detail, before.retry, before.verified) == (
            layer.reason,
            layer.detail,
            layer.retry,
            layer.verified,
        )

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


def _halve(batch: LayerBatch) -> tuple[LayerBatch, ...]:
    return tuple(replace(batch, tasks=tuple(part)) for part in halves(batch.tasks))


def _lost(batch: LayerBatch, loss: TaskLost, fingerprint_set: bytes) -> AnalysisReceipt:
    return AnalysisReceipt(fingerprint_set=fingerprint_set, layers=lost_layers(batch.tasks, loss), objects=())
