"""The directory of a cluster of our own: sockets and logs, gone with it.

Whoever is killed cannot clean up. A lock on a file inside says that a directory is in use, and ends with its process whatever
happens; the next cluster removes what nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import ClusterError

_PREFIX = "longshore-ray-"
_IN_USE = "in-use"
_INNER = "r"
"""Ray opens its directory to everybody, so it gets one inside of ours."""

_SETTLING_SECONDS = 30
"""How young a directory may be made and not locked yet."""
_LONGEST_BASE = 34
"""Longest temporary directory below which Ray's socket paths stay inside the 107 bytes that Unix allows."""


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Makes a private directory with a short name, removes it in the end, and before it what killed processes left.

    Raises:
        ClusterError: there is no room for it.
    """
    base = Path(tempfile.gettempdir())
    if len(os.fspath(base)) > _LONGEST_BASE:
        base = Path("/tmp")  # noqa: S108  (mkdtemp makes what is in it private)
    _remove_abandoned(base)
    try:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    except OSError as error:
        raise ClusterError(
            f"no directory can be made for Ray ({error.strerror})",
            where=str(base),
            advice="free some space, or set TMPDIR",
        ) from error
    try:
        with (directory / _IN_USE).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            inner = directory / _INNER
            inner.mkdir()
            yield inner
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _remove_abandoned(base: Path) -> None:
    for directory in base.glob(f"{_PREFIX}*"):
        try:
            status = directory.stat()
            if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _SETTLING_SECONDS:
                continue
            with (directory / _IN_USE).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
        except OSError:
            # In use, or removed by somebody else just now.
            continue
