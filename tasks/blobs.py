"""One door to a layer's bytes, wherever they lie: a registry, a local file, a directory tree.

A stream yields the blob's bytes as they are stored, resuming by itself where a connection breaks. It does not check the
digest: whoever reads hashes what comes (`tasks.layers`), and counts.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from catalog.images import BlobLocation, FileBlob, RegistryBlob, RootfsTree
from tasks.local_files import FileStream
from tasks.registry.client import registries
from tasks.sources.evidence import EvidenceStream
from tasks.transport import RegistryAccess


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
            return registries(access).client(registry).blob(repository, digest, size)
        case RootfsTree(path):
            return EvidenceStream(Path(path), digest, size)
