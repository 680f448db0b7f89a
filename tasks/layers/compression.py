"""What a blob's first bytes say it is, and the fastest decoder for that.

Media types are not asked: registries and builders get them wrong, the bytes do not. Decoders work in bounded memory, and
their many exceptions leave here as two of ours.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from typing import IO, BinaryIO, cast

import zstandard
from isal import isal_zlib

from catalog.errors import LimitExceeded, MalformedLayer
from catalog.limits import Limits
from tasks.layers.blob import BlobReader
from tasks.layers.zstd_frames import FrameFollower

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPABLE = b"\x2a\x4d\x18"
"""Bytes two to four of a skippable frame (RFC 8878, 3.1.2); the first is 0x50 to 0x5f."""
BZIP2_MAGIC = b"BZh"
XZ_MAGIC = b"\xfd7zXZ\x00"

# isal's type stubs declare its exception as an instance.
_ISAL_ERROR = cast("type[Exception]", isal_zlib.error)

READ_BYTES = 1 << 17
"""Compressed bytes asked for at a time."""


@dataclass(frozen=True, slots=True)
class TarStream:
    """A blob's uncompressed bytes.

    Args:
        compression: tar (none), gzip, zstd, bzip2, xz, or empty.
        readinto: fills a buffer's beginning and returns how many bytes that were; 0 at the end only.
        check_end: to be called when the bytes ended before the tar did; raises MalformedLayer where the compressed stream is
            cut off and its decoder did not say so.
    """

    compression: str
    readinto: Callable[[memoryview], int]
    check_end: Callable[[], None] = lambda: None


def open_tar_stream(blob: BlobReader, limits: Limits) -> TarStream:
    """Choose the decoder by the first bytes.

    Args:
        blob: at its beginning.
        limits: caps on the decoders' memory.
    """
    magic = blob.sniff()
    if not magic:
        return TarStream("empty", blob.readinto)
    if magic.startswith(GZIP_MAGIC):
        return TarStream("gzip", isal_zlib._GzipReader(cast("BinaryIO", blob), READ_BYTES).readinto)
    if magic.startswith(ZSTD_MAGIC) or (magic[1:4] == ZSTD_SKIPPABLE and 0x50 <= magic[0] <= 0x5F):
        follower = FrameFollower(blob)
        decoder = zstandard.ZstdDecompressor(max_window_size=limits.zstd_window_bytes)
        reader = decoder.stream_reader(cast("IO[bytes]", follower), read_size=READ_BYTES, read_across_frames=True)
        return TarStream("zstd", reader.readinto, follower.check_end)
    if magic.startswith(BZIP2_MAGIC):
        return TarStream("bzip2", _BlockDecoder(blob, bz2.BZ2Decompressor).readinto)
    if magic == XZ_MAGIC:
        return TarStream("xz", _BlockDecoder(blob, lambda: lzma.LZMADecompressor(memlimit=limits.xz_bytes)).readinto)
    return TarStream("tar", blob.readinto)


@contextmanager
def decoder_errors() -> Iterator[None]:
    """Turn what decoders raise into errors of ours.

    Raises:
        MalformedLayer: the compressed stream is broken or cut off.
        LimitExceeded: decoding it would take more memory than allowed.
    """
    try:
        yield
    except (EOFError, BadGzipFile, zlib.error, _ISAL_ERROR, zstandard.ZstdError, lzma.LZMAError) as error:
        text = str(error)
        if "too much memory" in text or "Memory usage limit" in text:
            raise LimitExceeded("the compressed stream needs more memory than allowed") from error
        raise MalformedLayer(f"the compressed stream is broken ({text[:200]})") from error


class _BlockDecoder:
    """bzip2 and xz by the standard library's decoders, over concatenated streams."""

    def __init__(self, blob: BlobReader, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> None:
        self._blob = blob
        self._new = new
        self._decoder = new()
        self._input = b""

    def readinto(self, buffer: memoryview) -> int:
        while True:
            if self._decoder.eof and not self._next_stream():
                return 0
            data = b""
            if self._decoder.needs_input:
                data, self._input = self._input or self._blob.read(READ_BYTES), b""
                if not data:
                    raise EOFError("cut off")
            output = self._decode(data, len(buffer))
            if output:
                buffer[: len(output)] = output
                return len(output)

    def _next_stream(self) -> bool:
        rest = self._decoder.unused_data or self._blob.read(READ_BYTES)
        # xz pads its streams with zeros (xz file format, 2.2), and so do those who pad files.
        while rest and not rest.strip(b"\0"):
            rest = self._blob.read(READ_BYTES)
        self._input = rest.lstrip(b"\0")
        if rest:
            self._decoder = self._new()
        return bool(rest)

    def _decode(self, data: bytes, count: int) -> bytes:
        try:
            return self._decoder.decompress(data, count)
        except (OSError, ValueError) as error:
            raise MalformedLayer(f"the compressed stream is broken ({error})") from error
