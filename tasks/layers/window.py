"""A window over the tar stream: the one buffer through which all bytes of a layer pass."""

from __future__ import annotations

from catalog.errors import LimitExceeded, MalformedLayer
from catalog.limits import Limits
from tasks.layers.arena import Arena
from tasks.layers.blob import BlobReader
from tasks.layers.compression import TarStream
from tasks.layers.headers import BLOCK

WINDOW_BYTES = 1 << 18
"""Large enough that refilling costs nothing, small enough to stay in the processor's cache."""


class Window:
    """Bytes `position` to `end` of `buffer` are the stream's next ones; whoever moves on moves `position`.

    `position` may be set beyond `end`: the bytes between are then passed over at the next `require`.

    Args:
        stream: the uncompressed bytes.
        blob: the compressed side, for the ratio.
        limits: caps on bytes and ratio.
    """

    def __init__(self, stream: TarStream, blob: BlobReader, limits: Limits) -> None:
        self.buffer = bytearray(WINDOW_BYTES)
        self.position = 0
        self.end = 0
        self._view = memoryview(self.buffer)
        self._readinto = stream.readinto
        self._check_end = stream.check_end
        self._blob = blob
        self._limits = limits
        self._before = 0
        self._arena = Arena(self._view)

    @property
    def offset(self) -> int:
        """How many bytes of the stream lie before `position`."""
        return self._before + self.position

    def require(self, count: int) -> bool:
        """Have at least `count` bytes from `position` on; False where the stream ends before them.

        Args:
            count: at most the window's size.

        Raises:
            MalformedLayer: the stream ends within what is passed over, or its compression is broken.
            LimitExceeded: the layer has become too large, or compresses too well.
        """
        if self.end - self.position >= count:
            return True
        if self.position > self.end:
            self._pass_over()
        rest = self.end - self.position
        self._view[:rest] = self._view[self.position : self.end]
        self._before += self.position
        self.position, self.end = 0, rest
        while self.end < count:
            got = self._readinto(self._view[self.end :])
            if not got:
                self._check_end()
                return False
            self.end += got
        self._check_limits()
        return True

    def take(self, count: int) -> bytes | bytearray:
        """The next `count` bytes, however many; moves on behind them. What was taken before may be written over.

        Raises:
            MalformedLayer: the stream ends before.
            LimitExceeded: as `require`.
        """
        start = self.position
        if self.end - start >= count:
            self.position += count
            return bytes(self._view[start : self.position])
        rest = self._view[start : self.end]
        self._before += self.end
        self.position = self.end = 0
        return self._arena.fill(count, rest, self._counted)

    def blocks(self, count: int) -> int:
        """`count` rounded up to whole blocks."""
        return (count + BLOCK - 1) & -BLOCK

    def _pass_over(self) -> None:
        over = self.position - self.end
        self._before += self.end
        self.position = self.end = 0
        while over:
            got = self._readinto(self._view)
            if not got:
                raise MalformedLayer("the tar archive ends within an entry")
            if got > over:
                self.position, self.end = over, got
                return
            over -= got
            self._before += got
            self._check_limits()

    def _counted(self, buffer: memoryview) -> int:
        got = self._readinto(buffer)
        self._before += got
        self._check_limits()
        return got

    def _check_limits(self) -> None:
        seen, limits = self._before + self.end, self._limits
        if seen > limits.layer_bytes:
            raise LimitExceeded(f"more than {limits.layer_bytes} bytes uncompressed")
        if seen > limits.ratio_from_bytes and seen > limits.layer_ratio * max(self._blob.count, 1):
            raise LimitExceeded(f"more than {limits.layer_ratio} times its compressed size")
