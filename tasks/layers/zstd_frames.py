"""Follows the frames of a zstd stream without decoding them, to tell a finished stream from a cut one.

The decoder at hand returns no bytes in both cases. A frame is a header and blocks that each say how long they are (RFC 8878,
3.1.1), so following it costs a few operations for every block of up to 128 KiB.
"""

from __future__ import annotations

import sys

from catalog.errors import MalformedLayer
from tasks.layers.blob import BlobReader

_MAGIC = 0xFD2FB528
_SKIPPABLE_MAGIC = 0x184D2A5
"""The upper 28 bits of a skippable frame's magic."""
_RAW_BLOCK, _RLE_BLOCK = 0, 1
_EMPTY_BYTES = 4
"""Bytes up to which a compressed block may hold nothing: headers of literals and sequences (RFC 8878, 3.1.1.3)."""
MOST_IDLE = 4_096
"""Blocks and skippable frames in a row that give next to nothing; no cap on what a layer unpacks to would ever see them."""


class FrameFollower:
    """A blob's bytes as a file for the decoder, followed as they pass.

    Args:
        blob: at a frame's beginning.
    """

    def __init__(self, blob: BlobReader) -> None:
        self._blob = blob
        self._pending = bytearray()
        self._skip = 0
        self._state = "magic"
        self._checksum = False
        self._idle = 0

    def read(self, count: int) -> bytes:
        """At most `count` bytes; none at the end only.

        Raises:
            MalformedLayer: there are blocks without end that hold nothing.
        """
        data = self._blob.read(count)
        position = min(self._skip, len(data))
        self._skip -= position
        while position < len(data):
            if self._state == "block" and not self._pending and position + 3 <= len(data):
                self._block(int.from_bytes(data[position : position + 3], "little"))
                position += 3 + self._skip
                self._skip = max(0, position - len(data))
                continue
            need = self._needed() - len(self._pending)
            self._pending += data[position : position + need]
            position += need
            if len(self._pending) >= self._needed() > 0:
                self._step(bytes(self._pending))
            taken = min(self._skip, max(0, len(data) - position))
            self._skip -= taken
            position += taken
        return data

    def check_end(self) -> None:
        """Hold that the bytes so far end where a frame ends.

        Raises:
            MalformedLayer: they end within one.
        """
        if self._state != "magic" or self._pending or self._skip:
            raise MalformedLayer("the compressed stream is cut off")

    def _needed(self) -> int:
        """Bytes of the field that comes next."""
        match self._state:
            case "magic" | "skippable":
                return 4
            case "descriptor":
                return 1
            case _:
                return 3

    def _step(self, field: bytes) -> None:
        self._pending.clear()
        value = int.from_bytes(field, "little")
        match self._state:
            case "magic" if value == _MAGIC:
                self._state = "descriptor"
            case "magic" if value >> 4 == _SKIPPABLE_MAGIC:
                self._state = "skippable"
            case "magic":
                # No frame: the decoder says so, if it ever comes to these bytes.
                self._state, self._skip = "lost", sys.maxsize
            case "skippable":
                self._skip, self._state = value, "magic"
                self._count(idle=True)
            case "descriptor":
                self._skip = _header_bytes(value)
                self._checksum = bool(value & 0x04)
                self._state = "block"
            case _:
                self._block(value)

    def _block(self, header: int) -> None:
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        self._skip = 1 if kind == _RLE_BLOCK else size
        self._count(idle=size <= (0 if kind in (_RAW_BLOCK, _RLE_BLOCK) else _EMPTY_BYTES))
        if last:
            self._skip += 4 if self._checksum else 0
            self._state = "magic"

    def _count(self, *, idle: bool) -> None:
        self._idle = self._idle + 1 if idle else 0
        if self._idle > MOST_IDLE:
            raise MalformedLayer("the compressed stream has thousands of blocks in a row that hold nothing")


def _header_bytes(descriptor: int) -> int:
    """Bytes of the frame header after its descriptor (RFC 8878, 3.1.1.1): window, dictionary id, content size."""
    single_segment = descriptor >> 5 & 1
    window = 0 if single_segment else 1
    dictionary = (0, 1, 2, 4)[descriptor & 3]
    content = (single_segment, 2, 4, 8)[descriptor >> 6]
    return window + dictionary + content
