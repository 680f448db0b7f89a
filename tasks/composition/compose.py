"""Compose a batch of images: the unit of work of a core task.

    images ──sorted by layers──▶ chains (each once) ──▶ occurrence deltas
                                    └─ at an image's end ─▶ platform, ownership, package sets, privileged files, the image's row

Nothing is composed from an image with a failed layer. What could not be read in the others makes them partial, with the
reason; what can still be read is asked for.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa

from catalog.distributions import Distribution
from catalog.errors import ObjectCorrupt, ObjectMissing, StoreError
from catalog.facts import FactWriter
from catalog.images import ImageManifest
from catalog.receipts import ChainReceipt, CompositionReceipt, ImageReceipt, LayerNeed, ObjectReceipt
from catalog.schemas import IMAGES, OCCURRENCES, OWNED_OCCURRENCES, PACKAGE_SETS, PRIVILEGED_FILES, Dataset
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome, Outcome
from catalog.store import open_store
from catalog.store.interface import Store
from tasks.analyzers.selection import DEFAULT
from tasks.composition.apply import NOTHING, Watch
from tasks.composition.batch import CompositionBatch, ImageTask, Supplement
from tasks.composition.chains import FOREIGN_HASH, ChainWalk, supplemented_hash
from tasks.composition.claims import NO_CLAIMS, Claims
from tasks.composition.layer_rows import LayerRows
from tasks.composition.needs import find_needs
from tasks.composition.ownership import NOTHING_OWNED, Ownership, decide_ownership
from tasks.composition.platforms import decide_distribution, platform_of
from tasks.composition.records import ArchivedLayers
from tasks.composition.state import ChainState, DeltaRow
from tasks.composition.tables import ChainFactRows, ImageRow, OccurrenceRows, PackageSetRows, PackageSets, image_table

FOREIGN_REASON = "foreign-layer"
"""Why an image is partial: a layer's bytes are not served, or encrypted."""
UNREAD_REASON = "link-unread"
"""Why an image is partial: a link leads to evidence whose bytes nobody kept and that cannot be read again."""
PENDING_REASON = "layer-not-analysed"
"""Why an image is pending: a layer has no record."""


def compose_images(batch: CompositionBatch, archive: ArchiveLocation) -> CompositionReceipt:
    """Compose images and write what was found.

    Args:
        batch: images and the records of their layers.
        archive: where these records are, and where the results go.

    Returns:
        How each image ended, the objects written, the chains finished, and the files to read again.

    Raises:
        StoreError: the archive cannot be read or written. A layer whose own object is missing or corrupt only fails its
            images.
    """
    store = open_store(archive)
    try:
        with _without_collector():
            return Composition(batch, store).run()
    finally:
        store.close()


