"""Local files as streams of bytes: regular files only, opened so that nothing on the way can hang or lead elsewhere."""

from __future__ import annotations

import bz2
import errno
import io
import lzma
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import zstandard
from isal import igzip, igzip_lib

from catalog.errors import BlobError, NotFound, SourceError

_MAGICS = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"))
_ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)  # its stub declares an instance
DECOMPRESSION_ERRORS = (OSError, EOFError, _ISAL_ERROR, zlib.error, lzma.LZMAError, zstandard.ZstdError, ValueError)
"""What the readers of `unpacked` raise on bytes that are not what their magic promised."""


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file for reading, unbuffered. A last component that is a symlink, and a FIFO or device, are refused.

    Raises:
        NotFound: nothing is there.
        SourceError: it is no regular file, or we may not read it.
    """
    try:
        # Without O_NONBLOCK a FIFO would keep us waiting for a writer that never comes.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFound("there is no such file", where=str(path)) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SourceError("is a symbolic link", where=str(path), advice="name the file it leads to") from error
        raise SourceError(f"cannot be opened: {error.strerror}", where=str(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceError("is no regular file", where=str(path))
    return os.fdopen(descriptor, "rb", buffering=0)


def read_whole(path: str | Path, limit: int) -> bytes:
    """A regular file's bytes.

    Args:
        path: the file.
        limit: bytes it may have.

    Raises:
        NotFound, SourceError: as `open_regular`, or it is larger, or cannot be read.
    """
    with open_regular(path) as file:
        try:
            pieces, left = [], limit + 1
            while left > 0 and (piece := file.read(min(left, 1 << 20))):
                pieces.append(piece)
                left -= len(piece)
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if left <= 0:
        raise SourceError(f"has more than {limit:,} bytes", where=str(path))
    return b"".join(pieces)


def compression_of(start: bytes) -> str:
    """The compression whose magic bytes begin `start`: gzip, zstd, bzip2, xz; empty for none of them."""
    return next((name for magic, name in _MAGICS if start.startswith(magic)), "")


def unpacked(file: BinaryIO) -> BinaryIO:
    """What a compressed file holds, as a stream (DECOMPRESSION_ERRORS while reading it); an uncompressed file as it is."""
    start = file.read(6)
    file.seek(0)
    match compression_of(start):
        case "gzip":
            return cast("BinaryIO", igzip.IGzipFile(fileobj=file, mode="rb"))  # type: ignore[no-untyped-call]
        case "zstd":
            return cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
        case "bzip2":
            return cast("BinaryIO", bz2.BZ2File(file))
        case "xz":
            return cast("BinaryIO", lzma.LZMAFile(file))
        case _:
            return file


class FileStream:
    """A stretch of a local file as a blob stream (see `tasks.blobs.BlobStream`).

    Args:
        path: the file; must be regular.
        offset: first byte, counted after decompression where `packed`.
        length: bytes.
        packed: the file as a whole is compressed.

    Raises:
        NotFound, SourceError: as `open_regular`.
        BlobError: while reading: the file cannot be read or unpacked.
    """

    def __init__(self, path: str, offset: int, length: int, *, packed: bool = False) -> None:
        self._path = path
        self._left = length
        self._file = open_regular(path)
        self._stream = self._file
        try:
            if packed:
                self._stream = unpacked(self._file)
                self._skip(offset)
            else:
                self._file.seek(offset)
        except DECOMPRESSION_ERRORS as error:
            self.close()
            raise BlobError(f"cannot be unpacked: {error}", where=path) from error
        except BaseException:
            self.close()
            raise

    def _skip(self, count: int) -> None:
        while count > 0:
            piece = len(self._stream.read(min(count, 1 << 20)))
            if piece == 0:
                raise EOFError("it ends before the layer begins")
            count -= piece

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end."""
        try:
            data = self._stream.read(min(size, self._left))
        except DECOMPRESSION_ERRORS as error:
            raise BlobError(f"cannot be read: {error}", where=self._path) from error
        self._left -= len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        if self._stream is not self._file and isinstance(self._stream, io.IOBase):
            self._stream.close()
        self._file.close()

    def __enter__(self) -> FileStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
