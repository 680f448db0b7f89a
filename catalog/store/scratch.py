"""Files on their way into the store, and nothing left of them when their writer dies.

A scratch file has a name of its own in a directory of its own, and its writer holds a lock on it for as long as it lives
(flock(2): the kernel lets go of it when the process dies, however it dies). So whoever opens the store later can tell a
leftover from work in progress without asking for ages or process ids, and removes it. The bytes become visible elsewhere
by link(2) or an upload, never by this name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from catalog.errors import StoreDenied, StoreError, StoreFull


class ScratchFile:
    """A new, empty, locked file; removed by `close`, or by a later `sweep` if it never came to that.

    Args:
        directory: where; made if need be.
        suffix: ending of its name.

    Raises:
        StoreFull: no space for it.
        StoreDenied: no right to it.
        StoreError: the file system fails.
    """

    def __init__(self, directory: Path, suffix: str = "") -> None:
        with file_errors(directory):
            directory.mkdir(parents=True, exist_ok=True)
            self.path, self.descriptor = _create(directory, suffix)

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            StoreFull: no space is left.
        """
        with file_errors(self.path):
            view = memoryview(data)
            while view:
                view = view[os.write(self.descriptor, view) :]

    def close(self) -> None:
        """Remove the name and let go of the lock; the bytes live on where they were linked to."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _create(directory: Path, suffix: str) -> tuple[Path, int]:
    while True:
        path = directory / f"{secrets.token_hex(12)}{suffix}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return path, descriptor
        except OSError:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        # A sweep came between creating and locking, and took it for a leftover.
        os.close(descriptor)


def sweep(directory: Path) -> int:
    """Remove what dead writers left in a scratch directory.

    Returns:
        How many files were removed. Files of living writers stay, and so does what cannot be removed.
    """
    removed = 0
    try:
        leftovers = [Path(entry.path) for entry in os.scandir(directory) if entry.is_file(follow_symlinks=False)]
    except OSError:
        return 0
    for path in leftovers:
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed


@contextlib.contextmanager
def file_errors(where: Path | str) -> Iterator[None]:
    """Turn what the file system raises into errors of ours.

    Args:
        where: the file or directory to name.

    Raises:
        StoreFull: disk full, quota or file size limit reached.
        StoreDenied: no right, or a file system mounted read-only.
        StoreError: anything else.
    """
    try:
        yield
    except OSError as error:
        what = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(what, where=str(where), advice="free some space and run the same again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreDenied(what, where=str(where)) from error
        raise StoreError(what, where=str(where)) from error
