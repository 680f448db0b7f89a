"""Rows that must wait: a layer's rows may be written only when its digest is known to be right, which is at its last byte."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from catalog.store.scratch import file_errors


class RowSpool:
    """Keeps record batches, in memory up to a cap and beyond it in a nameless scratch file.

    Args:
        schema: of the batches.
        memory_bytes: the cap.
        scratch: directory for the file.
    """

    def __init__(self, schema: pa.Schema, memory_bytes: int, scratch: Path) -> None:
        self._schema = schema
        self._room = memory_bytes
        self._scratch = scratch
        self._batches: list[pa.RecordBatch] = []
        self._file: IO[bytes] | None = None
        self._writer: pa.RecordBatchStreamWriter | None = None
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep a batch.

        Raises:
            StoreFull: no space is left for the scratch file.
            StoreError: it cannot be written.
        """
        self.rows += batch.num_rows
        if self._writer is None:
            self._batches.append(batch)
            self._room -= batch.nbytes
            if self._room < 0:
                self._move_out()
            return
        with file_errors(self._scratch):
            self._writer.write_batch(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All batches in their order, once; the spool takes no more.

        Raises:
            StoreError: the scratch file cannot be written or read.
        """
        if self._writer is None or self._file is None:
            batches, self._batches = self._batches, []
            yield from batches
            return
        with file_errors(self._scratch):
            self._writer.close()
            self._file.seek(0)
            with pa.ipc.open_stream(self._file) as reader:
                yield from reader

    def close(self) -> None:
        """Forget everything."""
        self._batches.clear()
        self._writer = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _move_out(self) -> None:
        with file_errors(self._scratch):
            self._scratch.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - closed by close()
            self._writer = pa.ipc.new_stream(self._file, self._schema)
            for batch in self._batches:
                self._writer.write_batch(batch)
        self._batches.clear()
