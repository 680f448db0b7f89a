"""Arrow tables in and out of Postgres by COPY.

In: rows are encoded in Postgres's binary COPY format (documentation, "COPY", "Binary Format") a column at a time with numpy,
never a row at a time in Python. Out: CSV, which Arrow reads in C++ and which keeps NULL and the empty text apart.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

ROWS_AT_ONCE = 50_000
"""Rows encoded in one go: what bounds the memory of a large table."""

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

Bytes = npt.NDArray[np.uint8]
Lengths = npt.NDArray[np.int64]

_SCALARS: dict[pa.DataType, tuple[str, str]] = {
    pa.int8(): ("int2", ">i2"),
    pa.int16(): ("int2", ">i2"),
    pa.int32(): ("int4", ">i4"),
    pa.int64(): ("int8", ">i8"),
    pa.float32(): ("float4", ">f4"),
    pa.float64(): ("float8", ">f8"),
    pa.bool_(): ("bool", "|u1"),
}
_TEXTS: dict[pa.DataType, tuple[str, int]] = {pa.string(): ("text", 25), pa.binary(): ("bytea", 17)}
_INT4_OID = 23


@dataclass(frozen=True, slots=True)
class _Column:
    """One column's values: `offsets[i]:offsets[i + 1]` of `data`; a null has length 0 and is masked."""

    offsets: Lengths
    data: Bytes
    nulls: npt.NDArray[np.bool_] | None

    @property
    def lengths(self) -> Lengths:
        return np.diff(self.offsets)


def postgres_type(kind: pa.DataType) -> str:
    """The Postgres type that takes a column of this Arrow type.

    Raises:
        TypeError: there is none.
    """
    if pa.types.is_dictionary(kind):
        return postgres_type(kind.value_type)
    if pa.types.is_list(kind):
        return postgres_type(kind.value_type) + "[]"
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if kind in _SCALARS:
        return _SCALARS[kind][0]
    if kind in _TEXTS:
        return _TEXTS[kind][0]
    raise TypeError(f"no Postgres type for Arrow's {kind}")


def copy_stream(table: pa.Table) -> io.BufferedReader:
    """A readable stream of the whole table in binary COPY format. NUL in a text becomes U+FFFD, as Postgres allows none."""
    return io.BufferedReader(_Chunks(_encoded(table)), buffer_size=1 << 20)


def read_csv(data: pa.Buffer | bytes, schema: pa.Schema) -> pa.Table:
    """The table that `COPY … TO STDOUT (FORMAT csv)` wrote.

    Args:
        data: the CSV, without a header.
        schema: columns in their order; a binary column must have been selected as `encode(column, 'hex')`.
    """
    if len(data) == 0:
        return schema.empty_table()
    kinds = {field.name: pa.string() if field.type == pa.binary() else field.type for field in schema}
    table = csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(column_names=schema.names),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=kinds,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    columns = [_unhex(table[field.name]) if field.type == pa.binary() else table[field.name] for field in schema]
    return pa.table(columns, schema=schema)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer has no length
        while not self._left:
            try:
                self._left = memoryview(next(self._chunks))
            except StopIteration:
                return 0
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _encoded(table: pa.Table) -> Iterator[bytes]:
    yield _SIGNATURE
    for start in range(0, table.num_rows, ROWS_AT_ONCE):
        piece = table.slice(start, ROWS_AT_ONCE)
        yield _encode_rows([_column(_whole(piece[name])) for name in piece.column_names], piece.num_rows)
    yield _TRAILER


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    array = column.combine_chunks()
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array


def _encode_rows(columns: list[_Column], rows: int) -> bytes:
    # A row is: number of fields (2 bytes), then for each field its length (4 bytes, -1 for NULL) and its bytes.
    sizes = np.full(rows, 2, np.int64)
    for column in columns:
        sizes += 4 + column.lengths
    ends = np.cumsum(sizes)
    out = np.empty(int(ends[-1]), np.uint8)
    position = ends - sizes
    _put(out, position, np.full(rows, len(columns), ">i2"))
    position += 2
    for column in columns:
        lengths = column.lengths
        written = lengths if column.nulls is None else np.where(column.nulls, -1, lengths)
        _put(out, position, written.astype(">i4"))
        position += 4
        _scatter(out, position, column)
        position += lengths
    return out.tobytes()


def _put(out: Bytes, position: Lengths, values: npt.NDArray[np.generic]) -> None:
    width = values.dtype.itemsize
    raw = values.view(np.uint8).reshape(len(values), width)
    for byte in range(width):
        out[position + byte] = raw[:, byte]


def _scatter(out: Bytes, position: Lengths, column: _Column) -> None:
    lengths = column.lengths
    total = int(lengths.sum())
    if not total:
        return
    width = int(lengths[0])
    if width <= 8 and bool((lengths == width).all()):
        raw = column.data[column.offsets[0] : column.offsets[-1]].reshape(-1, width)
        for byte in range(width):
            out[position + byte] = raw[:, byte]
        return
    before = column.offsets[:-1] - column.offsets[0]
    out[np.repeat(position - before, lengths) + np.arange(total)] = column.data[column.offsets[0] : column.offsets[-1]]


