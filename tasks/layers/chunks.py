"""Tar entries on their way from the walker to the rows: raw names and headers, some thousands at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from catalog.errors import MalformedLayer
from catalog.limits import Limits
from tasks.layers import headers as tar
from tasks.layers.headers import BLOCK

WHITEOUT = b".wh."
"""A base name that begins so removes what lies below (OCI image-spec, "Whiteouts")."""
OPAQUE = b".wh..wh..opq"
"""The base name that empties its directory."""


@dataclass(slots=True)
class Correction:
    """What is not as the entry's own header has it; None where it is.

    Args:
        kind: a word of `catalog.schemas.ENTRY_KINDS`.
        target: of a link, as in the archive.
        size: bytes of the file.
        uid: the owner.
        gid: the group.
    """

    kind: str | None = None
    target: bytes | None = None
    size: int | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def says_anything(self) -> bool:
        """Whether there is a correction at all."""
        return any(value is not None for value in (self.kind, self.target, self.size, self.uid, self.gid))


@dataclass(slots=True)
class EntryChunk:
    """Entries in their order.

    Args:
        first: ordinal of the first one in its layer.
        names: as in the archive; a directory's may have lost one trailing slash.
        headers: 512 bytes each.
        extended: headers of extended headers between them.
        corrections: by index in the chunk.
    """

    first: int
    names: list[bytes] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    extended: list[bytes] = field(default_factory=list)
    corrections: dict[int, Correction] = field(default_factory=dict)

    _joined: bytes = b""

    def joined(self) -> bytes:
        """The entries' headers, one after the other; nothing may be added to the chunk any more."""
        if not self._joined:
            self._joined = b"".join(self.headers)
        return self._joined

    def verify_checksums(self) -> None:
        """Hold every header against its checksum.

        Raises:
            MalformedLayer: a checksum is wrong.
        """
        for joined in (self.joined(), b"".join(self.extended)):
            if joined:
                _verify(joined)


def over_limit(name: bytes, limits: Limits) -> bool:
    """Whether a normalised name is too long or too deep."""
    return len(name) > limits.path_bytes or name.count(b"/") >= limits.path_depth


def _verify(headers: bytes) -> None:
    matrix = np.frombuffer(headers, np.uint8).reshape(-1, BLOCK)
    sums = matrix.sum(axis=1, dtype=np.uint32).astype(np.int64)
    field = matrix[:, 148:156].astype(np.int64)
    digits = field[:, :6] - ord("0")
    claimed = digits @ (8 ** np.arange(5, -1, -1, dtype=np.int64))
    usual = ((digits >= 0) & (digits < 8)).all(axis=1) & (field[:, 6] == 0)
    right = usual & (sums - field.sum(axis=1) + 8 * ord(" ") == claimed)
    for index in np.flatnonzero(~right).tolist():
        if not tar.checksum_holds(headers[index * BLOCK : (index + 1) * BLOCK]):
            raise MalformedLayer("a tar header with a wrong checksum")
