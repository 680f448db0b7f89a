"""Blobs through the cache: read from it where they are kept, kept while they are read where they are not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import lru_cache
from types import TracebackType
from typing import Protocol, Self

from catalog.errors import BlobTruncated, StoreError
from catalog.settings import LayerCacheLocation
from tasks.digests import is_digest
from tasks.layer_cache.directory import Arrival, LayerCache, Refusal

_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 0.1


class Fetched(Protocol):
    """What a blob is fetched by: a stream of `tasks.blobs`."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty only at the end."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 only at the end."""

    def close(self) -> None:
        """Let go of the connection."""


class KeptBlob:
    """The bytes of a kept blob (see `tasks.blobs.BlobStream`).

    Args:
        cache: that keeps it.
        digest: of it.
        descriptor: of its file, which is ours to close.
    """

    def __init__(self, cache: LayerCache, digest: str, descriptor: int) -> None:
        self._cache = cache
        self._digest = digest
        self._descriptor = descriptor

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty at the end.

        Raises:
            BlobTruncated: the disk does not give them.
        """
        try:
            return os.read(self._descriptor, size)
        except OSError as error:
            raise BlobTruncated(f"its copy cannot be read ({error.strerror})", where=self._digest) from error

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end. Raises as `read`."""
        try:
            return os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise BlobTruncated(f"its copy cannot be read ({error.strerror})", where=self._digest) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def forget(self) -> str:
        """Close and drop the file: its bytes are not the blob's. Says what failed, empty where nothing did."""
        self.close()
        try:
            self._cache.drop(self._digest)
        except StoreError as error:
            return _trouble(self._cache, error)
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


class FetchedBlob:
    """The bytes of a blob that is fetched, and kept as they pass if its reader finds them to be the right ones.

    What fails on the way into the cache ends the keeping and never the reading.

    Args:
        stream: that fetches it.
        arrival: where it is kept; None for nowhere.
        trouble: what is wrong with the cache already.
    """

    def __init__(self, stream: Fetched, arrival: Arrival | None, trouble: str = "") -> None:
        self.trouble = trouble
        self._stream = stream
        self._arrival = arrival

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; raises what the fetching stream raises."""
        data = self._stream.read(size)
        self._keep(memoryview(data))
        return data

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end. Raises what the fetching stream raises."""
        count = self._stream.readinto(buffer)
        self._keep(buffer[:count])
        return count

    def verified(self) -> None:
        """Keep the blob: its reader has seen all of its bytes, and they have its digest."""
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            try:
                arrival.keep()
            except StoreError as error:
                self._give_up(arrival, error)

    def close(self) -> None:
        """Let go of the connection, and of what was not verified."""
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.discard()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _keep(self, data: memoryview) -> None:
        if self._arrival is not None and data:
            try:
                self._arrival.write(data)
            except StoreError as error:
                arrival, self._arrival = self._arrival, None
                arrival.discard()
                self._give_up(arrival, error)

    def _give_up(self, arrival: Arrival, error: StoreError) -> None:
        self.trouble = _trouble(arrival.cache, error)
        arrival.cache.rest()


@lru_cache(maxsize=8)
def layer_cache(location: LayerCacheLocation) -> LayerCache:
    """The view that this process has of a cache."""
    return LayerCache(location)


def through_cache(
    location: LayerCacheLocation, digest: str, size: int, fetch: Callable[[], Fetched]
) -> KeptBlob | FetchedBlob:
    """A blob from the cache, or fetched and kept on the way.

    Args:
        location: of the cache.
        digest: of the blob.
        size: its bytes; -1 where nobody knows: it is then not kept.
        fetch: opens it where it lies.

    Raises:
        SourceError, BlobError: what `fetch` raises.
    """
    if not is_digest(digest):
        return FetchedBlob(fetch(), None)
    cache = layer_cache(location)
    try:
        found = _find_or_reserve(cache, digest, size)
    except StoreError as error:
        cache.rest()
        return FetchedBlob(fetch(), None, _trouble(cache, error))
    if isinstance(found, int):
        return KeptBlob(cache, digest, found)
    try:
        return FetchedBlob(fetch(), found)
    except BaseException:
        if found is not None:
            found.discard()
        raise


def _find_or_reserve(cache: LayerCache, digest: str, size: int) -> int | Arrival | None:
    """The descriptor of a kept blob, or where to keep it; None for neither. While another process fetches it, wait: not for ever."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        descriptor = cache.find(digest, size)
        if descriptor is not None:
            return descriptor
        reserved = cache.reserve(digest, size)
        if isinstance(reserved, Arrival):
            return reserved
        if reserved is Refusal.NO_ROOM or time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)


def _trouble(cache: LayerCache, error: StoreError) -> str:
    """What is wrong with a cache, in the same words whichever blob it met: it is told once."""
    return str(StoreError(error.what, where=str(cache.directory), advice=error.advice))
