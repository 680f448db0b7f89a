"""Rows of tar entries, made in bulk: names become paths and header fields numbers without a Python step per entry.

Nearly every name in a layer is already what the path rule asks for, so the bytes of all names are searched at once for what
is odd — an empty, `.` or `..` component, a backslash, a byte beyond ASCII that is no UTF-8, a whiteout — and only the rows
where something is found are looked at singly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.limits import Limits
from catalog.schemas import ENTRY_KINDS
from tasks.layers import headers as tar
from tasks.layers.chunks import OPAQUE, WHITEOUT, EntryChunk, over_limit
from tasks.layers.headers import number
from tasks.layers.paths import normalised, text

Headers = npt.NDArray[np.void]
Texts = npt.NDArray[np.integer[Any]]
Numbers = npt.NDArray[np.int64]

KIND_CODES = {word: code for code, word in enumerate(ENTRY_KINDS)}
_DROPPED = -1
"""The kind of a row that is left out."""
_FLAG_KINDS = np.full(256, KIND_CODES["file"], dtype=np.int8)
for _flag, _word in (
    (tar.DIRECTORY, "directory"),
    (tar.HARD_LINK, "hardlink"),
    (tar.SYMLINK, "symlink"),
    (tar.CHARACTER, "device"),
    (tar.BLOCK_DEVICE, "device"),
    (tar.FIFO, "fifo"),
):
    _FLAG_KINDS[_flag] = KIND_CODES[_word]
_LINKS = (KIND_CODES["hardlink"], KIND_CODES["symlink"])
_HEADER = np.dtype(
    {
        "names": ["mode", "uid", "gid", "size", "size_end", "flag"],
        "formats": [">u8", ">u8", ">u8", ">u8", ">u4", "u1"],
        "offsets": [100, 108, 116, 124, 132, tar.FLAG],
        "itemsize": tar.BLOCK,
    }
)
_NO_DIGITS = 0xF8F8F8F8F8F8F8F8
_THREE_ZEROS, _SEVEN_ZEROS, _EIGHT_ZEROS = (int.from_bytes(b"0" * count, "big") for count in (3, 7, 8))
_SLASH, _DOT, _BACKSLASH, _W = b"/.\\w"

ROW_SCHEMA = pa.schema(
    [
        ("ordinal", pa.int32()),
        ("path", pa.string()),
        ("kind", pa.int8()),
        ("target", pa.string()),
        ("mode", pa.int32()),
        ("uid", pa.int64()),
        ("gid", pa.int64()),
        ("size", pa.int64()),
    ]
)
"""Columns of entries and attributes side by side, without the layer's digest."""


@dataclass(frozen=True, slots=True)
class EntryRows:
    """A chunk's rows.

    Args:
        rows: of `ROW_SCHEMA`.
        over_limit: names that were left out because they are too long or too deep.
        odd_whiteouts: whiteouts that remove nothing that could be named.
        links: symbolic and hard links among the rows.
    """

    rows: pa.RecordBatch
    over_limit: int
    odd_whiteouts: int
    links: int


def entry_rows(chunk: EntryChunk, limits: Limits) -> EntryRows:
    """Turn a chunk into rows.

    Args:
        chunk: with at least one entry.
        limits: caps on paths.

    Raises:
        MalformedLayer: a header field that is no number.
    """
    headers = np.frombuffer(chunk.joined(), _HEADER)
    kinds = _FLAG_KINDS[headers["flag"]]
    for index, correction in chunk.corrections.items():
        if correction.kind is not None:
            kinds[index] = KIND_CODES[correction.kind]
    names, long, odd = _clean_names(chunk.names, kinds, limits)
    targets: dict[int, str] = {}
    for index, correction in chunk.corrections.items():
        if correction.target is not None and len(correction.target) > limits.path_bytes:
            kinds[index] = _DROPPED
            long += 1
        elif correction.target is not None and kinds[index] in _LINKS:
            targets[index] = text(normalised(correction.target) if kinds[index] == _LINKS[0] else correction.target)
    columns = [
        pa.array(np.arange(chunk.first, chunk.first + len(kinds), dtype=np.int32)),
        _texts(names),
        pa.array(kinds),
        _sparse_texts(targets, len(kinds)),
        *_attributes(headers, chunk),
    ]
    rows = pa.RecordBatch.from_arrays(columns, schema=ROW_SCHEMA)
    if (kinds == _DROPPED).any():
        rows = rows.filter(pa.array(kinds != _DROPPED))
    return EntryRows(rows, long, odd, len(targets))


def _clean_names(names: list[bytes], kinds: npt.NDArray[np.int8], limits: Limits) -> tuple[bytes, int, int]:
    """Names as the path rule writes them, each with a NUL behind it; kinds of whiteouts are set on the way."""
    joined = b"\0" + b"\0".join(names) + b"\0\0"
    # Whole archives are written with one prefix; the last name tells, the first may be the root itself.
    for prefix in (b"/", b"./"):
        if names[-1].startswith(prefix):
            joined = joined.replace(b"\0" + prefix, b"\0")
    suspects = _odd_rows(joined, len(names), limits)
    if not suspects:
        return joined[1:-1], 0, 0
    cleaned = joined[1:-2].split(b"\0") if len(suspects) < len(names) else list(names)
    long = odd = 0
    for index in suspects:
        name = normalised(names[index])
        folder, _, base = name.rpartition(b"/")
        if base.startswith(WHITEOUT):
            name, kind = _whiteout(folder, base)
            odd += kind is None
            kinds[index] = _DROPPED if kind is None else KIND_CODES[kind]
        if over_limit(name, limits):
            long += 1
            kinds[index] = _DROPPED
            name = b""
        cleaned[index] = text(name).encode()
    return b"\0".join(cleaned) + b"\0", long, odd


