"""The archive in a local directory.

An object is written to a scratch file, synced, linked to its name (link(2) fails where the name exists: the same promise
as S3's `If-None-Match: *`), and the directory is synced. A process killed anywhere leaves either no name or the whole
object, and a scratch file that the next one to open the store removes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from catalog.errors import ObjectMissing, StoreError
from catalog.keys import check_key, check_prefix
from catalog.store.interface import ObjectStat
from catalog.store.scratch import ScratchFile, file_errors, sweep

SCRATCH = ".scratch"
"""Directory of scratch files below the root: on the same file system, so that a finished file needs no copy."""

# What link(2) says on file systems that have no hard links.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
# What it says of a file that is not ours to link: on another mount, or another user's.
_NOT_LINKABLE = frozenset({errno.EXDEV, errno.EMLINK}) | _NO_LINKS


class LocalStore:
    """A store in a directory.

    Args:
        root: the directory; made when something is first written.

    Raises:
        StoreError: something else is there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        if root.exists() and not root.is_dir():
            raise StoreError("is no directory", where=str(root), advice="name another place for the archive")
        self._durable: set[Path] = set()
        sweep(self.scratch)

    @property
    def scratch(self) -> Path:
        """Where scratch files go."""
        return self.root / SCRATCH

    def put_if_absent(self, key: str, data: bytes | Path) -> bool:
        """See `Store.put_if_absent`; a file on the same file system is linked, another one copied."""
        target = self._path(key)
        with file_errors(target):
            self._make_directories(target.parent)
            if target.exists():
                _sync_directory(target.parent)
                return False
            if isinstance(data, Path):
                try:
                    return _hand_over(data, target)
                except OSError as error:
                    if error.errno not in _NOT_LINKABLE:
                        raise
            return self._copy(data, target)

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        path = self.local_copy(key)
        with file_errors(path):
            return path.read_bytes()

    def local_copy(self, key: str) -> Path:
        """See `Store.local_copy`; here it is the object itself."""
        path = self._path(key)
        if self.stat(key) is None:
            raise ObjectMissing("there is no such object", where=str(path))
        return path

    def stat(self, key: str) -> ObjectStat | None:
        """See `Store.stat`."""
        path = self._path(key)
        with file_errors(path):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return ObjectStat(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)) if path.is_file() else None

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self.stat(key) is not None

    def list(self, prefix: str = "") -> Iterator[ObjectStat]:
        """See `Store.list`; one directory at a time is held in memory."""
        folder = check_prefix(prefix).rpartition("/")[0]
        return self._walk(folder, prefix)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._path(key)
        with file_errors(path):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            _sync_directory(path.parent)

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LocalStore({str(self.root)!r})"

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _copy(self, data: bytes | Path, target: Path) -> bool:
        with ScratchFile(self.scratch) as copy:
            if isinstance(data, Path):
                with data.open("rb") as source, os.fdopen(os.dup(copy.descriptor), "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
            else:
                copy.write(data)
            os.fsync(copy.descriptor)
            try:
                return _link(copy.path, target)
            except OSError as error:
                if error.errno in _NO_LINKS:
                    raise StoreError(
                        "this file system has no hard links, which the archive needs to write safely",
                        where=str(self.root),
                        advice="put the archive on another file system or on S3",
                    ) from error
                raise

    def _make_directories(self, directory: Path) -> None:
        # A directory is durable once the one above it is synced. One below the root that is there may have been made a
        # moment ago by someone who has not come to that yet, so every process syncs each of them once.
        if directory in self._durable:
            return
        if self.root in directory.parents or not directory.exists():
            self._make_directories(directory.parent)
            directory.mkdir(exist_ok=True)
            _sync_directory(directory.parent)
        self._durable.add(directory)

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectStat]:
        directory = self.root / folder
        try:
            with file_errors(directory), os.scandir(directory) as listing:
                # A directory sorts as its keys do: with the slash that follows its name.
                names = sorted(
                    entry.name + "/" if entry.is_dir() else entry.name
                    for entry in listing
                    if not entry.name.startswith(".")
                )
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return
            raise
        for name in names:
            key = f"{folder}/{name}" if folder else name
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix):
                # None: it was deleted since the directory was read.
                found = self.stat(key)
                if found is not None:
                    yield found


def _hand_over(file: Path, target: Path) -> bool:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return _link(file, target)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
        written = True
    except FileExistsError:
        written = False
    # Also where another process was first: it may not have come to syncing yet.
    _sync_directory(target.parent)
    return written


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
