"""Facts: the Parquet objects of the archive, written once and named by what their rows say.

A writer takes rows in the order of the dataset's key, hashes and writes them as they come (at most one row group is in
memory), and at the end puts the file under the key that the hash gives. The same rows give the same key, whatever
batches they came in, so work done twice is stored once. The footer says which dataset and schema version it is, and the
hash: an object found alone can be read and checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.errors import ObjectCorrupt, ObjectMissing, ObjectTooNew
from catalog.keys import object_key, parse_object_key
from catalog.receipts import ObjectReceipt
from catalog.rows import RowHasher
from catalog.schemas import DATASETS, Dataset
from catalog.store.interface import Store
from catalog.store.scratch import ScratchFile, file_errors

__all__ = ["FactWriter", "RowHasher", "read_facts", "read_facts_many"]

ROW_GROUP_ROWS = 16_384
"""Rows of a row group, until compaction makes larger ones: what a writer holds in memory follows this."""
ROW_GROUP_BYTES = 32 << 20
"""Bytes in memory at which a row group is closed early."""

_MOST_PIECES = 256
_DATASET, _VERSION, _HASH = b"longshore.dataset", b"longshore.version", b"longshore.content_hash"


class FactWriter:
    """Writes one object of a dataset; as a context manager it is aborted at the end of a block that did not close it.

    Args:
        store: where to.
        dataset: whose rows they are.
        month: `YYYY-MM`, the one the work was planned in.
        scratch: directory for the unfinished file; None for the store's own.
    """

    def __init__(self, store: Store, dataset: Dataset, *, month: str, scratch: Path | None = None) -> None:
        self.dataset = dataset
        self.rows = 0
        self._store = store
        self._month = month
        self._scratch = scratch or store.scratch
        self._hasher = RowHasher(dataset.name, dataset.version, dataset.schema.names)
        self._order = _OrderCheck(dataset)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._file: ScratchFile | None = None
        self._parquet: pq.ParquetWriter | None = None

    def append(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append rows.

        Args:
            rows: all columns of the dataset, in any order, of its types or of ones that cast to them without loss.

        Raises:
            ValueError: a column is missing or of another type, or the rows are not in the order of the dataset's key.
            StoreError: the scratch file cannot be written; StoreFull when the disk is full.
        """
        table = _conform(rows, self.dataset)
        while table.num_rows:
            piece = table.slice(0, ROW_GROUP_ROWS - self._waiting_rows)
            table = table.slice(piece.num_rows)
            if len(self._waiting) == _MOST_PIECES:
                # A table has a price of its own, whatever it holds.
                self._waiting = [pa.concat_tables(self._waiting).combine_chunks()]
            self._waiting.append(piece)
            self._waiting_rows += piece.num_rows
            self._waiting_bytes += piece.nbytes
            if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
                self._flush()

    def close(self) -> ObjectReceipt | None:
        """Put the object into the store.

        Returns:
            Its receipt; None where there was no row, and so no object.

        Raises:
            ValueError: the rows are not in the order of the dataset's key.
            StoreError: it cannot be written.
        """
        try:
            self._flush()
            if self._parquet is None or self._file is None:
                return None
            content_hash = self._hasher.digest().hex()
            with file_errors(self._file.path):
                self._parquet.add_key_value_metadata({_HASH.decode(): content_hash})
                self._parquet.close()
                size = os.fstat(self._file.descriptor).st_size
            key = object_key(self.dataset.name, content_hash, self._month, self.dataset.retention)
            if not self._store.put_if_absent(key, self._file.path):
                if _holds(self._store, key, self.dataset, content_hash):
                    # Another version of the writer may have encoded the same rows in another number of bytes.
                    found = self._store.stat(key)
                    size = size if found is None else found.size
                else:  # damaged, or not what its name says: what was just written is
                    self._store.delete(key)
                    self._store.put_if_absent(key, self._file.path)
            return ObjectReceipt(self.dataset.name, key, content_hash, self.rows, size)
        finally:
            self.abort()

    def abort(self) -> None:
        """Forget everything; also after `close`, where it does nothing."""
        self._waiting.clear()
        parquet, self._parquet = self._parquet, None
        file, self._file = self._file, None
        if parquet is not None and parquet.is_open:
            parquet.is_open = False  # the footer of a file that nobody will see need not be written, nor fail
        if file is not None:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.abort()

    def _flush(self) -> None:
        if not self._waiting_rows:
            return
        table = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting.clear()
        self._waiting_rows = self._waiting_bytes = 0
        self._order.check(table)
        self._hasher.update(table)
        self.rows += table.num_rows
        if self._file is None:
            self._file = ScratchFile(self._scratch, ".parquet")
        with file_errors(self._file.path):
            if self._parquet is None:
                self._parquet = _open_parquet(self._file.path, self.dataset)
            self._parquet.write_table(table, row_group_size=ROW_GROUP_ROWS)


