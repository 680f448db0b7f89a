"""Files of a directory that several processes share: locks, the books of its bytes, and what of it is ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from catalog.errors import StoreDenied, StoreError
from tasks.digests import is_digest

OPEN_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""No link is followed and no FIFO waited for."""
_LOCK_SECONDS = 10.0
_BOOK_BYTES = 32


class Books:
    """The bytes of all files of a directory, written in the file of its lock: only who holds that reads or writes them.

    Args:
        descriptor: of the lock's file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        text = os.pread(descriptor, _BOOK_BYTES, 0).strip()
        self.readable = text.isdigit()
        self.total = int(text) if self.readable else 0

    def add(self, size: int) -> None:
        """Count some bytes more, or fewer."""
        self.put(max(0, self.total + size))

    def put(self, total: int) -> None:
        """Begin anew with what was counted."""
        self.total = total
        os.pwrite(self._descriptor, str(total).encode().ljust(_BOOK_BYTES), 0)


def make_private(directory: Path) -> None:
    """Make a directory for us alone, if need be.

    Raises:
        StoreDenied: what is there is a link, not ours, or others may write to it.
        OSError: it cannot be made.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StoreDenied(
            "is a link, belongs to another user, or others may write to it",
            where=str(directory),
            advice="name a directory that is not there yet",
        )


def open_ours(path: Path, size: int) -> int | None:
    """A descriptor to read a file of ours; None where there is none.

    Args:
        path: the file.
        size: bytes it must have; -1 for any number.
    """
    if not is_ours(path, size):
        return None
    try:
        return os.open(path, os.O_RDONLY | OPEN_FLAGS)
    except FileNotFoundError:
        return None


def is_ours(path: Path, size: int) -> bool:
    """Whether there is a regular file (no link) of our own user, with as many bytes (-1 for any number)."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    return ours and size in (-1, found.st_size)


def counted_bytes(path: Path) -> int:
    """The bytes that a file is counted with: none where it is no regular file, or not there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def lock_now(descriptor: int, kind: int) -> bool:
    """Take a lock (`fcntl.LOCK_SH` or `LOCK_EX`) unless somebody else's forbids it; whether we have it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_soon(descriptor: int, where: Path) -> None:
    """Take a lock that nobody holds for long.

    Raises:
        StoreError: its holder is stopped, or his disk hangs.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    pause = 0.0005
    while not lock_now(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise StoreError(f"stays locked for more than {_LOCK_SECONDS:.0f} s", where=str(where))
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def remove_unlocked(path: Path) -> bool:
    """Remove a file unless somebody has a lock on it; whether it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | OPEN_FLAGS)
    except FileNotFoundError:
        return True
    try:
        if not lock_now(descriptor, fcntl.LOCK_EX):
            return False
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return True


def blobs_in(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The regular files of a folder that are named after a digest, but for those that go while it is read."""
    for entry in entries_of(folder):
        with contextlib.suppress(FileNotFoundError):
            if is_digest(f"sha256:{entry.name}") and entry.is_file(follow_symlinks=False):
                yield Path(entry.path), entry.stat(follow_symlinks=False)


def entries_of(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds; nothing where it is not there."""
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except FileNotFoundError:
        return []
