"""The compressed side of a layer: bytes are counted and hashed as they pass, and checked against the digest at the end."""

from __future__ import annotations

import hashlib
from typing import Protocol, runtime_checkable

from catalog.errors import BlobTruncated, DigestMismatch, ProtocolViolation, SizeMismatch

SNIFFED_BYTES = 6
"""The longest magic of a compression that is known (xz)."""
_ALGORITHMS = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_DRAIN_BYTES = 1 << 18


class ByteStream(Protocol):
    """What a blob is read from."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer's beginning and return how many bytes that were; 0 at the end only."""


@runtime_checkable
class VerifiedStream(Protocol):
    """A stream that wants to know when its bytes turned out to be the right ones."""

    def verified(self) -> None:
        """All bytes were read, and they have the blob's digest and size."""


class BlobReader:
    """Counts and hashes a blob's bytes while a decompressor pulls them.

    Args:
        stream: the bytes as served.
        digest: `<algorithm>:<hex>` that they must have (OCI image-spec, "Digests").
        size: bytes they must be; -1 where nobody knows.

    Raises:
        ProtocolViolation: a digest of an algorithm that the specification does not register.
    """

    def __init__(self, stream: ByteStream, digest: str, size: int = -1) -> None:
        algorithm, colon, self._expected = digest.partition(":")
        if not colon or algorithm not in _ALGORITHMS:
            raise ProtocolViolation("a digest of an unknown algorithm", where=digest[:100])
        self._hash = _ALGORITHMS[algorithm]()
        self._stream = stream
        self._digest = digest
        self._size = size
        self._head = b""
        self._scratch = memoryview(bytearray(_DRAIN_BYTES))
        self.count = 0

    def sniff(self) -> bytes:
        """The first bytes, which stay to be read."""
        buffer = bytearray(SNIFFED_BYTES)
        view = memoryview(buffer)
        have = 0
        while have < SNIFFED_BYTES:
            got = self._pull(view[have:])
            if not got:
                break
            have += got
        self._head = bytes(buffer[:have])
        return self._head

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer; return how many bytes that were, fewer than it has room for at the end only.

        A network yields its bytes by chance. A decoder that met a broken place a few bytes earlier or later would give a layer
        another outcome each time, so it gets the same pieces whenever it gets the same blob.

        Raises:
            BlobError: more bytes than the blob has, or what the stream raises.
            SourceError: what the stream raises.
        """
        have = min(len(self._head), len(buffer))
        buffer[:have] = self._head[:have]
        self._head = self._head[have:]
        while have < len(buffer):
            got = self._pull(buffer[have:])
            if not got:
                break
            have += got
        return have

    def read(self, count: int = _DRAIN_BYTES) -> bytes:
        """`count` bytes, but no more than 256 KiB; fewer at the end only. Raises as `readinto`."""
        wanted = min(count, _DRAIN_BYTES) if count > 0 else _DRAIN_BYTES
        got = self.readinto(self._scratch[:wanted])
        return bytes(self._scratch[:got])

    def finish(self) -> None:
        """Read to the end, and hold size and digest against what was promised.

        Raises:
            BlobTruncated: fewer bytes.
            SizeMismatch: more bytes, or a size that contradicts the digest.
            DigestMismatch: other bytes.
        """
        while self._pull(self._scratch):
            pass
        matches = self._hash.hexdigest() == self._expected
        if 0 <= self._size != self.count:
            what = f"{self.count} bytes instead of {self._size}"
            if matches or self.count > self._size:
                raise SizeMismatch(what, where=self._digest)
            raise BlobTruncated(what, where=self._digest)
        if not matches:
            raise DigestMismatch("the bytes have another digest", where=self._digest)
        if isinstance(self._stream, VerifiedStream):
            self._stream.verified()

    def _pull(self, buffer: memoryview) -> int:
        got = self._stream.readinto(buffer)
        if got:
            self.count += got
            if 0 <= self._size < self.count:
                raise SizeMismatch(f"more than {self._size} bytes", where=self._digest)
            self._hash.update(buffer if got == len(buffer) else buffer[:got])
        return got
