"""A batch of layers: the unit of work that a worker runs.

One layer's failure is a value in the receipt and touches no other; only a store that fails takes the batch with it.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, fields

from catalog.errors import BlobError, LayerError, LongshoreError, RegistryBusy, SourceError
from catalog.identities import fingerprint
from catalog.images import BlobLocation
from catalog.limits import Limits
from catalog.problems import Problem
from catalog.receipts import AnalysisReceipt, LayerReceipt
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import open_store
from catalog.store.interface import Store
from tasks.analyzers.selection import DEFAULT, FingerprintSet
from tasks.blobs import open_blob
from tasks.layers.layer import LayerRecords, analyse_stream
from tasks.layers.records import RecordWriter
from tasks.transport import RegistryAccess

READER_VERSION = 1
"""Bumped when the walker's rows change their meaning."""
_NO_CAPS = frozenset({"text_bytes", "json_bytes", "content_bytes", "spool_bytes"})
"""Limits that decide nothing of what the reader finds."""


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer to analyse.

    Args:
        digest: of its blob.
        size: bytes of it; -1 where nobody knows.
        location: where they lie.
        notes: problems known before any byte is read (a tree's unread places).
    """

    digest: str
    size: int
    location: BlobLocation
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerBatch:
    """Layers that one worker analyses, one after the other.

    Args:
        tasks: in any order; a digest that comes twice is analysed once.
        month: `YYYY-MM` of the plan.
        limits: caps.
        access: how registries are spoken to.
    """

    tasks: tuple[LayerTask, ...]
    month: str
    limits: Limits
    access: RegistryAccess


def fingerprints(limits: Limits | None = None) -> FingerprintSet:
    """The behaviours whose results count now: the analysers' and the layer reader's own.

    Args:
        limits: caps that decide what is found; None for the defaults.
    """
    chosen = limits or Limits()
    # A layer that hit a cap is read again once the cap is another; the analysers' own caps stand in their fingerprints.
    caps = " ".join(f"{each.name}={getattr(chosen, each.name)}" for each in fields(Limits) if each.name not in _NO_CAPS)
    return DEFAULT.fingerprints(chosen, fingerprint("layers", READER_VERSION, caps), f"layers/{READER_VERSION}")


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
    prints = fingerprints(batch.limits)
    tasks = {task.digest: task for task in batch.tasks}
    with (
        closing(open_store(archive)) as store,
        RecordWriter(store, batch.month, store.scratch) as writer,
    ):
        receipts = tuple(_analyse(tasks[digest], batch, store, writer, prints) for digest in sorted(tasks))
        return AnalysisReceipt(prints.id, receipts, writer.close())


def _analyse(
    task: LayerTask, batch: LayerBatch, store: Store, writer: RecordWriter, prints: FingerprintSet
) -> LayerReceipt:
    started = time.process_time()
    try:
        with open_blob(task.location, task.digest, task.size, batch.access) as stream:
            records = analyse_stream(
                stream,
                task.digest,
                task.size,
                selection=DEFAULT,
                limits=batch.limits,
                scratch=store.scratch,
                notes=task.notes,
            )
    except (SourceError, BlobError, LayerError) as error:
        return failed_receipt(task, error, time.process_time() - started)
    with closing(records):
        writer.append(records, prints)
    return _done(records, time.process_time() - started)


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


def _done(records: LayerRecords, seconds: float) -> LayerReceipt:
    loss = records.loss
    others = sum(problem.partial for problem in records.evidence.problems) - 1
    return LayerReceipt(
        layer=records.digest,
        outcome=records.outcome,
        reason=loss.reason if loss else "",
        detail=_missing(loss, others) if loss else "",
        verified=True,
        composition_hash=records.composition_hash,
        size=records.size,
        tar_size=records.tar_size,
        entries=records.entries.rows,
        packages=records.evidence.packages.num_rows,
        problems=len(records.evidence.problems),
        cpu_seconds=seconds,
    )


def _missing(loss: Problem, others: int) -> str:
    more = f", and {others} more" if others else ""
    return f"{loss.path or 'the layer'}: {loss.detail or loss.reason}{more}"