@contextmanager
def _without_collector() -> Iterator[None]:
    """No search for reference cycles meanwhile: there are none among trees and states, and looking took a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Composition:
    """One batch being composed.

    Args:
        batch: images and the records of their layers.
        store: the archive's.
    """

    def __init__(self, batch: CompositionBatch, store: Store) -> None:
        self._batch = batch
        self._store = store
        self._records = {record.layer: record for record in batch.layers}
        self._supplements = {supplement.need: supplement for supplement in batch.supplements}
        self._foreign = frozenset(batch.foreign)
        self._committed = {receipt.chain: receipt for receipt in batch.known}
        self._layers = ArchivedLayers(store, batch.layers, batch.supplements)
        self._occurrences = OccurrenceRows()
        self._sets = PackageSetRows(name for receipt in batch.known for name in (*receipt.sets, *receipt.owned_sets))
        self._facts = ChainFactRows()
        self._ownership: dict[bytes, Ownership] = {}
        self._chains: dict[bytes, ChainReceipt] = {}
        self._images: dict[str, ImageReceipt] = {}
        self._rows: list[ImageRow] = []
        self._needs: dict[LayerNeed, None] = {}

    def run(self) -> CompositionReceipt:
        """Compose every image and write the results.

        Raises:
            StoreError: the archive cannot be read or written.
        """
        started = time.process_time()
        # Not kept: it refers to this object, and what refers to itself is freed by nobody but the cycle collector.
        walk = ChainWalk(self._layer_rows, self._layer_hash, DEFAULT, self._finish_chain)
        done: set[str] = set()
        for task in sorted(self._batch.images, key=lambda task: [layer.digest for layer in task.manifest.layers]):
            if task.manifest.digest not in done:
                done.add(task.manifest.digest)
                self._compose(task, walk)
        objects = [
            self._write(OCCURRENCES, self._occurrences.tables()),
            self._write(OWNED_OCCURRENCES, [self._facts.owned_table()]),
            self._write(PRIVILEGED_FILES, [self._facts.privileged_table()]),
            self._write(PACKAGE_SETS, [self._sets.table()]),
            self._write(IMAGES, [image_table(self._rows)]),
        ]
        return CompositionReceipt(
            images=tuple(self._images.values()),
            objects=tuple(receipt for receipt in objects if receipt is not None),
            chains=tuple(self._chains.values()),
            cpu_seconds=time.process_time() - started,
            needs=tuple(self._needs),
        )

    def _compose(self, task: ImageTask, walk: ChainWalk) -> None:
        manifest = task.manifest
        outcome, reason, detail = self._judge_layers(manifest)
        if outcome in (Outcome.FAILED, Outcome.PENDING):
            self._images[manifest.digest] = ImageReceipt(manifest.digest, outcome, reason, detail)
            return
        known = task.known
        if known is not None and known.packages is not None:
            self._sets_known(manifest, known, outcome, reason, detail)
            return
        layers = [layer.digest for layer in manifest.layers]
        try:
            state, needs, read_again = self._compose_chain(layers, walk)
            waits = bool(needs) and self._batch.may_ask
            ownership = NOTHING_OWNED if waits else self._decide_ownership(state, read_again)
        except (ObjectMissing, ObjectCorrupt) as error:
            self._images[manifest.digest] = ImageReceipt(manifest.digest, Outcome.FAILED, error.reason, str(error))
            return
        if waits:
            self._needs.update(dict.fromkeys(needs))
            return
        missing = [
            (UNREAD_REASON, f"{need.wanted} is {need.path} of layer {need.layer}, which was not read") for need in needs
        ] + [
            (found.reason, f"layer {found.need.layer}: {found.detail or found.need.path}")
            for found in read_again
            if found.reason
        ]
        if missing:
            outcome, reason = Outcome.PARTIAL, reason or missing[0][0]
            detail = "; ".join(filter(None, (detail, *(line for _, line in missing))))
        distribution = decide_distribution(state.root)
        platform = platform_of(distribution)
        sets = self._sets.add(state, platform, ownership)
        committed = self._committed.get(state.chain)
        if not needs and state.layer and (committed is None or committed.packages is None):
            self._facts.add(state, ownership)
            self._chains[state.chain] = _receipt(state, platform, distribution, sets)
        self._add_image(ImageRow(manifest, state.chain, platform, distribution, sets, outcome, reason), detail)

    def _compose_chain(
        self, layers: list[str], walk: ChainWalk
    ) -> tuple[ChainState, tuple[LayerNeed, ...], list[Supplement]]:
        """The state of a chain, what is still to be read again for it, and what was."""
        state = walk.compose(layers)
        found = find_needs(state, layers, walk, DEFAULT)
        read_again = [self._supplements[need] for need in found.files if need in self._supplements]
        waits = self._batch.may_ask and len(read_again) < len(found.files)
        if waits or (not read_again and found.watch is NOTHING):
            return state, found.files, []
        files: dict[str, list[Supplement]] = {}
        for supplement in read_again:
            files.setdefault(supplement.need.layer, []).append(supplement)
        # Another image may share the layer without the link that makes these files evidence: nothing is shared with it.
        further = ChainWalk(
            lambda layer: self._layers.supplemented(layer, files[layer]) if layer in files else self._layer_rows(layer),
            lambda layer: self._layer_hash(layer, files.get(layer, ()), found.watch),
            DEFAULT,
            self._finish_chain,
            found.watch,
        )
        state = further.compose(layers)
        return state, find_needs(state, layers, further, DEFAULT).files, read_again

    def _sets_known(
        self, manifest: ImageManifest, known: ChainReceipt, outcome: Outcome, reason: str, detail: str
    ) -> None:
        sets = PackageSets(known.sets, known.packages or 0)
        row = ImageRow(manifest, known.chain, known.platform, Distribution(*known.distribution), sets, outcome, reason)
        self._add_image(row, detail)

    def _add_image(self, row: ImageRow, detail: str) -> None:
        self._rows.append(row)
        self._images[row.manifest.digest] = ImageReceipt(row.manifest.digest, row.outcome, row.reason, detail)

    def _judge_layers(self, manifest: ImageManifest) -> tuple[Outcome, str, str]:
        """What the layers allow the image to become: outcome, reason, detail; the worst layer decides."""
        worst, reason = Outcome.ANALYSED, ""
        details = []
        for layer in manifest.layers:
            record = self._records.get(layer.digest)
            missing = record.detail if record else ""
            if record is None:
                foreign = layer.urls or layer.digest in self._foreign
                found = (Outcome.PARTIAL, FOREIGN_REASON) if foreign else (Outcome.PENDING, PENDING_REASON)
            elif record.outcome is LayerOutcome.COMPLETE:
                continue
            else:
                failed = record.outcome is LayerOutcome.FAILED
                found = (Outcome.FAILED if failed else Outcome.PARTIAL, record.reason)
            details.append(f"layer {layer.digest}: {missing or found[1]}")
            if found[0].severity > worst.severity:
                worst, reason = found
        return worst, reason, "; ".join(dict.fromkeys(details))

    def _layer_rows(self, layer: str) -> LayerRows | None:
        return self._layers.rows_of(layer) if layer in self._records else None

    def _decide_ownership(self, state: ChainState, read_again: Sequence[Supplement]) -> Ownership:
        found = self._ownership.get(state.chain)
        if found is None:
            found = self._ownership[state.chain] = decide_ownership(state, partial(self._claims, read_again))
        return found

    def _claims(self, read_again: Sequence[Supplement], layer: str) -> Claims:
        further = [found for found in read_again if found.need.layer == layer]
        return self._layers.claims_of(layer, further) if layer in self._records else NO_CLAIMS

    def _layer_hash(self, layer: str, read_again: Sequence[Supplement] = (), watch: Watch = NOTHING) -> bytes:
        record = self._records.get(layer)
        if record is None:
            return FOREIGN_HASH
        plain = not read_again and watch is NOTHING
        return record.composition_hash if plain else supplemented_hash(record, read_again, watch)

    def _finish_chain(self, state: ChainState, rows: list[DeltaRow]) -> None:
        if state.chain not in self._committed and state.chain not in self._chains:
            self._occurrences.add(state.chain, state.parent, rows)
            self._chains[state.chain] = ChainReceipt(
                state.chain, state.parent, state.layer, b"", ("", "", ""), (), None
            )

    def _write(self, dataset: Dataset, tables: Iterable[pa.Table]) -> ObjectReceipt | None:
        writer = FactWriter(self._store, dataset, month=self._batch.month)
        try:
            for rows in tables:
                writer.append(rows)
            return writer.close()
        except StoreError:
            writer.abort()
            raise


def _receipt(state: ChainState, platform: bytes, distribution: Distribution, sets: PackageSets) -> ChainReceipt:
    words = (distribution.id, distribution.version, distribution.name)
    return ChainReceipt(state.chain, state.parent, state.layer, platform, words, sets.ids, sets.packages, sets.owned)
