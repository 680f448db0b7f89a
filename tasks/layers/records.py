"""Writing layers' records: one object per dataset for a batch of layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from catalog.facts import FactWriter
from catalog.problems import Problem
from catalog.receipts import ObjectReceipt
from catalog.schemas import (
    ATTRIBUTES,
    CONTENTS,
    ENTRIES,
    EVIDENCE,
    LAYERS,
    OWNED_PATHS,
    PACKAGES,
    PRIVILEGED,
    PROBLEMS,
    SECRETS,
    Dataset,
)
from catalog.store.interface import Store
from tasks.analyzers.selection import FingerprintSet
from tasks.layers.evidence import Evidence, without_layer
from tasks.layers.layer import LayerRecords

DATASETS = (LAYERS, ENTRIES, ATTRIBUTES, EVIDENCE, PACKAGES, CONTENTS, PROBLEMS, PRIVILEGED, OWNED_PATHS, SECRETS)
"""The datasets that a layer's analysis writes."""


class RecordWriter:
    """Writes the records of layers, which must come in the order of their digests. A context manager.

    Args:
        store: where to.
        month: `YYYY-MM` of the plan.
        scratch: directory for unfinished files.
    """

    def __init__(self, store: Store, month: str, scratch: Path) -> None:
        self._writers = {dataset: FactWriter(store, dataset, month=month, scratch=scratch) for dataset in DATASETS}

    def append(self, records: LayerRecords, fingerprints: FingerprintSet) -> None:
        """Write one layer's records.

        Raises:
            StoreError: they cannot be written.
        """
        digest = records.digest
        self._writers[LAYERS].append(_layer_row(records, fingerprints))
        for batch in records.entries.batches():
            self._append(ENTRIES, digest, batch)
            self._append(ATTRIBUTES, digest, batch)
        self.append_evidence(digest, records.evidence)
        self._append(PRIVILEGED, digest, records.privileged)
        self._append(SECRETS, digest, records.secrets)

    def append_again(self, row: pa.Table, fresh: Mapping[Dataset, pa.Table], problems: list[Problem]) -> None:
        """Write what differs from a former result of one layer.

        Args:
            row: the layer's own, of `catalog.schemas.LAYERS`.
            fresh: rows by dataset, without the layer's digest, of those datasets whose former rows count no more.
            problems: likewise; none where the former ones still count.

        Raises:
            StoreError: they cannot be written.
        """
        self._writers[LAYERS].append(row)
        (digest,) = row.column("layer").to_pylist()
        for dataset, rows in fresh.items():
            self._append(dataset, digest, rows)
        self._append(PROBLEMS, digest, _problem_rows(problems))

    def append_evidence(self, digest: str, evidence: Evidence) -> None:
        """Write what was found in a layer's files, and nothing else of it.

        Raises:
            StoreError: it cannot be written.
        """
        for dataset, rows in evidence.facts.items():
            self._append(dataset, digest, rows)
        self._append(PROBLEMS, digest, _problem_rows(evidence.problems))

    def close(self) -> tuple[ObjectReceipt, ...]:
        """Put the objects into the store; a dataset without rows makes none.

        Raises:
            StoreError: they cannot be written.
        """
        receipts = [writer.close() for writer in self._writers.values()]
        return tuple(receipt for receipt in receipts if receipt is not None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.abort()

    def _append(self, dataset: Dataset, digest: str, rows: pa.Table | pa.RecordBatch) -> None:
        if rows.num_rows:
            columns = {name: rows.column(name) for name in dataset.schema.names if name != "layer"}
            columns["layer"] = _repeated(digest, rows.num_rows)
            self._writers[dataset].append(pa.table(columns).select(dataset.schema.names))


def _layer_row(records: LayerRecords, fingerprints: FingerprintSet) -> pa.Table:
    row = {
        "layer": records.digest,
        "fingerprint_set": fingerprints.id,
        "fingerprints": list(fingerprints.names),
        "outcome": records.outcome.value,
        "compression": records.compression,
        "size": records.size,
        "tar_size": records.tar_size,
        "entries": records.entries.rows,
        "packages": records.evidence.packages.num_rows,
        "composition_hash": records.composition_hash,
    }
    return pa.Table.from_pylist([row], schema=LAYERS.schema)


def _problem_rows(problems: list[Problem]) -> pa.Table:
    return pa.table(
        {
            "ordinal": range(len(problems)),
            "path": [problem.path for problem in problems],
            "analyser": [problem.analyser for problem in problems],
            "reason": [problem.reason for problem in problems],
            "detail": [problem.detail for problem in problems],
            "partial": [problem.partial for problem in problems],
        },
        schema=without_layer(PROBLEMS),
    )


def _repeated(value: str, count: int) -> pa.Array:
    """A column of one text; a dictionary keeps it small until it is written."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([value]))
