"""Reading layers in tests, and tar archives that no library would write."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from catalog.limits import Limits
from catalog.schemas import ENTRY_KINDS
from tasks.analyzers import DEFAULT
from tasks.analyzers.selection import Selection
from tasks.layers.layer import LayerRecords, analyse_stream

BLOCK = 512
END = bytes(2 * BLOCK)


class Drops(io.BytesIO):
    """A stream that yields a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def readinto(self, buffer) -> int:
        return super().readinto(memoryview(buffer)[: self._size])


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def read_layer(
    blob: bytes,
    *,
    selection: Selection = DEFAULT,
    limits: Limits | None = None,
    stream: io.BytesIO | None = None,
) -> LayerRecords:
    return analyse_stream(
        stream or io.BytesIO(blob),
        sha256(blob),
        len(blob),
        selection=selection,
        limits=limits or Limits(),
        scratch=Path(tempfile.gettempdir()),
    )


@dataclass
class Read:
    """A layer's rows as Python values."""

    records: LayerRecords
    entries: list[tuple[str, str, str]] = field(default_factory=list)
    attributes: list[tuple[int, int, int, int]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, _, _ in self.entries]

    @property
    def sizes(self) -> dict[str, int]:
        return {path: row[3] for path, row in zip(self.paths, self.attributes, strict=True)}

    @property
    def packages(self) -> list[tuple[str, str, str]]:
        """Path, name and version of each."""
        rows = self.records.evidence.packages
        columns = [rows.column(name).to_pylist() for name in ("path", "name", "version")]
        return list(zip(*columns, strict=True))

    @property
    def owned(self) -> list[tuple[str, str, str]]:
        """Database, owner and path of each claim."""
        rows = self.records.evidence.owned_paths
        columns = [rows.column(name).to_pylist() for name in ("path", "owner", "owned")]
        return list(zip(*columns, strict=True))

    @property
    def evidence(self) -> dict[tuple[str, str], str]:
        """The state by path and analyser."""
        rows = self.records.evidence.evidence.to_pylist()
        return {(row["path"], row["analyser"]): row["state"] for row in rows}

    @property
    def contents(self) -> dict[str, bytes]:
        return {row["path"]: row["data"] for row in self.records.evidence.contents.to_pylist()}

    @property
    def reasons(self) -> list[str]:
        return [problem.reason for problem in self.records.evidence.problems]


def read(archive: bytes, **options) -> Read:
    records = read_layer(archive, **options)
    result = Read(records)
    for batch in records.entries.batches():
        for row in batch.to_pylist():
            result.entries.append((row["path"], ENTRY_KINDS[row["kind"]], row["target"]))
            result.attributes.append((row["mode"], row["uid"], row["gid"], row["size"]))
    records.close()
    return result


def header(
    name: bytes,
    *,
    flag: bytes = b"0",
    size: int | bytes = 0,
    target: bytes = b"",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    mode: bytes = b"0000644\0",
    uid: bytes = b"0000000\0",
    checksum: bytes | None = None,
) -> bytes:
    """One header with whatever fields, and the right checksum unless told otherwise."""
    digits = b"%011o\0" % size if isinstance(size, int) else size
    block = bytearray(BLOCK)
    fields = {0: name, 100: mode, 108: uid, 116: b"0000000\0", 124: digits, 136: b"00000000000\0", 156: flag}
    for at, value in {**fields, 157: target, 257: magic, 345: prefix}.items():
        block[at : at + len(value)] = value
    if checksum is None:
        return resigned(bytes(block))
    return bytes(block[:148] + checksum + block[156:])


def resigned(block: bytes) -> bytes:
    """A header with its checksum set right."""
    blank = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(blank) + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def entry(name: bytes, data: bytes = b"", **fields) -> bytes:
    """A header and its data."""
    return header(name, size=fields.pop("size", len(data)), **fields) + padded(data)


def pax(**records: bytes) -> bytes:
    """An extended header; `__` in a key stands for a dot."""
    return raw_pax({key.replace("__", ".").encode(): value for key, value in records.items()})


def raw_pax(records: dict[bytes, bytes], flag: bytes = b"x") -> bytes:
    data = b""
    for key, value in records.items():
        rest = b" %s=%s\n" % (key, value)
        length = len(rest) + 1
        while len(b"%d" % length) + len(rest) != length:
            length = len(b"%d" % length) + len(rest)
        data += b"%d" % length + rest
    return entry(b"PaxHeaders/x", data, flag=flag)