def _column(array: pa.Array) -> _Column:
    kind = array.type
    nulls = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if pa.types.is_list(kind):
        return _lists(array, nulls)
    if kind in _TEXTS:
        return _texts(array, nulls)
    if pa.types.is_timestamp(kind):
        micros = array.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).fill_null(0).to_numpy()
        return _fixed((micros - _POSTGRES_EPOCH_US).astype(">i8"), nulls)
    if kind not in _SCALARS:
        raise TypeError(f"no Postgres type for Arrow's {kind}")
    filled = array.fill_null(False if kind == pa.bool_() else 0) if array.null_count else array
    return _fixed(filled.to_numpy(zero_copy_only=False).astype(_SCALARS[kind][1]), nulls)


def _fixed(values: npt.NDArray[np.generic], nulls: npt.NDArray[np.bool_] | None) -> _Column:
    width = values.dtype.itemsize
    lengths = np.full(len(values), width, np.int64)
    data = values.view(np.uint8)
    if nulls is not None:
        lengths[nulls] = 0
        data = data.reshape(-1, width)[~nulls].reshape(-1)
    return _Column(_offsets(lengths), data, nulls)


def _texts(array: pa.Array, nulls: npt.NDArray[np.bool_] | None) -> _Column:
    if nulls is not None:
        array = array.fill_null(b"" if array.type == pa.binary() else "")
    offsets, data = _raw(array)
    if array.type == pa.string() and not data[offsets[0] : offsets[-1]].all():
        offsets, data = _raw(pc.replace_substring(array, "\0", _REPLACEMENT))
    return _Column(offsets, data, nulls)


def _raw(array: pa.Array) -> tuple[Lengths, Bytes]:
    _, offset_buffer, data_buffer = array.buffers()
    if offset_buffer is None or not len(array):
        return np.zeros(len(array) + 1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    return offsets, np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)


def _lists(array: pa.Array, nulls: npt.NDArray[np.bool_] | None) -> _Column:
    # An array is: dimensions, has-nulls flag, element type, then per dimension its size and lower bound, then the elements.
    if nulls is not None:
        array = pc.if_else(array.is_null(), pa.scalar([], array.type), array)
    counts = pc.list_value_length(array).to_numpy().astype(np.int64)
    elements = array.flatten()
    if elements.null_count:
        raise TypeError("a list for Postgres holds a null")
    inner = _column(elements)
    oid = _TEXTS[elements.type][1] if elements.type in _TEXTS else _INT4_OID
    element_ends = np.concatenate([[0], np.cumsum(counts)])
    inner_sizes = np.concatenate([[0], np.cumsum(inner.lengths + 4)])
    payload = inner_sizes[element_ends[1:]] - inner_sizes[element_ends[:-1]]
    filled = counts > 0
    lengths = np.where(filled, 20 + payload, 12)
    if nulls is not None:
        lengths[nulls] = 0
    offsets = _offsets(lengths)
    data = np.zeros(int(offsets[-1]), np.uint8)
    starts = offsets[:-1]
    headed = starts if nulls is None else starts[~nulls]
    _put(data, headed + 8, np.full(len(headed), oid, ">i4"))
    _put(data, starts[filled], np.full(int(filled.sum()), 1, ">i4"))
    _put(data, starts[filled] + 12, counts[filled].astype(">i4"))
    _put(data, starts[filled] + 16, np.full(int(filled.sum()), 1, ">i4"))
    position = np.repeat(starts + 20 - inner_sizes[element_ends[:-1]], counts) + inner_sizes[:-1]
    _put(data, position, inner.lengths.astype(">i4"))
    _scatter(data, position + 4, inner)
    return _Column(offsets, data, nulls)


def _offsets(lengths: Lengths) -> Lengths:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


_NIBBLES = np.zeros(256, np.uint8)
_NIBBLES[list(b"0123456789")] = range(10)
_NIBBLES[list(b"abcdef")] = range(10, 16)


def _unhex(column: pa.ChunkedArray) -> pa.Array:
    array = _whole(column)
    nulls = array.null_count and array.is_null().to_numpy(zero_copy_only=False)
    offsets, data = _raw(array.fill_null(""))
    digits = _NIBBLES[data[offsets[0] : offsets[-1]]]
    packed = (digits[0::2] << 4) | digits[1::2]
    ends = ((offsets - offsets[0]) // 2).astype(np.int32)
    made = pa.Array.from_buffers(pa.binary(), len(array), [None, pa.py_buffer(ends), pa.py_buffer(packed.tobytes())])
    return pc.if_else(pa.array(~nulls), made, pa.scalar(None, pa.binary())) if array.null_count else made
