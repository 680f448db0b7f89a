"""What a store of the archive can do. Two keep the same promises: a local directory and S3.

Objects are immutable and named by content. They come into being whole or not at all (`put_if_absent` is the only way in),
nobody ever changes one, and readers find them by the commit log, never by listing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What a store knows of an object without reading it.

    Args:
        key: the object's key.
        size: bytes.
        modified: when it came into being, with time zone.
    """

    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """A flat store of immutable objects. Safe to use from several threads, and by any number of processes at once.

    Every method raises StoreUnreachable, StoreDenied, StoreFull or another StoreError where the store fails, and
    StoreError for what is no key.
    """

    @property
    def scratch(self) -> Path:
        """A directory for files on their way into the store; what a killed process leaves there is swept away."""

    def put_if_absent(self, key: str, data: bytes | Path) -> bool:
        """Make an object durable, unless it is there already.

        Args:
            key: where to.
            data: its bytes, or a file that holds them. A file is handed over: it must not be changed afterwards (the
                store may link it), and removing it is left to the caller.

        Returns:
            True where this call wrote the object, False where it was there. Either way it is there now, durably.
        """

    def get(self, key: str) -> bytes:
        """An object's bytes.

        Raises:
            ObjectMissing: there is no such object.
        """

    def local_copy(self, key: str) -> Path:
        """A local file with an object's bytes, to be read and never written.

        A remote store keeps the copies it used last within `copies_bytes`; a copy stays at least until as many other
        bytes have been asked for.

        Raises:
            ObjectMissing: there is no such object.
        """

    def stat(self, key: str) -> ObjectStat | None:
        """What is known of an object, or None where there is none."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        """All objects whose key begins so, in the order of their keys. For verification, rebuild and collection only."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def close(self) -> None:
        """Give back connections and files."""

    def __enter__(self) -> Self:
        """The store itself, closed at the end of the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
