"""Memory for the members that are read as a whole, used again for one after the other.

Fresh memory costs a third of what decompressing into it costs: the system clears every page before it is written. So the
bytes of a large member go where those of the one before it were.
"""

from __future__ import annotations

from collections.abc import Callable

from catalog.errors import MalformedLayer

_SHARED_FROM = 23
"""Bits of a size from which all larger members share one buffer: 4 MiB. Below it, each power of two has its own."""


class Arena:
    """Buffers that stay, one for each magnitude of size: C Python keeps a bytearray's memory while half of it is in use.

    Args:
        piece: a buffer that stays in the processor's cache; it may hold what `fill` is told to begin with.
    """

    def __init__(self, piece: memoryview) -> None:
        self._piece = piece
        self._buffers: dict[int, bytearray] = {}

    def fill(self, count: int, begin: memoryview, readinto: Callable[[memoryview], int]) -> bytearray:
        """Read a member; it is valid until the next one is read.

        Args:
            count: its bytes.
            begin: its first ones, which were read before.
            readinto: gives the others, at most as many as the buffer it is given has room for.

        Raises:
            MalformedLayer: there are fewer.
        """
        data = self._buffer(count)
        have, piece = len(begin), self._piece
        with memoryview(data) as view:
            # What a member before this one has left is written over.
            known = len(view)
            view[:have] = begin[:known]
            while have < known:
                have += _some(readinto(view[have : have + len(piece)]))
        data += begin[known:]
        while len(data) < count:
            # It grows with what really comes: a lying size costs nothing.
            got = _some(readinto(piece[: count - len(data)]))
            data += piece[:got]
        return data

    def _buffer(self, count: int) -> bytearray:
        key = min(count.bit_length(), _SHARED_FROM)
        data = self._buffers.setdefault(key, bytearray())
        try:
            del data[count:]
        except BufferError:
            # Somebody still looks at what was there before, and may go on.
            data = self._buffers[key] = bytearray()
        return data


def _some(got: int) -> int:
    if not got:
        raise MalformedLayer("the tar archive ends within an entry")
    return got
