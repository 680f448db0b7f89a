"""One door to a layer's bytes, wherever they lie: a registry, a local file, a directory tree.

A stream yields the blob's bytes as they are stored, resuming by itself where a connection breaks. It does not check the
digest: whoever reads hashes what comes (`tasks.layers`), and counts. What registries serve goes through the node's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from catalog.errors import BlobError
from catalog.images import BlobLocation, FileBlob, RegistryBlob, RootfsTree, SbomDocument
from tasks.layer_cache.streams import FetchedBlob, KeptBlob, through_cache
from tasks.local_files import FileStream
from tasks.registry.blobs import RegistryStream
from tasks.registry.client import registries
from tasks.sbom.evidence import DocumentStream
from tasks.sources.evidence import EvidenceStream
from tasks.transport import RegistryAccess

T = TypeVar("T")


class BlobStream(Protocol):
    """The bytes of one blob, in order, once. A context manager; raises BlobError and SourceError, nothing else."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; empty only at the end."""

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning and say how many bytes that was; 0 only at the end."""

    def close(self) -> None:
        """Let go of the file or connection."""

    def __enter__(self) -> Self:
        """The stream itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Close it."""


def open_blob(location: BlobLocation, digest: str, size: int, access: RegistryAccess) -> BlobStream:
    """Open a blob where it lies.

    Args:
        location: where.
        digest: `sha256:<hex>` of the blob, which the reader checks.
        size: bytes it must have; -1 where nobody said.
        access: how registries are spoken to.

    Raises:
        SourceError: it cannot be reached (RegistryUnreachable, RegistryBusy, Unauthorised, NotFound, …).
        BlobError: it has another size, or ends early and cannot be resumed; also while reading.
    """
    match location:
        case FileBlob(path, offset, length, packed):
            return FileStream(path, offset, length, packed=packed)
        case RegistryBlob(registry, repository):

            def fetch() -> RegistryStream:
                return registries(access).client(registry).blob(repository, digest, size)

            cache = access.layer_cache
            return fetch() if cache is None else through_cache(cache, digest, size, fetch)
        case RootfsTree(path):
            return EvidenceStream(Path(path), digest, size)
        case SbomDocument(path):
            return DocumentStream(Path(path), digest)


@dataclass(frozen=True, slots=True)
class BlobRead(Generic[T]):
    """What came of reading a blob.

    Args:
        value: what the reader made of it.
        cached: its bytes came from the node's cache.
        cache_trouble: why the cache could not be used, one line; empty where it could.
    """

    value: T
    cached: bool = False
    cache_trouble: str = ""


def read_blob(
    location: BlobLocation, digest: str, size: int, access: RegistryAccess, read: Callable[[BlobStream], T]
) -> BlobRead[T]:
    """Read a blob to its end; where the node's cache has it damaged, it is dropped there and fetched.

    Args:
        location: where it lies.
        digest: of it.
        size: bytes it must have; -1 where nobody said.
        access: how registries are spoken to.
        read: reads and checks it (`tasks.layers`), and leaves nothing behind when it raises BlobError: it may be called twice.

    Raises:
        SourceError, BlobError: as `open_blob`, and whatever else `read` raises.
    """
    with open_blob(location, digest, size, access) as stream:
        try:
            return _come_of(stream, read(stream), "")
        except BlobError:
            if not isinstance(stream, KeptBlob):
                raise
            trouble = stream.forget()
    again = replace(access, layer_cache=None) if trouble else access
    with open_blob(location, digest, size, again) as stream:
        return _come_of(stream, read(stream), trouble)


def _come_of(stream: BlobStream, value: T, trouble: str) -> BlobRead[T]:
    if isinstance(stream, FetchedBlob):
        return BlobRead(value, cache_trouble=trouble or stream.trouble)
    return BlobRead(value, cached=isinstance(stream, KeptBlob), cache_trouble=trouble)
