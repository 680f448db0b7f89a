"""A blob streamed from a registry: resumed where the connection breaks, and counted.

A broken stream continues with a Range request from where it stopped. A server that ignores Range and sends everything again
is read past what we have. Resuming is given up after several tries that brought nothing worth mentioning, so neither a server
that always breaks at the same place nor one that drips single bytes can hold a worker for ever.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from catalog.errors import (
    BlobTruncated,
    NotFound,
    ProtocolViolation,
    RegistryUnreachable,
    SizeMismatch,
)
from tasks.transport import RegistryAccess, Reply

Opener = Callable[[dict[str, str]], Reply]
"""Asks for the blob with some more headers, credentials and redirects included; its status is 200, 206 or 416."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_PROGRESS = 256 << 10
_PIECE = 1 << 20


class RegistryStream:
    """The bytes of a registry's blob (see `tasks.blobs.BlobStream`).

    Args:
        opener: how to ask for it.
        where: what errors name.
        size: bytes it must have; -1 where nobody said.
        access: how often and how patiently to resume.

    Raises:
        NotFound, Unauthorised, RegistryUnreachable, RegistryBusy, ProtocolViolation: it cannot be had.
        SizeMismatch: the registry has another number of bytes; also while reading.
        BlobTruncated: while reading: it ends early, again and again.
    """

    def __init__(self, opener: Opener, *, where: str, size: int, access: RegistryAccess) -> None:
        self._opener = opener
        self._where = where
        self._size = size
        self._access = access
        self._offset = 0
        self._failures = 0
        self._safe_offset = 0
        self._finished = False
        self._reply: Reply | None = self._open()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end."""
        while not self._finished:
            data = self._attempt(size)
            if data is None:
                continue
            if not data:
                self._finish()
                break
            self._offset += len(data)
            if 0 <= self._size < self._offset:
                raise SizeMismatch(f"has more than the {self._size:,} bytes it should have", where=self._where)
            return data
        return b""

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the connection."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None

    def __enter__(self) -> RegistryStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attempt(self, size: int) -> bytes | None:
        """One read; None where the connection broke and was, or is to be, opened again."""
        try:
            if self._reply is None:
                self._reply = self._open()
            data = self._reply.read(size)
        except RegistryUnreachable as error:
            self._pause_after(error)
            return None
        if not data and self._offset < self._size:
            # A clean end, too early: the server announced no length, or lied about it.
            self._pause_after(BlobTruncated("it ends early", where=self._where))
            return None
        return data

    def _pause_after(self, error: Exception) -> None:
        self.close()
        if self._offset - self._safe_offset >= _PROGRESS:
            self._failures = 0
        self._safe_offset = max(self._safe_offset, self._offset)
        self._failures += 1
        if self._failures > self._access.retries:
            raise BlobTruncated(
                f"ends after {self._offset:,} of {self._size:,} bytes and cannot be resumed", where=self._where
            ) from error
        time.sleep(self._access.backoff_seconds * 2 ** (self._failures - 1))

    def _finish(self) -> None:
        self._finished = True
        self.close()
        if 0 <= self._size != self._offset:
            raise SizeMismatch(f"has {self._offset:,} bytes instead of {self._size:,}", where=self._where)

    def _open(self) -> Reply:
        reply = self._opener({"Range": f"bytes={self._offset}-"} if self._offset else {})
        try:
            match reply.status:
                case 206 if self._offset:
                    self._check_range(reply)
                case 200:
                    self._check_length(reply)
                    self._skip(reply)
                case 416 if self._offset:
                    raise SizeMismatch(
                        f"ends after {self._offset:,} bytes instead of {self._size:,}", where=self._where
                    )
                case 404:
                    raise NotFound("the registry does not have this blob", where=self._where)
                case status:
                    raise ProtocolViolation(f"answers {status} to a request for a blob", where=self._where)
        except BaseException:
            reply.close()
            raise
        return reply

    def _check_range(self, reply: Reply) -> None:
        match = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", ""))
        if match is None or int(match[1]) != self._offset:
            raise ProtocolViolation("resumes a blob at another place than asked for", where=self._where)
        if match[3] != "*" and 0 <= self._size != int(match[3]):
            raise SizeMismatch(f"has {int(match[3]):,} bytes instead of {self._size:,}", where=self._where)

    def _check_length(self, reply: Reply) -> None:
        length = reply.headers.get("content-length", "")
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise ProtocolViolation("sends a blob in an encoding that was not asked for", where=self._where)
        if self._size >= 0 and length.isdecimal() and int(length[:19]) != self._size:
            raise SizeMismatch(f"has {int(length[:19]):,} bytes instead of {self._size:,}", where=self._where)

    def _skip(self, reply: Reply) -> None:
        left = self._offset
        while left > 0:
            data = reply.read(min(left, _PIECE))
            if not data:
                raise RegistryUnreachable("the connection broke", where=self._where)
            left -= len(data)