def _whiteout(folder: bytes, base: bytes) -> tuple[bytes, str | None]:
    """What a whiteout removes: a path, a directory's content, or nothing (aufs's own files, names that are no names)."""
    if base == OPAQUE:
        return folder, "opaque"
    removed = base[len(WHITEOUT) :]
    if removed in (b"", b".", b"..") or removed.startswith(WHITEOUT):
        return b"", None
    return (folder + b"/" + removed if folder else removed), "whiteout"


def _odd_rows(joined: bytes, count: int, limits: Limits) -> list[int]:
    """Indices of the names that need a closer look; `joined` is a NUL, each name with a NUL behind it, and a NUL."""
    data = np.frombuffer(joined, dtype=np.uint8)
    ends = data == 0
    borders = np.flatnonzero(ends)
    if len(borders) != count + 2:
        # A name with a NUL inside: which row is which cannot be told from the bytes.
        return list(range(count))
    edge = ends | (data == _SLASH)
    dot = data == _DOT
    # By pairs of bytes: two edges are an empty component; by triples: a component that begins with a dot and then ends,
    # goes on with another dot, or with the w of a whiteout.
    odd = (edge[:-2] & edge[1:-1]) & ~(ends[:-2] & ends[1:-1])
    odd |= edge[:-2] & dot[1:-1] & (edge | dot | (data == _W))[2:]
    odd |= data[1:-1] == _BACKSLASH
    if not joined.isascii() and not _is_utf8(joined):
        odd |= data[1:-1] >= 0x80
    rows = np.searchsorted(borders, np.flatnonzero(odd) + 1, side="left") - 1
    long = np.flatnonzero(np.diff(borders) > min(limits.path_bytes, 2 * limits.path_depth))
    return sorted({*rows.tolist(), *long.tolist()})


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _texts(terminated: bytes) -> pa.Array:
    """Texts, each with a NUL behind it, as an Arrow column."""
    ends = np.flatnonzero(np.frombuffer(terminated, dtype=np.uint8) == 0)
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    offsets[1:] = ends - np.arange(len(ends))
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(terminated.replace(b"\0", b"")))


def _sparse_texts(values: dict[int, str], count: int) -> pa.Array:
    """A column of texts that are nearly all empty; `values` has the others by index."""
    lengths = np.zeros(count, dtype=np.int32)
    indices = sorted(values)
    encoded = [values[index].encode() for index in indices]
    lengths[indices] = [len(value) for value in encoded]
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def _attributes(headers: Headers, chunk: EntryChunk) -> list[pa.Array]:
    mode = _octal(headers["mode"], chunk, slice(100, 108)) & 0o7777
    uid = _octal(headers["uid"], chunk, slice(108, 116))
    gid = _octal(headers["gid"], chunk, slice(116, 124))
    size = _size(headers, chunk)
    for index, correction in chunk.corrections.items():
        if correction.uid is not None:
            uid[index] = correction.uid
        if correction.gid is not None:
            gid[index] = correction.gid
        if correction.size is not None:
            size[index] = correction.size
    return [pa.array(mode.astype(np.int32)), pa.array(uid), pa.array(gid), pa.array(size)]


def _octal(field: Texts, chunk: EntryChunk, place: slice) -> Numbers:
    """Read one field of all headers: seven digits and a NUL at once, anything else singly."""
    value = _digits(field >> 8)
    odd = ((field >> 8) & _NO_DIGITS != _SEVEN_ZEROS) | (field & 0xFF != 0)
    return _read_singly(value, odd, chunk, place)


def _size(headers: Headers, chunk: EntryChunk) -> Numbers:
    """The size likewise: eight digits, then three and a NUL."""
    high, low = headers["size"], headers["size_end"].astype(np.uint64)
    value = (_digits(high) << 9) | _digits(low >> 8)
    odd = (high & _NO_DIGITS != _EIGHT_ZEROS) | ((low >> 8) & _NO_DIGITS != _THREE_ZEROS) | (low & 0xFF != 0)
    return _read_singly(value, odd, chunk, slice(124, 136))


def _digits(text: Texts) -> Numbers:
    """The number that octal digits make, of which each is a byte: neighbours are joined, then pairs, then fours."""
    pairs = (text & 0x0700070007000700) >> 5 | text & 0x0007000700070007
    fours = (pairs & 0x003F0000003F0000) >> 10 | pairs & 0x0000003F0000003F
    return ((fours >> 20) & 0xFFF000 | fours & 0xFFF).astype(np.int64)


def _read_singly(value: Numbers, odd: npt.NDArray[np.bool_], chunk: EntryChunk, place: slice) -> Numbers:
    for index in np.flatnonzero(odd).tolist():
        value[index] = number(chunk.headers[index][place])
    return value