def read_facts(
    store: Store, key: str, *, columns: Sequence[str] | None = None, where: pc.Expression | None = None
) -> pa.Table:
    """Read one object's rows, in their order.

    Args:
        store: where from.
        key: the object's key.
        columns: names of the columns wanted, None for all.
        where: condition on the rows, as in `pc.field("layer") == digest`; row groups that cannot hold such rows are not
            read.

    Raises:
        ObjectMissing: there is no such object.
        ObjectTooNew: its schema version is newer than this Longshore knows.
        ObjectCorrupt: it is no Parquet file, or not of the dataset that its key names.
        StoreError: the store fails.
        KeyError: the dataset has no such column.
    """
    found = parse_object_key(key)
    if found is None or found.dataset not in DATASETS:
        raise ObjectCorrupt("the key names no dataset", where=key)
    dataset = DATASETS[found.dataset]
    try:
        try:
            return _read(store.local_copy(key), key, dataset, columns, where)
        except FileNotFoundError:
            # The copy was dropped between being had and being opened, to make room for another process's.
            return _read(store.local_copy(key), key, dataset, columns, where)
    except FileNotFoundError:
        raise ObjectMissing("it went away while it was read", where=key) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            with file_errors(key):
                raise
        raise ObjectCorrupt(f"cannot be read as Parquet ({error})", where=key) from error


def read_facts_many(
    store: Store,
    keys: Iterable[str],
    *,
    columns: Sequence[str] | None = None,
    where: pc.Expression | None = None,
    dataset: Dataset | None = None,
) -> pa.Table:
    """Read the rows of several objects of one dataset, one object after the other.

    Args:
        store: where from.
        keys: the objects' keys.
        columns: names of the columns wanted, None for all.
        where: condition on the rows.
        dataset: whose rows they are; needed only where there may be no key at all.

    Raises:
        ValueError: no key and no dataset.
        StoreError: as `read_facts`.
    """
    tables = [read_facts(store, key, columns=columns, where=where) for key in keys]
    if tables:
        return pa.concat_tables(tables)
    if dataset is None:
        raise ValueError("without a key the dataset must be given")
    empty: pa.Table = dataset.schema.empty_table()
    return empty if columns is None else empty.select(list(columns))


def _holds(store: Store, key: str, dataset: Dataset, content_hash: str) -> bool:
    """Whether an object has the rows that its name promises."""
    hasher = RowHasher(dataset.name, dataset.version, dataset.schema.names)
    try:
        with pq.ParquetFile(store.local_copy(key), page_checksum_verification=True) as file:
            for batch in file.iter_batches(ROW_GROUP_ROWS, use_threads=False):
                hasher.update(_conform(batch, dataset))
    except (pa.ArrowException, OSError, ValueError, ObjectMissing):
        return False
    return hasher.digest().hex() == content_hash


def _read(
    path: Path, key: str, dataset: Dataset, columns: Sequence[str] | None, where: pc.Expression | None
) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return _read_file(file, path, key, dataset, columns, where)


