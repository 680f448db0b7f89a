"""Layers read once more, for files that only a link in a composed image makes evidence.

The first pass kept nothing of these files but their entries. The second one is like it in everything (limits, digest, links,
what a later entry replaces), but wants the named files alone and writes rows of them alone, under the paths that they have in
the layer.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import pyarrow.compute as pc

from catalog.errors import BlobError, LayerError, SourceError
from catalog.identities import hash_fields
from catalog.receipts import LayerNeed, LayerReceipt, NeedReceipt, RereadReceipt
from catalog.rows import RowHasher
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import open_store
from tasks.analyzers.selection import DEFAULT
from tasks.blobs import BlobStream, read_blob
from tasks.layers.analysis import LayerBatch, LayerTask, failed_receipt
from tasks.layers.blob import BlobReader
from tasks.layers.chunks import EntryChunk
from tasks.layers.evidence import Evidence, EvidenceBook
from tasks.layers.layer import COMPOSITION_COLUMNS, walk_blob
from tasks.layers.named_files import NamedFiles
from tasks.layers.records import RecordWriter

REREAD_RECIPE = "reread-file/2"
"""Tag of the hash over what composition reads of such a file."""


@dataclass(frozen=True, slots=True)
class RereadBatch:
    """Layers that one worker reads once more.

    Args:
        layers: these layers, and how to read them.
        needs: files of these layers; of a layer's files, no path twice.
    """

    layers: LayerBatch
    needs: tuple[LayerNeed, ...]


def reread_layers(batch: RereadBatch, archive: ArchiveLocation) -> RereadReceipt:
    """Read layers once more and write what their named files hold.

    Args:
        batch: the layers and the files.
        archive: where to.

    Returns:
        How reading each layer ended, in the order of their digests; the files that were found; the objects with their rows.
        A file that is not in its layer, or is a link there to one that is not named, is not among the files.

    Raises:
        StoreError: the archive cannot be written; nothing of the batch counts then.
    """
    needs: dict[str, list[LayerNeed]] = {}
    for need in sorted(batch.needs, key=lambda need: (need.layer, need.path)):
        needs.setdefault(need.layer, []).append(need)
    tasks = {task.digest: task for task in batch.layers.tasks}
    receipts: list[LayerReceipt] = []
    files: list[NeedReceipt] = []
    with (
        closing(open_store(archive)) as store,
        RecordWriter(store, batch.layers.month, store.scratch) as writer,
    ):
        for digest in sorted(tasks):
            started = time.process_time()
            wanted = needs.get(digest, [])
            location = tasks[digest].location
            assert location is not None, "a layer that is read once more lies somewhere"
            try:
                read = partial(_read, task=tasks[digest], batch=batch.layers, needs=wanted)
                done = read_blob(location, digest, tasks[digest].size, batch.layers.access, read)
            except (SourceError, BlobError, LayerError) as error:
                receipts.append(failed_receipt(tasks[digest], error, time.process_time() - started))
                continue
            evidence, size = done.value
            writer.append_evidence(digest, evidence)
            files += _found(evidence, wanted)
            receipts.append(
                LayerReceipt(
                    digest,
                    LayerOutcome.COMPLETE,
                    verified=True,
                    size=size,
                    cpu_seconds=time.process_time() - started,
                    bytes_cached=size if done.cached else 0,
                    cache_trouble=done.cache_trouble,
                )
            )
        return RereadReceipt(tuple(receipts), tuple(files), writer.close())


def _read(stream: BlobStream, task: LayerTask, batch: LayerBatch, needs: list[LayerNeed]) -> tuple[Evidence, int]:
    """What the named files of a layer hold, and the layer's compressed bytes."""
    selection = NamedFiles(DEFAULT, {need.path: need.wanted for need in needs})
    book = EvidenceBook(selection, batch.limits)
    blob = BlobReader(stream, task.digest, task.size)
    walk_blob(blob, selection, book, batch.limits, _forget)
    evidence = book.settle()
    # What is odd about the rest of the layer was said by the first pass; a limit that ended this one concerns every file.
    named = {need.path for need in needs}
    problems = [p for p in evidence.problems if p.path in named or (p.partial and not p.path)]
    return replace(evidence, problems=problems), blob.count


def _forget(_chunk: EntryChunk) -> None:
    """The entries were recorded by the first pass."""


def _found(evidence: Evidence, needs: list[LayerNeed]) -> list[NeedReceipt]:
    states: dict[str, set[str]] = {}
    rows = evidence.evidence
    for path, state in zip(rows["path"].to_pylist(), rows["state"].to_pylist(), strict=True):
        states.setdefault(path, set()).add(state)
    return [_receipt(evidence, need, states[need.path]) for need in needs if states.get(need.path, set()) - {"link"}]


def _receipt(evidence: Evidence, need: LayerNeed, states: set[str]) -> NeedReceipt:
    loss = next((problem for problem in evidence.problems if problem.partial and problem.path in ("", need.path)), None)
    digests = []
    for dataset, rows in evidence.facts.items():
        hasher = RowHasher(dataset.name, dataset.version, COMPOSITION_COLUMNS[dataset])
        hasher.update(rows.filter(pc.field("path") == need.path))
        digests.append(hasher.digest())
    rows_hash = hash_fields(REREAD_RECIPE, *digests, size=32)
    if loss is not None:
        return NeedReceipt(need, rows_hash, loss.reason, f"{need.path}: {loss.detail or loss.reason}")
    unread = sorted(states - {"read"})
    return NeedReceipt(need, rows_hash, unread[0] if unread else "", need.path if unread else "")
