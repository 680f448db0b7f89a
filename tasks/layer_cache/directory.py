"""The cache's directory: `sha256/ab/<hex>` for each kept blob, shared by every process of a node.

A blob arrives in `arriving/<hex>`, under a lock that its writer holds on it (flock(2): the kernel lets go of it when the writer
dies, however it dies), and gets its name by rename(2) once its digest was verified. Readers hold a shared lock on what they
read, so that neither making room nor clearing takes bytes off the books that are still on the disk. Whatever changes
names or the books happens under the lock of the directory, whose file holds the books: the bytes of all files, those that
arrive counted in full from the start. They are never too low, and counted anew by each process, and when room is wanted.

Nothing here is trusted: files of other users, links, other names and other sizes are not read, and a reader hashes whatever
it reads. So nothing is flushed to the disk either: what a power failure garbles is found by its hash.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from catalog.errors import StoreError
from catalog.settings import LayerCacheLocation
from catalog.store.scratch import file_errors
from tasks.digests import is_digest
from tasks.layer_cache.files import (
    OPEN_FLAGS,
    Books,
    blobs_in,
    counted_bytes,
    entries_of,
    is_ours,
    lock_now,
    lock_soon,
    make_private,
    open_ours,
    remove_unlocked,
)

_ARRIVING = "arriving"
_KEPT = "sha256"
_LOCK = ".lock"
_REST_SECONDS = 60.0
_SPARE_SHARE = 20
"""The cache leaves a twentieth of its file system free: the archive or Postgres may live on the same one."""
_SLACK_SHARE = 16
"""Making room makes a sixteenth of the cap more than is wanted, so that not every blob reads the whole directory."""


class Refusal(Enum):
    """Why a blob cannot arrive now."""

    TAKEN = "another process fetches it, or has just kept it"
    NO_ROOM = "it is larger than the cap, what could make room is in use, or the cache rests"


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """What a cache holds.

    Args:
        files: kept blobs.
        bytes: of them and of those that arrive.
        oldest_use: seconds since the epoch when the blob that makes room first was used last; None in an empty cache.
    """

    files: int = 0
    bytes: int = 0
    oldest_use: float | None = None


@dataclass(frozen=True, slots=True)
class Cleared:
    """What clearing a cache removed.

    Args:
        files: blobs removed.
        bytes: of them, and of what dead writers left.
        in_use: blobs that stayed, because a worker reads or fetches them.
    """

    files: int = 0
    bytes: int = 0
    in_use: int = 0


class LayerCache:
    """A directory of kept blobs; every method raises StoreError where the file system fails, and nothing else.

    Args:
        location: where, and how large it may become.
    """

    def __init__(self, location: LayerCacheLocation) -> None:
        self.directory = Path(location.directory)
        self.cap = location.cap
        self._counted = False
        self._rests_until = 0.0

    def find(self, digest: str, size: int) -> int | None:
        """Open a kept blob.

        Args:
            digest: of it.
            size: bytes it must have; -1 where nobody knows.

        Returns:
            A descriptor to read it from, which the caller closes; having been found counts as use. None where it is not kept.
        """
        path = self._path(digest)
        with file_errors(path):
            descriptor = open_ours(path, size)
            if descriptor is None:
                return None
            if not lock_now(descriptor, fcntl.LOCK_SH) or not os.fstat(descriptor).st_nlink:
                os.close(descriptor)
                return None
            with contextlib.suppress(OSError):  # a file system mounted read-only can still be read
                os.utime(descriptor)
            return descriptor

    def reserve(self, digest: str, size: int) -> Arrival | Refusal:
        """Make room for a blob that is about to arrive.

        Args:
            digest: of it.
            size: its bytes.
        """
        if not 0 <= size <= self.cap or time.monotonic() < self._rests_until:
            return Refusal.NO_ROOM
        path = self.directory / _ARRIVING / _hex(digest)
        with self._locked() as books:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | OPEN_FLAGS, 0o600)
            try:
                if not lock_now(descriptor, fcntl.LOCK_EX):
                    return _closed(descriptor, Refusal.TAKEN)
                if is_ours(self._path(digest), size):
                    path.unlink()
                    return _closed(descriptor, Refusal.TAKEN)
                # What a dead writer left here is counted no more: it is written over.
                books.add(-os.fstat(descriptor).st_size)
                os.ftruncate(descriptor, 0)
                if not self._has_room(books, size):
                    path.unlink()
                    return _closed(descriptor, Refusal.NO_ROOM)
                books.add(size)
                os.ftruncate(descriptor, size)
            except BaseException:
                os.close(descriptor)
                raise
        return Arrival(self, digest, size, path, descriptor)

    def rest(self) -> None:
        """Let nothing arrive for a minute in this process: what just failed (a full disk) would fail again."""
        self._rests_until = time.monotonic() + _REST_SECONDS

    def drop(self, digest: str) -> None:
        """Forget a kept blob, if there is one: its bytes are not what its name says.

        Raises:
            StoreError: also where another worker reads it: its bytes stay on the disk as long.
        """
        path = self._path(digest)
        with self._locked() as books:
            size = counted_bytes(path)
            if not remove_unlocked(path):
                raise StoreError("is damaged, and another worker still reads it", where=str(path))
            books.add(-size)

    def usage(self) -> CacheUsage:
        """What it holds now; a directory that is not there holds nothing."""
        with file_errors(self.directory):
            kept = [found for _, found in self._kept()]
            arriving = sum(found.st_size for _, found in self._arriving())
        oldest = min((found.st_mtime for found in kept), default=None)
        return CacheUsage(len(kept), sum(found.st_size for found in kept) + arriving, oldest)

    def clear(self) -> Cleared:
        """Remove every blob that no worker reads or fetches at this moment."""
        with file_errors(self.directory):
            if not self.directory.exists():
                return Cleared()
        with self._locked() as books:
            kept = list(self._kept())
            left = list(self._arriving())
            gone = [found.st_size for path, found in kept if remove_unlocked(path)]
            dead = [found.st_size for path, found in left if remove_unlocked(path)]
            self._count(books)
        return Cleared(len(gone), sum(gone) + sum(dead), len(kept) + len(left) - len(gone) - len(dead))

    def keep(self, arrival: Arrival) -> None:
        """Give an arrived and verified blob its name."""
        path = self._path(arrival.digest)
        with self._locked() as books:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            # Only what is damaged or not ours can stand there, and it makes way.
            before = counted_bytes(path)
            arrival.path.rename(path)
            books.add(-before)

    def discard(self, arrival: Arrival) -> None:
        """Forget a blob that did not arrive as it should."""
        with self._locked() as books:
            arrival.empty()
            arrival.path.unlink()
            books.add(-arrival.size)

    def _path(self, digest: str) -> Path:
        name = _hex(digest)
        return self.directory / _KEPT / name[:2] / name

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Books]:
        with file_errors(self.directory):
            make_private(self.directory)
            make_private(self.directory / _KEPT)
            make_private(self.directory / _ARRIVING)
            descriptor = os.open(self.directory / _LOCK, os.O_RDWR | os.O_CREAT | OPEN_FLAGS, 0o600)
            try:
                lock_soon(descriptor, self.directory)
                books = Books(descriptor)
                if not self._counted or not books.readable:
                    self._count(books)
                yield books
            finally:
                os.close(descriptor)

    def _has_room(self, books: Books, wanted: int) -> bool:
        if books.total + wanted <= self._limit(books):
            return True
        self._count(books)
        limit = self._limit(books)
        if books.total + wanted <= limit:
            return True
        # What cannot fit at all costs nobody else his place, but for what the disk itself lacks.
        goal = limit if wanted > limit else max(0, limit - limit // _SLACK_SHARE - wanted)
        for path, found in sorted(self._kept(), key=lambda each: each[1].st_mtime_ns):
            if books.total <= goal:
                break
            if remove_unlocked(path):
                books.add(-found.st_size)
        return books.total + wanted <= limit

    def _limit(self, books: Books) -> int:
        disk = os.statvfs(self.directory)
        spare = (disk.f_bavail - disk.f_blocks // _SPARE_SHARE) * disk.f_frsize
        return max(0, min(self.cap, books.total + spare))

    def _count(self, books: Books) -> None:
        """Count what is there, but for what dead writers left: that is removed."""
        total = sum(found.st_size for path, found in self._arriving() if not remove_unlocked(path))
        total += sum(found.st_size for _, found in self._kept())
        books.put(total)
        self._counted = True

    def _kept(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in entries_of(self.directory / _KEPT):
            if folder.is_dir(follow_symlinks=False):
                yield from blobs_in(Path(folder.path))

    def _arriving(self) -> Iterator[tuple[Path, os.stat_result]]:
        yield from blobs_in(self.directory / _ARRIVING)


class Arrival:
    """A blob that arrives: written to, then kept or discarded.

    Args:
        cache: where it will be kept.
        digest: of it.
        size: its bytes; the file has as many from the start.
        path: of the file until then.
        descriptor: of the file, locked.
    """

    def __init__(self, cache: LayerCache, digest: str, size: int, path: Path, descriptor: int) -> None:
        self.digest = digest
        self.size = size
        self.path = path
        self.cache = cache
        self._descriptor = descriptor
        self._written = 0

    def write(self, data: memoryview) -> None:
        """Append bytes.

        Raises:
            StoreFull: no space is left.
            StoreError: the file system fails, or there are more bytes than were announced.
        """
        if self._written + len(data) > self.size:
            raise StoreError("more bytes arrive than were announced", where=self.digest)
        with file_errors(self.path):
            while data:
                count = os.write(self._descriptor, data)
                self._written += count
                data = data[count:]

    def empty(self) -> None:
        """Give its bytes back to the disk before its name goes: an open file lives on without one."""
        os.ftruncate(self._descriptor, 0)

    def keep(self) -> None:
        """Give the blob its name: its bytes are verified.

        Raises:
            StoreError: it cannot have it, or not all bytes came; nothing is left of it then.
        """
        try:
            if self._written != self.size:
                raise StoreError(f"{self._written} bytes arrived of {self.size}", where=self.digest)
            self.cache.keep(self)
        except StoreError:
            self.discard()
            raise
        os.close(self._descriptor)

    def discard(self) -> None:
        """Leave nothing of it; what cannot be removed now goes when room is made."""
        with contextlib.suppress(StoreError):
            self.cache.discard(self)
        os.close(self._descriptor)


def _hex(digest: str) -> str:
    if not is_digest(digest):
        raise StoreError("is no digest that a file can be named after", where=digest[:100])
    return digest.removeprefix("sha256:")


def _closed(descriptor: int, refusal: Refusal) -> Refusal:
    os.close(descriptor)
    return refusal
