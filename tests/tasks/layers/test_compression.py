"""Whatever a layer is packed with, its rows are the same; whatever is broken about it ends in a reason."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import random
import zlib
from collections.abc import Callable

import pytest
import zstandard

from catalog.errors import LayerError, LimitExceeded, MalformedLayer
from catalog.limits import Limits
from tasks.layers.blob import BlobReader
from tasks.layers.compression import open_tar_stream
from tasks.layers.zstd_frames import MOST_IDLE, FrameFollower
from tests.tasks.layers.reading import END, Drops, entry, read, sha256

TAR = b"".join(entry(b"f%d" % n, random.Random(n).randbytes(n * 250)) for n in range(60)) + END
HALF = len(TAR) // 2


def zstd(data: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


def zstd_streamed(data: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return b"".join([packer.compress(data[:HALF]), packer.compress(data[HALF:]), packer.flush()])


SKIPPABLE = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00hello"
PACKED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("tar", bytes),
    "gzip": ("gzip", gzip.compress),
    "gzip of two members": ("gzip", lambda data: gzip.compress(data[:HALF]) + gzip.compress(data[HALF:])),
    "gzip, a member per 64 KiB": (
        "gzip",
        lambda data: b"".join(gzip.compress(data[at : at + 65536], 1) for at in range(0, len(data), 65536)),
    ),
    "gzip with padding": ("gzip", lambda data: gzip.compress(data) + bytes(512)),
    "zstd": ("zstd", zstd),
    "zstd without a content size": ("zstd", lambda data: zstd(data, write_content_size=False)),
    "zstd with a checksum": ("zstd", lambda data: zstd(data, write_checksum=True)),
    "zstd streamed": ("zstd", zstd_streamed),
    "zstd of two frames": ("zstd", lambda data: zstd(data[:HALF]) + zstd(data[HALF:])),
    "zstd chunked": ("zstd", lambda data: SKIPPABLE + zstd(data[:HALF]) + SKIPPABLE + zstd(data[HALF:]) + SKIPPABLE),
    "bzip2": ("bzip2", bz2.compress),
    "bzip2 of two streams": ("bzip2", lambda data: bz2.compress(data[:HALF]) + bz2.compress(data[HALF:])),
    "xz": ("xz", lzma.compress),
    "xz of two streams": ("xz", lambda data: lzma.compress(data[:HALF]) + bytes(8) + lzma.compress(data[HALF:])),
}


@pytest.mark.parametrize("name", PACKED)
def test_the_rows_are_the_same_whatever_the_layer_is_packed_with(name: str) -> None:
    word, pack = PACKED[name]
    result = read(pack(TAR))
    assert result.records.compression == word
    assert result.entries == read(TAR).entries
    assert result.records.composition_hash == read(TAR).records.composition_hash


@pytest.mark.parametrize("name", [name for name in PACKED if name != "plain"])
def test_a_packed_layer_that_is_cut_off_is_malformed(name: str) -> None:
    blob = PACKED[name][1](TAR)
    for length in (7, len(blob) // 3, len(blob) // 2):
        with pytest.raises(MalformedLayer):
            read(blob[:length])


@pytest.mark.parametrize("name", ["gzip", "zstd", "bzip2", "xz"])
def test_a_stream_cut_between_two_entries_is_no_short_archive(name: str) -> None:
    # Without the end marker a tar may end at any entry; only the compression can tell that more was to come.
    whole = TAR[: -len(END)]
    blob = PACKED[name][1](whole)
    assert len(read(blob).entries) == 60
    for missing in (1, 2, 5):
        with pytest.raises(MalformedLayer):
            read(blob[:-missing])


@pytest.mark.parametrize("name", ["gzip", "zstd with a checksum", "bzip2", "xz"])
def test_damage_within_a_packed_layer_never_raises_anything_else(name: str) -> None:
    blob = bytearray(PACKED[name][1](TAR))
    chance = random.Random(5)
    for _ in range(25):
        at, value = chance.randrange(len(blob)), chance.randrange(256)
        before, blob[at] = blob[at], value
        with contextlib.suppress(LayerError):
            read(bytes(blob))
        blob[at] = before


@pytest.mark.parametrize("name", ["gzip", "zstd", "xz"])
def test_an_empty_archive_can_be_packed(name: str) -> None:
    for empty in (b"", END):
        assert read(PACKED[name][1](empty)).entries == []


def test_an_empty_blob_is_an_empty_layer() -> None:
    assert read(b"").records.compression == "empty"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_bomb_is_stopped_by_its_ratio(name: str) -> None:
    bomb = PACKED[name][1](entry(b"a", b"1") + entry(b"zeros", bytes(64 << 20)) + entry(b"b", b"1") + END)
    result = read(bomb, limits=Limits(ratio_from_bytes=1 << 20, layer_ratio=100))
    assert result.reasons == ["limit-exceeded"]
    assert result.paths[:1] == ["a"]


def test_an_xz_stream_that_needs_too_much_memory_is_stopped() -> None:
    result = read(lzma.compress(TAR, preset=6), limits=Limits(xz_bytes=1 << 20))
    assert result.reasons == ["limit-exceeded"]


EMPTY_BLOCK = b"\0\0\0"
EMPTY_BLOCKS = {
    "raw blocks": EMPTY_BLOCK,
    "RLE blocks": b"\2\0\0\0",
    "compressed blocks": b"\x14\0\0\0\0",
    "frames": b"\x28\xb5\x2f\xfd\x20\0\1\0\0",
    "skippable frames": b"\x50\x2a\x4d\x18\0\0\0\0",
}


@pytest.mark.parametrize("name", EMPTY_BLOCKS)
def test_zstd_blocks_without_end_that_hold_nothing_are_malformed(name: str) -> None:
    start = b"" if name.endswith("frames") else b"\x28\xb5\x2f\xfd\0\x50"
    with pytest.raises(MalformedLayer, match="hold nothing"):
        read(zstd(TAR[:HALF]) + start + EMPTY_BLOCKS[name] * (MOST_IDLE + 1))


def test_some_zstd_blocks_and_frames_may_hold_nothing() -> None:
    some = EMPTY_BLOCKS["frames"] * 1_000 + EMPTY_BLOCKS["skippable frames"] * 1_000
    start = b"\x28\xb5\x2f\xfd\0\x50" + EMPTY_BLOCK * 1_000 + b"\1\0\0"
    assert read(start + zstd(TAR[:HALF]) + some + zstd(TAR[HALF:]) + some).entries == read(TAR).entries


def test_a_zstd_stream_of_zeros_or_of_small_writes_is_no_endless_one() -> None:
    zeros = entry(b"zeros", bytes(2048 << 17)) + END
    packer = zstandard.ZstdCompressor().compressobj()
    flushed = b"".join(
        packer.compress(TAR[at : at + 100]) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for at in range(0, len(TAR), 100)
    )
    assert read(zstd(zeros), limits=Limits(layer_ratio=1 << 30)).paths == ["zeros"]
    assert read(flushed + packer.flush()).entries == read(TAR).entries


def test_a_zstd_window_that_needs_too_much_memory_is_stopped() -> None:
    options = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=options).compressobj()
    blob = packer.compress(TAR) + packer.flush()
    result = read(blob, limits=Limits(zstd_window_bytes=1 << 20))
    assert result.reasons == ["limit-exceeded"]


def test_data_that_cannot_be_packed_is_not_mistaken_for_packed() -> None:
    with pytest.raises(MalformedLayer):
        read(b"\x1f\x8b" + zlib.compress(TAR))


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100, 5000])
def test_frames_are_followed_however_their_bytes_come(piece: int) -> None:
    blob = SKIPPABLE + zstd(TAR[:9000], write_checksum=True) + zstd_streamed(TAR[:20000]) + zstd(b"") + SKIPPABLE
    for length in (len(blob), len(blob) - 1, len(blob) - len(SKIPPABLE), len(SKIPPABLE) + 9):
        part = blob[:length]
        follower = FrameFollower(BlobReader(Drops(part, piece), sha256(part)))
        while follower.read(100_000):
            pass
        if length in (len(blob), len(blob) - len(SKIPPABLE)):
            follower.check_end()
        else:
            with pytest.raises(MalformedLayer):
                follower.check_end()


def test_decoders_read_no_more_than_they_are_asked() -> None:
    blob = gzip.compress(bytes(10 << 20))
    stream = open_tar_stream(BlobReader(io.BytesIO(blob), sha256(blob)), Limits())
    assert stream.readinto(memoryview(bytearray(1000))) <= 1000


def test_limit_exceeded_is_a_layer_error() -> None:
    assert issubclass(LimitExceeded, LayerError)


@pytest.mark.parametrize("name", ["gzip", "zstd with a checksum", "bzip2", "xz"])
def test_how_the_bytes_come_decides_nothing(name: str) -> None:
    """Behind the archive's end the decoder meets a broken place or is never asked: the same each time, not by the network."""
    padded = PACKED[name][1](entry(b"f", random.Random(1).randbytes(3_000)) + END + random.Random(2).randbytes(9_000))
    chance = random.Random(6)
    for _ in range(40):
        blob = bytearray(padded)
        blob[chance.randrange(len(blob) // 3, len(blob))] ^= chance.randrange(1, 256)
        outcomes = {_outcome(bytes(blob), piece) for piece in (7, 700, 1 << 20)}
        assert len(outcomes) == 1


def _outcome(blob: bytes, piece: int) -> bytes | str:
    try:
        return read(blob, stream=Drops(blob, piece)).records.composition_hash
    except LayerError as error:
        return str(error)
