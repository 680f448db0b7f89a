"""Between two compositions: layers are read once more for the files that links in composed images make evidence.

The needs of all images of a wave come together, so that a layer is read once for all of them, by the analyser nodes and in
rounds like the first time. A file that cannot be had is left unanswered: its images are then composed without it, as partial.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from catalog.receipts import LayerNeed, LayerReceipt, ObjectReceipt, RereadReceipt
from catalog.states import LayerOutcome
from cluster.errors import TaskLost
from cluster.session import Session
from cluster.streaming import halves
from pipelines.layer_cache import note_trouble
from pipelines.listing import PendingImage
from pipelines.observer import Level, Observer
from pipelines.rounds import Round, in_rounds, lost_layers, sites_of
from pipelines.shards import shards
from pipelines.workspace import Workspace, this_month
from tasks.composition import Supplement
from tasks.layers.analysis import LayerBatch, LayerTask
from tasks.layers.rereading import RereadBatch, reread_layers
from tasks.transport import RegistryAccess


@dataclass(slots=True)
class Rereading:
    """Reads files of layers once more for one run, and keeps what became of them.

    Args:
        workspace: where results go.
        session: who works.
        access: how registries are spoken to.
        observer: who watches.
    """

    workspace: Workspace
    session: Session
    access: RegistryAccess
    observer: Observer
    bytes_read: int = 0
    bytes_cached: int = 0
    cpu_seconds: float = 0.0
    cache_troubles: set[str] = field(default_factory=set)
    _supplements: dict[LayerNeed, Supplement] = field(default_factory=dict)
    _objects: dict[str, ObjectReceipt] = field(default_factory=dict)

    def read(self, images: Sequence[PendingImage], needs: Collection[LayerNeed]) -> None:
        """Read what is needed, as far as it is to be had.

        Args:
            images: those that need it; they say where the layers' bytes lie.
            needs: the files.

        Raises:
            StoreError: the archive cannot be written.
            ClusterError: Ray cannot go on.
        """
        layers = {need.layer for need in needs}
        self.observer.event(f"reading {len(layers)} layers once more: links in images make files in them evidence")
        for wanted in _apart(needs):
            sites = sites_of(images, frozenset(need.layer for need in wanted))
            in_rounds(sites.values(), partial(self._round, wanted), self.session, self.observer)

    def supplements(self, layers: Collection[str]) -> tuple[Supplement, ...]:
        """What was read in these layers."""
        return tuple(found for need, found in self._supplements.items() if need.layer in layers)

    def objects(self, supplements: Iterable[Supplement]) -> tuple[ObjectReceipt, ...]:
        """The archive objects that hold the rows of some supplements, each once."""
        keys = sorted({key for supplement in supplements for _, key in supplement.keys})
        return tuple(self._objects[key] for key in keys)

    def _round(self, needs: Sequence[LayerNeed], this: Round) -> None:
        for batch, result in self._stream([site.task for site in this.sites.values()], needs):
            lost = isinstance(result, TaskLost)
            layers = lost_layers(batch.layers.tasks, result) if isinstance(result, TaskLost) else result.layers
            for layer in layers:
                if this.ended(layer, lost=lost):
                    self._count(layer)
            if not isinstance(result, TaskLost):
                self._keep(result)

    def _stream(
        self, tasks: list[LayerTask], needs: Sequence[LayerNeed]
    ) -> Iterator[tuple[RereadBatch, RereadReceipt | TaskLost]]:
        settings = self.workspace.settings
        cut = shards(
            tasks,
            slots=self.session.slots("analyzer"),
            shard_bytes=int(settings.batch_bytes),
            shard_layers=settings.batch_layers,
        )
        month = this_month()
        batches = (LayerBatch(tasks=shard, month=month, limits=settings.limits, access=self.access) for shard in cut)
        return self.session.stream(
            partial(reread_layers, archive=settings.archive),
            (_batch(batch, needs) for batch in batches),
            group="analyzer",
            deadline_seconds=settings.task_deadline_seconds,
            max_attempts=settings.task_attempts,
            split=_halve,
        )

    def _keep(self, receipt: RereadReceipt) -> None:
        self._objects.update((written.key, written) for written in receipt.objects)
        keys = tuple((written.dataset, written.key) for written in receipt.objects)
        for found in receipt.files:
            self._supplements[found.need] = Supplement(
                found.need, found.composition_hash, keys, found.reason, found.detail
            )

    def _count(self, layer: LayerReceipt) -> None:
        self.bytes_read += layer.bytes_fetched
        self.bytes_cached += layer.bytes_cached
        note_trouble(layer, self.cache_troubles, self.observer)
        self.cpu_seconds += layer.cpu_seconds
        if layer.outcome is LayerOutcome.FAILED:
            what = f"cannot be read once more: {layer.detail or layer.reason}"
            self.observer.event(what, where=layer.layer, level=Level.WARNING)


def _apart(needs: Iterable[LayerNeed]) -> Iterator[list[LayerNeed]]:
    """The needs in groups that name no file twice: nearly always one. Two images may want one file as different evidence."""
    left = sorted(needs, key=lambda need: (need.layer, need.path, need.wanted))
    while left:
        first = {(need.layer, need.path): need for need in reversed(left)}
        yield list(first.values())
        left = [need for need in left if first[need.layer, need.path] != need]


def _batch(layers: LayerBatch, needs: Sequence[LayerNeed]) -> RereadBatch:
    digests = {task.digest for task in layers.tasks}
    return RereadBatch(layers, tuple(need for need in needs if need.layer in digests))


def _halve(batch: RereadBatch) -> tuple[RereadBatch, ...]:
    return tuple(_batch(replace(batch.layers, tasks=tuple(part)), batch.needs) for part in halves(batch.layers.tasks))
