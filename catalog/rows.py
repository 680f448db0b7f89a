"""The hash that names rows: over what they say, never over how they happened to be held.

Each column is turned into streams of bytes, and each stream is hashed as the rows come; at the end the streams' hashes are
hashed together. Because a stream is only ever appended to, neither the borders of batches nor the chunks and dictionary
encoding of a column can be told from the result. No row is ever touched in Python: the streams are Arrow's own buffers.

    nulls      positions of null values, eight bytes each
    values     of what is not null: fixed-width values as they lie in memory (little-endian)
    text       lengths, four bytes each, and all bytes one after the other; a value equal to the one before it is left out,
               and `runs` holds the positions where such repetition begins and ends (the layer's digest on each of its
               entries would cost more than everything else)
    lists      lengths, four bytes each, and the streams of their elements; maps have those of keys and of items
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ROWS_RECIPE = "rows/1"
"""The recipe's version, part of every hash."""


class RowHasher:
    """Hashes rows as they come, in their order.

    Args:
        dataset_name: whose rows they are.
        version: the dataset's schema version.
        columns: names of the columns that count, in any order; each must be in what is passed to `update`.
    """

    def __init__(self, dataset_name: str, version: int, columns: Sequence[str]) -> None:
        self.rows = 0
        self._name = dataset_name
        self._version = version
        self._columns = {name: _Column() for name in sorted(columns)}

    def update(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Append rows.

        Args:
            batch: has all the columns, of the same types each time (a dictionary counts as its values' type).

        Raises:
            KeyError: a column is missing.
            ValueError: a column changed its type.
            TypeError: a type that no dataset has.
        """
        for name, column in self._columns.items():
            values = batch.column(name)
            for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else (values,):
                column.update(chunk)
        self.rows += batch.num_rows

    def digest(self) -> bytes:
        """32 bytes over dataset, version, names of the columns and all rows so far; more rows may follow."""
        total = hashlib.blake2b(digest_size=32)
        for text in (ROWS_RECIPE, self._name, str(self._version), str(self.rows), *self._columns):
            data = text.encode()
            total.update(len(data).to_bytes(8, "little") + data)
        for column in self._columns.values():
            total.update(column.digest())
        return total.digest()


class _Column:
    """One column, or the elements of a list."""

    def __init__(self) -> None:
        self.kind = ""
        self.count = 0
        self.nulls = _stream()
        self.values: _Fixed | _Text | _List | None = None

    def update(self, array: pa.Array) -> None:
        if isinstance(array, pa.DictionaryArray):
            array = array.dictionary_decode()
        if array.null_count:
            positions = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)) + self.count
            self.nulls.update(positions.astype("<u8").data)
        self.count += len(array)
        if array.null_count:
            array = array.drop_null()
        if len(array):
            kind, values = _values_of(array.type)
            if self.values is None:
                self.kind, self.values = kind, values
            elif self.kind != kind:
                raise ValueError(f"a column of {self.kind} cannot go on as {kind}")
            self.values.update(array)

    def digest(self) -> bytes:
        total = _stream()
        total.update(self.count.to_bytes(8, "little") + self.nulls.digest())
        if self.values is not None:
            total.update(self.kind.encode() + b"\0" + self.values.digest())
        return total.digest()


class _Fixed:
    """Values of fixed width."""

    def __init__(self) -> None:
        self.bytes = _stream()

    def update(self, array: pa.Array) -> None:
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        width = array.type.bit_width // 8
        self.bytes.update(memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width])

    def digest(self) -> bytes:
        return self.bytes.digest()


class _Text:
    """Texts or bytes, without immediate repetitions."""

    def __init__(self) -> None:
        self.lengths = _stream()
        self.bytes = _stream()
        self.runs = _stream()
        self.count = 0
        self.last: bytes | None = None
        self.repeating = False

    def update(self, array: pa.Array) -> None:
        offsets, data = _offsets(array), _data(array)
        lengths = np.diff(offsets)
        repeats = np.zeros(len(array), dtype=np.bool_)
        repeats[0] = self.last == bytes(data[int(offsets[0]) : int(offsets[1])])
        if (lengths[1:] == lengths[:-1]).any():
            repeats[1:] = pc.equal(array[1:], array[:-1]).to_numpy(zero_copy_only=False)
        self.last = bytes(data[int(offsets[-2]) : int(offsets[-1])])
        # Small tables are many, and most of their columns repeat nothing.
        if self.repeating or repeats.any():
            turns = np.flatnonzero(np.diff(repeats, prepend=self.repeating)) + self.count
            self.runs.update(turns.astype("<u8").data)
            # A column of one text is as frequent as one of many.
            array = array[: 1 - int(repeats[0])] if repeats[1:].all() else array.filter(pa.array(~repeats))
            offsets, data = _offsets(array), _data(array)
            lengths = np.diff(offsets)
        self.count, self.repeating = self.count + len(repeats), bool(repeats[-1])
        self.lengths.update(lengths.astype("<u4").data)
        self.bytes.update(data[int(offsets[0]) : int(offsets[-1])])

    def digest(self) -> bytes:
        total = _stream()
        total.update(self.count.to_bytes(8, "little"))
        total.update(self.runs.digest() + self.lengths.digest() + self.bytes.digest())
        return total.digest()


class _List:
    """Lists, or maps as lists of keys and of items."""

    def __init__(self, children: int) -> None:
        self.lengths = _stream()
        self.children = tuple(_Column() for _ in range(children))

    def update(self, array: pa.Array) -> None:
        offsets = _offsets(array)
        self.lengths.update(np.diff(offsets).astype("<u4").data)
        parts = (array.keys, array.items) if isinstance(array, pa.MapArray) else (array.values,)
        start, length = int(offsets[0]), int(offsets[-1] - offsets[0])
        for child, part in zip(self.children, parts, strict=True):
            child.update(part.slice(start, length))

    def digest(self) -> bytes:
        total = _stream()
        total.update(self.lengths.digest())
        for child in self.children:
            total.update(child.digest())
        return total.digest()


def _stream() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=32)


def _offsets(array: pa.Array) -> npt.NDArray[np.int32 | np.int64]:
    large = (
        pa.types.is_large_string(array.type)
        or pa.types.is_large_binary(array.type)
        or pa.types.is_large_list(array.type)
    )
    offsets: npt.NDArray[np.int32 | np.int64] = np.frombuffer(array.buffers()[1], dtype=np.int64 if large else np.int32)
    return offsets[array.offset : array.offset + len(array) + 1]


def _data(array: pa.Array) -> memoryview:
    data = array.buffers()[2]
    return memoryview(b"" if data is None else data)


def _values_of(kind: pa.DataType) -> tuple[str, _Fixed | _Text | _List]:
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        return "text", _Text()
    if types.is_binary(kind) or types.is_large_binary(kind):
        return "bytes", _Text()
    if types.is_map(kind):
        return "map", _List(2)
    if types.is_list(kind) or types.is_large_list(kind):
        return "list", _List(1)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return str(kind), _Fixed()
    raise TypeError(f"no dataset has columns of {kind}")
