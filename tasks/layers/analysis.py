"""A batch of layers: the unit of work that a worker runs.

One layer's failure is a value in the receipt and touches no other; only a store that fails takes the batch with it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial

from catalog.errors import (
    BlobError,
    LayerError,
    LongshoreError,
    ObjectCorrupt,
    ObjectMissing,
    ObjectTooNew,
    RegistryBusy,
    SourceError,
)
from catalog.identities import fingerprint
from catalog.images import BlobLocation
from catalog.limits import Limits
from catalog.problems import Problem
from catalog.receipts import AnalysisReceipt, Effort, FormerResult, LayerReceipt, ObjectReceipt
from catalog.schemas import LAYERS
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import open_store
from catalog.store.interface import Store
from tasks.analyzers.selection import FingerprintSet, selection_of
from tasks.blobs import BlobRead, read_blob
from tasks.layers.layer import COMPOSITION_RECIPE, LayerRecords, analyse_stream
from tasks.layers.merging import Merged
from tasks.layers.reanalysis import Reanalysis
from tasks.layers.records import DATASETS, RecordWriter
from tasks.transport import RegistryAccess

READER_VERSION = 2
"""Bumped when the walker's rows change their meaning."""
READER_MEMBER = "layers/"
"""How the layer reader's own member of a fingerprint set begins."""
BYTES_NEEDED = "bytes-needed"
"""Why a layer that lies nowhere was handed back: its former rows did not tell all."""
_ANALYSERS_CAPS = frozenset(
    {
        *("text_bytes", "json_bytes", "content_bytes", "database_bytes", "binary_bytes", "secret_bytes", "secrets"),
        *("archive_bytes", "archive_directory_bytes", "archive_depth", "archive_members", "archive_member_bytes"),
        *("archive_unpacked_bytes", "spool_bytes"),
    }
)
"""Limits that decide nothing of what the reader finds: they stand in their analysers' fingerprints, or nowhere."""


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer to analyse.

    Args:
        digest: of its blob.
        size: bytes of it; -1 where nobody knows.
        location: where they lie; None where nobody was asked: a layer that needs its bytes is then handed back.
        notes: problems known before any byte is read (a tree's unread places).
        former: what other analysers left of it, to begin from.
    """

    digest: str
    size: int
    location: BlobLocation | None
    notes: tuple[Problem, ...] = ()
    former: FormerResult | None = None


@dataclass(frozen=True, slots=True)
class LayerBatch:
    """Layers that one worker analyses, one after the other.

    Args:
        tasks: in any order; a digest that comes twice is analysed once.
        month: `YYYY-MM` of the plan.
        limits: caps.
        access: how registries are spoken to.
        secrets: every text file is searched for secrets.
    """

    tasks: tuple[LayerTask, ...]
    month: str
    limits: Limits
    access: RegistryAccess
    secrets: bool = False


def fingerprints(limits: Limits | None = None, *, secrets: bool = False) -> FingerprintSet:
    """The behaviours whose results count now: the analysers' and the layer reader's own.

    Args:
        limits: caps that decide what is found; None for the defaults.
        secrets: with the search for secrets.
    """
    chosen = limits or Limits()
    # A layer that hit a cap is read again once the cap is another.
    caps = [f"{each.name}={getattr(chosen, each.name)}" for each in fields(Limits) if each.name not in _ANALYSERS_CAPS]
    # Rows of another version of a dataset, or hashed otherwise, are none to begin from either.
    meaning = " ".join((*caps, COMPOSITION_RECIPE, *(f"{dataset.name}/{dataset.version}" for dataset in DATASETS)))
    reader = fingerprint("layers", READER_VERSION, meaning)
    return selection_of(secrets=secrets).fingerprints(chosen, reader, f"layers/{READER_VERSION}")


def analyse_layers(batch: LayerBatch, archive: ArchiveLocation) -> AnalysisReceipt:
    """Analyse a batch of layers and write their records.

    Args:
        batch: the layers.
        archive: where to.

    Returns:
        How each layer ended, in the order of their digests, and the objects that hold the records of those that did not fail.

    Raises:
        StoreError: the archive cannot be written; nothing of the batch counts then.
    """
    prints = fingerprints(batch.limits, secrets=batch.secrets)
    tasks = {task.digest: task for task in batch.tasks}
    with (
        closing(open_store(archive)) as store,
        RecordWriter(store, batch.month, store.scratch) as writer,
    ):
        ended = [_analyse(tasks[digest], batch, store, writer, prints) for digest in sorted(tasks)]
        written = writer.close()
    receipts = tuple(_with_objects(receipt, merged, written) for receipt, merged in ended)
    kept = {each.key: each for _, merged in ended if merged for each in merged.kept}
    # What was found with the search is what would have been found without it, and more.
    also = (fingerprints(batch.limits).id,) if batch.secrets else ()
    return AnalysisReceipt(prints.id, receipts, written, tuple(kept[key] for key in sorted(kept)), also)


def _with_objects(receipt: LayerReceipt, merged: Merged | None, written: tuple[ObjectReceipt, ...]) -> LayerReceipt:
    """A receipt that names the objects which hold the layer's rows."""
    if merged is None:
        keys = [each.key for each in written]
    else:
        fresh = {LAYERS.name, *(dataset.name for dataset in merged.changed)}
        keys = [*(each.key for each in written if each.dataset in fresh), *(each.key for each in merged.kept)]
    return receipt if receipt.outcome is LayerOutcome.FAILED else replace(receipt, objects=tuple(keys))


def _analyse(
    task: LayerTask, batch: LayerBatch, store: Store, writer: RecordWriter, prints: FingerprintSet
) -> tuple[LayerReceipt, Merged | None]:
    """Analyse one layer, from a former result where there is one that tells enough."""
    started = time.process_time()
    try:
        again = _analyse_again(task, batch, store, prints)
        merged, receipt = again or (None, LayerReceipt(task.digest, LayerOutcome.FAILED, BYTES_NEEDED))
        if merged is not None:
            writer.append_again(merged.layer_row(task.digest, prints), merged.fresh, merged.fresh_problems)
        elif task.location is not None:
            receipt = _analyse_whole(task, task.location, batch, store, writer, prints)
    except (SourceError, BlobError, LayerError) as error:
        return failed_receipt(task, error, time.process_time() - started), None
    return replace(receipt, cpu_seconds=time.process_time() - started), merged


def _analyse_again(
    task: LayerTask, batch: LayerBatch, store: Store, prints: FingerprintSet
) -> tuple[Merged, LayerReceipt] | None:
    """The result made from a former one; None where the layer is to be analysed as a whole."""
    if task.former is None or task.notes:
        return None
    try:
        selection = selection_of(secrets=batch.secrets)
        again = Reanalysis(store, task.digest, task.former, selection=selection, prints=prints, limits=batch.limits)
        if not again.possible or (again.needs_bytes and task.location is None):
            return None
        if not again.needs_bytes or task.location is None:
            merged = again.from_rows()
            return None if merged is None else (merged, _receipt_of(task.digest, merged))
        read = partial(again.from_bytes, size=task.size)
        done = read_blob(task.location, task.digest, task.size, batch.access, read)
    except (ObjectMissing, ObjectCorrupt, ObjectTooNew):
        return None  # what was known is lost, and is found again
    if done.value is None:
        return None
    receipt = _receipt_of(task.digest, done.value)
    return done.value, replace(
        receipt,
        effort=Effort.CHANGED,
        bytes_cached=receipt.size if done.cached else 0,
        cache_trouble=done.cache_trouble,
    )


def _receipt_of(digest: str, merged: Merged) -> LayerReceipt:
    """The receipt of a layer for which no byte was read."""
    row = merged.former_row
    outcome, reason, detail = _ending(merged.problems)
    return LayerReceipt(
        layer=digest,
        outcome=outcome,
        reason=reason,
        detail=detail,
        verified=True,
        composition_hash=merged.composition_hash,
        size=row["size"],
        tar_size=row["tar_size"],
        entries=row["entries"],
        packages=merged.packages,
        problems=len(merged.problems),
        effort=Effort.ROWS,
    )


def _analyse_whole(
    task: LayerTask,
    location: BlobLocation,
    batch: LayerBatch,
    store: Store,
    writer: RecordWriter,
    prints: FingerprintSet,
) -> LayerReceipt:
    analyse = partial(
        analyse_stream,
        digest=task.digest,
        size=task.size,
        selection=selection_of(secrets=batch.secrets),
        limits=batch.limits,
        scratch=store.scratch,
        notes=task.notes,
    )
    done = read_blob(location, task.digest, task.size, batch.access, analyse)
    with closing(done.value) as records:
        writer.append(records, prints)
    return _done(done)


def failed_receipt(task: LayerTask, error: LongshoreError, seconds: float) -> LayerReceipt:
    """The receipt of a layer that could not be read.

    Args:
        task: the layer.
        error: what went wrong.
        seconds: CPU time that it took all the same.
    """
    return LayerReceipt(
        layer=task.digest,
        outcome=LayerOutcome.FAILED,
        reason=error.reason,
        detail=str(error),
        retry=error.retry,
        verified=isinstance(error, LayerError),
        cpu_seconds=seconds,
        retry_after=error.retry_after if isinstance(error, RegistryBusy) else None,
    )


def _done(done: BlobRead[LayerRecords]) -> LayerReceipt:
    records = done.value
    outcome, reason, detail = _ending(records.evidence.problems)
    return LayerReceipt(
        layer=records.digest,
        outcome=outcome,
        reason=reason,
        detail=detail,
        verified=True,
        composition_hash=records.composition_hash,
        size=records.size,
        tar_size=records.tar_size,
        entries=records.entries.rows,
        packages=records.evidence.packages.num_rows,
        problems=len(records.evidence.problems),
        bytes_cached=records.size if done.cached else 0,
        cache_trouble=done.cache_trouble,
    )


def _ending(problems: Sequence[Problem]) -> tuple[LayerOutcome, str, str]:
    """How a layer with these problems ends: outcome, reason and detail of the first because of which evidence is missing."""
    lost = [problem for problem in problems if problem.partial]
    if not lost:
        return LayerOutcome.COMPLETE, "", ""
    more = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
    first = lost[0]
    return LayerOutcome.PARTIAL, first.reason, f"{first.path or 'the layer'}: {first.detail or first.reason}{more}"
