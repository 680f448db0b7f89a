"""Local copies of a remote store's objects: those used last, within a cap on their bytes.

Objects never change, so a copy is good for as long as it is kept. Several processes share a directory: a copy appears by
rename, whole; making room happens under a lock, before the bytes that need it arrive, and takes what was used longest ago.
An open file lives on when its name is dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from catalog.errors import StoreUnreachable
from catalog.store.scratch import ScratchFile, file_errors, sweep

_ARRIVING = ".arriving"
_LOCK = ".lock"


class Copies:
    """A directory of local copies.

    Args:
        directory: where; made when it is first needed.
        cap: bytes that all copies may have, those that are still arriving included. One object above the cap is held
            alone.
    """

    def __init__(self, directory: Path, cap: int) -> None:
        self.directory = directory
        self.cap = cap
        sweep(directory / _ARRIVING)

    def find(self, name: str) -> Path | None:
        """The copy of what has this name (an object's URL), or None; having been found counts as use."""
        path = self._path(name)
        with file_errors(path):
            try:
                os.utime(path)
            except FileNotFoundError:
                return None
        return path

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> Path:
        """Keep a copy.

        Args:
            name: of what it is a copy.
            size: its bytes, as the server says.
            chunks: its bytes, as they arrive.

        Raises:
            StoreUnreachable: more or fewer bytes came.
            StoreFull: the local disk is full.
        """
        path = self._path(name)
        with self._room_for(size) as file:
            received = 0
            for chunk in chunks:
                received += len(chunk)
                if received > size:
                    break
                file.write(chunk)
            if received != size:
                raise StoreUnreachable(f"sent {received} bytes of {size}", where=name)
            with file_errors(path):
                os.fsync(file.descriptor)
                file.path.rename(path)
        return path

    def drop(self, name: str) -> None:
        """Forget a copy, if there is one."""
        path = self._path(name)
        with file_errors(path):
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
        return self.directory / f"{digest}{PurePosixPath(name).suffix}"

    @contextlib.contextmanager
    def _room_for(self, size: int) -> Iterator[ScratchFile]:
        with file_errors(self.directory):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            with file_errors(self.directory), (self.directory / _LOCK).open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._evict(size)
                file = held.enter_context(ScratchFile(self.directory / _ARRIVING))
                # As long as it will be from the start, so that whoever makes room next counts it in full.
                os.ftruncate(file.descriptor, size)
            yield file

    def _evict(self, wanted: int) -> None:
        # First those that arrive: one that becomes a copy meanwhile is counted twice, never missed.
        total = wanted + sum(found.st_size for _, found in _files(self.directory / _ARRIVING))
        kept = []
        for path, found in _files(self.directory):
            kept.append((found.st_mtime_ns, found.st_size, path))
            total += found.st_size
        for _, size, path in sorted(kept):
            if total <= self.cap:
                return
            path.unlink(missing_ok=True)
            total -= size


def _files(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The files of a directory, but for those that others rename or remove while it is read."""
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as listing:
        for entry in listing:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                    yield Path(entry.path), entry.stat(follow_symlinks=False)
