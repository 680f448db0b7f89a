"""Blobs through the cache: fetched once, kept only when right, and never lost to the cache's own trouble."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from catalog.errors import BlobError, DigestMismatch
from catalog.settings import LayerCacheLocation
from tasks.layer_cache.directory import CacheUsage, LayerCache
from tasks.layer_cache.streams import FetchedBlob, KeptBlob, layer_cache, through_cache
from tests.tasks.layer_cache.blobs import Served, blob, digest_of, kept_at, opened, read


@pytest.fixture
def location(tmp_path: Path) -> LayerCacheLocation:
    return LayerCacheLocation(str(tmp_path / "cache"), 1 << 20)


def test_what_was_read_and_verified_comes_from_the_cache_next_time(location: LayerCacheLocation) -> None:
    assert isinstance(read(location, blob(1)), FetchedBlob)
    assert isinstance(read(location, blob(1)), KeptBlob)


def test_bytes_that_are_not_the_digests_are_not_kept(location: LayerCacheLocation) -> None:
    with pytest.raises(DigestMismatch):
        read(location, blob(1), served=blob(2))
    assert layer_cache(location).usage() == CacheUsage()


def test_a_download_that_breaks_leaves_nothing(location: LayerCacheLocation) -> None:
    with pytest.raises(BlobError):
        read(location, blob(1), served=blob(1)[:5_000])
    with opened(location, blob(1)) as stream:
        stream.read(5_000)
    assert layer_cache(location).usage() == CacheUsage()
    assert list(Path(location.directory, "arriving").iterdir()) == []


def test_a_blob_that_cannot_be_opened_leaves_nothing(location: LayerCacheLocation) -> None:
    def refuse() -> Served:
        raise BlobError("not here")

    with pytest.raises(BlobError):
        through_cache(location, digest_of(blob(1)), 20_000, refuse)
    assert layer_cache(location).usage() == CacheUsage()


def test_both_ways_of_reading_keep_the_blob(location: LayerCacheLocation) -> None:
    with opened(location, blob(1)) as stream:
        buffer = memoryview(bytearray(5_000))
        assert stream.readinto(buffer) == 5_000
        while stream.read(4_000):
            pass
        assert isinstance(stream, FetchedBlob)
        stream.verified()
    with opened(location, blob(1)) as kept:
        assert isinstance(kept, KeptBlob)
        assert kept.readinto(buffer) == 5_000
        assert bytes(buffer) + kept.read(1 << 20) == blob(1)
        assert kept.read(1) == b""


def test_a_digest_that_is_no_sha256_goes_past_the_cache(location: LayerCacheLocation) -> None:
    with through_cache(location, "sha512:" + "a" * 128, 3, lambda: Served(b"abc")) as stream:
        assert stream.read(10) == b"abc"
    assert not Path(location.directory).exists()


@pytest.mark.parametrize("damaged", [b"", b"x", blob(1)[:-1], blob(1) + b"x"], ids=["empty", "one", "short", "long"])
def test_a_file_of_another_size_is_fetched_again(location: LayerCacheLocation, damaged: bytes) -> None:
    read(location, blob(1))
    kept_at(location, blob(1)).write_bytes(damaged)
    assert isinstance(read(location, blob(1)), FetchedBlob)
    assert kept_at(location, blob(1)).read_bytes() == blob(1)


def test_a_file_that_is_damaged_is_noticed_by_whoever_reads_it_and_can_be_forgotten(
    location: LayerCacheLocation,
) -> None:
    read(location, blob(1))
    kept_at(location, blob(1)).write_bytes(blob(2))
    with pytest.raises(DigestMismatch):
        read(location, blob(1))
    with opened(location, blob(1)) as kept:
        assert isinstance(kept, KeptBlob)
        assert kept.forget() == ""
    assert isinstance(read(location, blob(1)), FetchedBlob)
    assert isinstance(read(location, blob(1)), KeptBlob)


def test_a_damaged_file_that_another_reads_stays_on_the_books(location: LayerCacheLocation) -> None:
    read(location, blob(1))
    with opened(location, blob(1)), opened(location, blob(1)) as kept:
        assert isinstance(kept, KeptBlob)
        assert "another worker" in kept.forget()
    assert layer_cache(location).usage().bytes == 20_000


def test_while_another_fetches_it_a_reader_waits_and_fetches_nothing(
    location: LayerCacheLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    arriving = opened(location, blob(1))

    def finish(_seconds: float) -> None:
        while arriving.read(7_000):
            pass
        assert isinstance(arriving, FetchedBlob)
        arriving.verified()

    monkeypatch.setattr("tasks.layer_cache.streams.time.sleep", finish)
    assert isinstance(read(location, blob(1)), KeptBlob)
    arriving.close()


def test_who_waits_too_long_fetches_for_itself(location: LayerCacheLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.layer_cache.streams._WAIT_SECONDS", 0.0)
    monkeypatch.setattr("tasks.layer_cache.streams._LOOK_SECONDS", 0.001)
    with opened(location, blob(1)):
        assert isinstance(read(location, blob(1)), FetchedBlob)
    assert layer_cache(location).usage() == CacheUsage()


def test_a_full_disk_ends_the_keeping_and_not_the_reading(small_disk: Path) -> None:
    location = LayerCacheLocation(str(small_disk / "cache"), 1 << 20)
    data = blob(1, 150_000)
    with opened(location, data) as stream:
        assert isinstance(stream, FetchedBlob)
        (small_disk / "other").write_bytes(b"x" * 200_000)
        pieces = [stream.read(50_000) for _ in range(3)]
        assert b"".join(pieces) == data
        stream.verified()
    assert re.search("No space left", stream.trouble)
    (small_disk / "other").unlink()
    assert LayerCache(location).usage() == CacheUsage()
    # It is told once: until a while has passed, this process does not try again.
    again = read(location, data)
    assert isinstance(again, FetchedBlob)
    assert again.trouble == ""


@pytest.mark.parametrize("where", ["file/cache", "file"])
def test_a_directory_that_cannot_be_made_is_said_and_the_blob_read(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    stream = read(LayerCacheLocation(str(tmp_path / where), 1 << 20), blob(1))
    assert isinstance(stream, FetchedBlob)
    assert where.partition("/")[0] in stream.trouble


def test_a_directory_of_its_name_keeps_a_blob_out_and_harms_nothing(location: LayerCacheLocation) -> None:
    kept_at(location, blob(1)).mkdir(parents=True)
    for folder in (location.directory, f"{location.directory}/sha256"):
        Path(folder).chmod(0o700)
    stream = read(location, blob(1))
    assert isinstance(stream, FetchedBlob)
    assert stream.trouble
    assert LayerCache(location).usage() == CacheUsage()


def test_a_cache_that_is_cleared_while_it_is_read_gives_the_whole_blob(location: LayerCacheLocation) -> None:
    read(location, blob(1))
    with opened(location, blob(1)) as stream:
        start = stream.read(5_000)
        layer_cache(location).clear()
        shutil.rmtree(location.directory)
        assert start + stream.read(1 << 20) == blob(1)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_open(location: LayerCacheLocation) -> None:
    before = open_files()
    for number in range(20):
        read(location, blob(number % 3))
    with pytest.raises(DigestMismatch):
        read(location, blob(9), served=blob(8))
    assert open_files() == before
