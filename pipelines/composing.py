"""The third part of a scan: images become views over what is known of their layers.

An image whose whole chain of layers is committed costs no composition at all; of the others, each chain is composed once,
however many images stand on it. Images are handed out sorted by their layers, so that a task holds a subtree of the chains.
Where a link leads to a file whose bytes nobody kept, composition asks for it: those images wait until the layers of the wave
were read once more, and are composed then, with it or, where it is not to be had, as partial without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from catalog.active.commits import commit_images
from catalog.active.composition import FailedLayer, failed_layers, known_chains, layer_records
from catalog.active.planning import image_outcomes
from catalog.facts import read_facts
from catalog.receipts import ChainReceipt, CompositionReceipt, ImageReceipt, LayerNeed
from catalog.schemas import IMAGES, PACKAGE_SETS, PACKAGES, Dataset
from catalog.states import LayerOutcome, Outcome
from cluster.errors import TaskLost
from cluster.session import Session
from cluster.streaming import halves
from pipelines.listing import PendingImage
from pipelines.observer import Level, Observer, Phase
from pipelines.rereading import Rereading
from pipelines.workspace import Workspace, this_month
from tasks.composition import CompositionBatch, ImageTask, LayerRecord, chain_ids, compose_images
from tasks.composition.chains import FOREIGN_HASH
from tasks.transport import RegistryAccess

_IMAGES_PER_TASK = 500
_FEWEST_IMAGES_PER_TASK = 20
_TASKS_PER_SLOT = 2


@dataclass(slots=True)
class Composition:
    """Composes images for one run and counts what it did.

    Args:
        workspace: where results go.
        session: who works.
        run: the run's id.
        access: how registries are spoken to, where layers are read once more.
        fingerprint_set: whose layer results are composed.
        observer: who watches.
        former: digests of images that keep what is known of them where a layer's bytes could not be had.
        kept: those of them that did, with reason and detail.
    """

    workspace: Workspace
    session: Session
    run: str
    access: RegistryAccess
    fingerprint_set: bytes
    observer: Observer
    former: frozenset[str] = frozenset()
    kept: dict[str, tuple[str, str]] = field(default_factory=dict)
    composed: int = 0
    bytes_read: int = 0
    bytes_cached: int = 0
    cpu_seconds: float = 0.0

    def compose(self, images: Sequence[PendingImage]) -> None:
        """Compose what can be composed and commit it; an image that needs a failed layer fails with that layer's reason.

        An image of which a layer has no result yet (another run holds it, or this one is stopping) stays pending.

        Raises:
            ActiveSetError: Postgres went away; what was committed stays.
            StoreError: the archive cannot be read or written.
            ClusterError: Ray cannot go on.
        """
        self.observer.started(Phase.COMPOSE, len(images))
        records, broken = self._layers(images)
        ready = []
        failed = []
        waiting: set[str] = set()
        needs: dict[LayerNeed, None] = {}
        for image in images:
            layers = [layer.digest for layer in image.manifest.layers if not layer.withheld]
            fault = next((broken[layer] for layer in layers if layer in broken), None)
            if fault is not None and not fault.verified and image.manifest.digest in self.former:
                self.kept[image.manifest.digest] = (fault.reason, f"layer {fault.layer}: {fault.detail}")
            elif fault is not None:
                failed.append(_failed(image, fault))
            elif all(layer in records for layer in layers):
                ready.append(image)
        if failed:
            self._commit_failed(failed)
        for batch, result in self._stream(ready, records):
            self._commit(_lost(batch, result) if isinstance(result, TaskLost) else result)
            if not isinstance(result, TaskLost) and result.needs:
                answered = {image.image for image in result.images}
                waiting.update(task.manifest.digest for task in batch.images if task.manifest.digest not in answered)
                needs.update(dict.fromkeys(result.needs))
        if needs and not self.session.stopping:
            self._compose_waiting([image for image in ready if image.manifest.digest in waiting], needs, records)
        self.observer.finished(Phase.COMPOSE)

    def _compose_waiting(
        self, images: Sequence[PendingImage], needs: Collection[LayerNeed], records: dict[str, LayerRecord]
    ) -> None:
        """Read what images need once more, and compose them with it; each of them ends, whatever could not be read."""
        rereading = Rereading(self.workspace, self.session, self.access, self.observer)
        rereading.read(images, needs)
        self.bytes_read += rereading.bytes_read
        self.bytes_cached += rereading.bytes_cached
        self.cpu_seconds += rereading.cpu_seconds
        if self.session.stopping:
            return  # they stay pending: what is missing may only not have been read yet
        for batch, result in self._stream(images, records, rereading):
            if isinstance(result, TaskLost):
                self._commit(_lost(batch, result))
            else:
                self._commit(replace(result, objects=(*result.objects, *rereading.objects(batch.supplements))))

    def _layers(self, images: Sequence[PendingImage]) -> tuple[dict[str, LayerRecord], dict[str, FailedLayer]]:
        digests = sorted({layer.digest for image in images for layer in image.manifest.layers if not layer.withheld})
        with self.workspace.database.transaction() as tx:
            rows = layer_records(tx, digests, fingerprint_set=self.fingerprint_set).to_pylist()
            broken = failed_layers(tx, digests, fingerprint_set=self.fingerprint_set)
        records = {
            row["layer"]: LayerRecord(
                layer=row["layer"],
                composition_hash=row["composition_hash"],
                outcome=LayerOutcome(row["outcome"]),
                reason=row["reason"],
                detail=row["detail"],
                keys=tuple(zip(row["datasets"], row["keys"], strict=True)),
            )
            for row in rows
        }
        return records, {fault.layer: fault for fault in broken}

    def _stream(
        self, images: Sequence[PendingImage], records: dict[str, LayerRecord], rereading: Rereading | None = None
    ) -> Iterator[tuple[CompositionBatch, CompositionReceipt | TaskLost]]:
        if not images:
            return iter(())
        # Sorted by layer list, so that images that stand on one chain lie side by side: a walk over the trie.
        order = sorted(images, key=lambda image: [layer.digest for layer in image.manifest.layers])
        share = -(-len(order) // (self.session.slots("core") * _TASKS_PER_SLOT))
        size = max(_FEWEST_IMAGES_PER_TASK, min(_IMAGES_PER_TASK, share))
        starts = range(0, len(order), size)
        batches = (self._batch(order[start : start + size], records, rereading) for start in starts)
        settings = self.workspace.settings
        return self.session.stream(
            partial(compose_images, archive=settings.archive),
            batches,
            group="core",
            deadline_seconds=settings.task_deadline_seconds,
            max_attempts=settings.task_attempts,
            split=_halve,
        )

    def _batch(
        self, images: Sequence[PendingImage], records: dict[str, LayerRecord], rereading: Rereading | None
    ) -> CompositionBatch:
        """A batch with what is known of its chains now: an earlier batch may have committed some of them."""
        chains = {image.manifest.digest: _chains(image, records) for image in images}
        wanted = sorted({chain for path in chains.values() for chain in path})
        with self.workspace.database.transaction() as tx:
            known: dict[bytes, ChainReceipt] = {chain.chain: chain for chain in known_chains(tx, wanted)}
        layers = {layer.digest for image in images for layer in image.manifest.layers}
        return CompositionBatch(
            images=tuple(
                ImageTask(image.manifest, known.get(path[-1]) if (path := chains[image.manifest.digest]) else None)
                for image in images
            ),
            layers=tuple(records[layer] for layer in sorted(layers) if layer in records),
            month=this_month(),
            foreign=tuple(
                sorted({layer.digest for image in images for layer in image.manifest.layers if layer.withheld})
            ),
            known=tuple(known.values()),
            supplements=rereading.supplements(layers) if rereading else (),
            may_ask=rereading is None,
        )

    def _commit_failed(self, failed: Sequence[ImageReceipt]) -> None:
        """Commit images that failed, unless that is what is known of them already."""
        digests = [image.image for image in failed]
        with self.workspace.database.transaction() as tx:
            before = image_outcomes(tx, digests, fingerprint_set=self.fingerprint_set)
        news = tuple(one for one in failed if before.get(one.image) != (one.outcome, one.reason, one.detail))
        self.observer.advanced(Phase.COMPOSE, len(failed) - len(news))
        if news:
            self._commit(CompositionReceipt(images=news, objects=()))

    def _commit(self, receipt: CompositionReceipt) -> None:
        self.cpu_seconds += receipt.cpu_seconds
        for image in receipt.images:
            if image.outcome is Outcome.FAILED:
                self.observer.event(image.detail or image.reason, where=image.image, level=Level.WARNING)
            else:
                self.composed += 1
        self.observer.advanced(Phase.COMPOSE, len(receipt.images))
        commit = commit_images(
            self.workspace.database,
            self.run,
            receipt,
            self._rows(receipt, IMAGES),
            self._rows(receipt, PACKAGE_SETS),
            packages=self._rows(receipt, PACKAGES),
            fingerprint_set=self.fingerprint_set,
        )
        self.workspace.mirror(commit)

    def _rows(self, receipt: CompositionReceipt, dataset: Dataset) -> pa.Table:
        tables = [read_facts(self.workspace.store, one.key) for one in receipt.objects if one.dataset == dataset.name]
        return pa.concat_tables(tables) if tables else dataset.schema.empty_table()


def _chains(image: PendingImage, records: dict[str, LayerRecord]) -> list[bytes]:
    """The ids of the chains that end at each of an image's layers, bottom first."""
    return chain_ids(
        [
            (layer.digest, records[layer.digest].composition_hash if layer.digest in records else FOREIGN_HASH)
            for layer in image.manifest.layers
        ]
    )


def _failed(image: PendingImage, fault: FailedLayer) -> ImageReceipt:
    return ImageReceipt(
        image=image.manifest.digest,
        outcome=Outcome.FAILED,
        reason=fault.reason,
        detail=f"layer {fault.layer}: {fault.detail}",
    )


def _halve(batch: CompositionBatch) -> tuple[CompositionBatch, ...]:
    return tuple(replace(batch, images=tuple(part)) for part in halves(batch.images))


def _lost(batch: CompositionBatch, loss: TaskLost) -> CompositionReceipt:
    return CompositionReceipt(
        images=tuple(
            ImageReceipt(image.manifest.digest, Outcome.FAILED, loss.reason, str(loss)) for image in batch.images
        ),
        objects=(),
    )
