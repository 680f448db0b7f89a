"""Blobs whose bytes a number decides, and readers of them as layers are read: hashed, then told that they are right."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

from catalog.settings import LayerCacheLocation
from tasks.layer_cache.streams import FetchedBlob, KeptBlob, through_cache
from tasks.layers.blob import BlobReader


def blob(number: int, size: int = 20_000) -> bytes:
    return random.Random(number).randbytes(size)


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def kept_at(location: LayerCacheLocation, data: bytes) -> Path:
    name = hashlib.sha256(data).hexdigest()
    return Path(location.directory) / "sha256" / name[:2] / name


class Served(io.BytesIO):
    """A stream as a registry's client gives it."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def opened(location: LayerCacheLocation, data: bytes, served: bytes | None = None) -> KeptBlob | FetchedBlob:
    """Open a blob through a cache; what is `served` may be other bytes than it should be."""
    return through_cache(location, digest_of(data), len(data), lambda: Served(data if served is None else served))


def read(location: LayerCacheLocation, data: bytes, served: bytes | None = None) -> KeptBlob | FetchedBlob:
    """Read a blob to its end and check it; the closed stream, which tells where it came from."""
    with opened(location, data, served) as stream:
        BlobReader(stream, digest_of(data), len(data)).finish()
    return stream