def _read_file(
    file: pq.ParquetFile,
    path: Path,
    key: str,
    dataset: Dataset,
    columns: Sequence[str] | None,
    where: pc.Expression | None,
) -> pa.Table:
    footer = file.metadata.metadata or {}
    if footer.get(_DATASET, b"").decode("utf-8", "replace") != dataset.name:
        raise ObjectCorrupt(f"holds no {dataset.name}", where=key)
    version = footer.get(_VERSION, b"")
    if not version.isdigit():
        raise ObjectCorrupt("has no schema version", where=key)
    if int(version) > dataset.version:
        raise ObjectTooNew(
            f"has schema version {int(version)} of {dataset.name}, and only {dataset.version} is known here",
            where=key,
            advice="upgrade Longshore",
        )
    names = dataset.schema.names if columns is None else columns
    expected = pa.schema([dataset.schema.field(name) for name in names])
    wanted = None if columns is None else list(columns)
    if where is None and set(names) <= set(file.schema_arrow.names):
        # What `read_table` does for many files and conditions takes as long as decoding.
        table = file.read(columns=wanted, use_threads=False).select(list(names))
    else:
        table = pq.read_table(path, columns=wanted, filters=where, page_checksum_verification=True)
    table = table.replace_schema_metadata(None)
    if int(version) == dataset.version and not table.schema.equals(expected):
        raise ObjectCorrupt(f"has other columns than {dataset.name}", where=key)
    return table


def _conform(rows: pa.Table | pa.RecordBatch, dataset: Dataset) -> pa.Table:
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    if table.schema.equals(dataset.schema):
        return table
    missing = [name for name in dataset.schema.names if name not in table.column_names]
    if missing:
        raise ValueError(f"rows of {dataset.name} lack {', '.join(missing)}")
    return table.select(dataset.schema.names).cast(dataset.schema)


def _open_parquet(path: Path, dataset: Dataset) -> pq.ParquetWriter:
    footer = {_DATASET: dataset.name.encode(), _VERSION: str(dataset.version).encode()}
    # Neighbouring paths share their beginnings, and ordinals their differences; half the size and half the time of a
    # dictionary. Everything else repeats itself, which is what dictionaries are for.
    deltas = {
        field.name: "DELTA_BYTE_ARRAY" if pa.types.is_string(field.type) else "DELTA_BINARY_PACKED"
        for field in dataset.schema
        if field.name in ("path", "target", "ordinal", "size")
    }
    return pq.ParquetWriter(
        path,
        dataset.schema.with_metadata(footer),
        compression="zstd",
        compression_level=3,
        write_page_checksum=True,
        use_dictionary=[leaf for field in dataset.schema if field.name not in deltas for leaf in _leaves(field)],
        column_encoding=deltas,
    )


def _leaves(field: pa.Field) -> list[str]:
    # Names of Parquet's own columns inside an Arrow column ("Nested Types" in Parquet's LogicalTypes.md).
    if pa.types.is_list(field.type):
        return [f"{field.name}.list.element"]
    if pa.types.is_map(field.type):
        return [f"{field.name}.key_value.key", f"{field.name}.key_value.value"]
    return [field.name]


class _OrderCheck:
    """Refuses rows that are not in the order of the dataset's key: the same rows would get another name."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._last: pa.Table | None = None

    def check(self, table: pa.Table) -> None:
        keys = table.select(list(self._dataset.key))
        if self._last is not None:
            keys = pa.concat_tables([self._last, keys]).combine_chunks()
        self._last = keys.slice(keys.num_rows - 1)
        if keys.num_rows > 1 and not _in_order(keys):
            raise ValueError(f"rows of {self._dataset.name} are not in the order of {', '.join(self._dataset.key)}")


def _in_order(keys: pa.Table) -> bool:
    """Whether rows ascend (equal ones allowed), nulls last as Arrow sorts them."""
    undecided = None
    for name in keys.column_names:
        column = keys.column(name)
        above, below = column[:-1], column[1:]
        if column.null_count:
            rises = pc.if_else(pc.is_null(below), pc.is_valid(above), pc.fill_null(pc.less(above, below), False))
            level = pc.if_else(pc.is_null(below), pc.is_null(above), pc.fill_null(pc.equal(above, below), False))
        else:
            rises, level = pc.less(above, below), pc.equal(above, below)
        settled = pc.or_(rises, level)
        if undecided is not None:
            settled, level = pc.or_(settled, pc.invert(undecided)), pc.and_(level, undecided)
        if not pc.all(settled).as_py():
            return False
        if not pc.any(level).as_py():
            return True
        undecided = level
    return True
