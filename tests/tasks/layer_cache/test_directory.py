"""The cache's directory: what is kept, for how long, and what is never touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.errors import StoreDenied, StoreError
from catalog.settings import LayerCacheLocation
from tasks.layer_cache.directory import Arrival, CacheUsage, Cleared, LayerCache, Refusal
from tests.tasks.layer_cache.blobs import blob, digest_of, kept_at

CAP = 100_000


@pytest.fixture
def location(tmp_path: Path) -> LayerCacheLocation:
    return LayerCacheLocation(str(tmp_path / "cache"), CAP)


def arriving(cache: LayerCache, data: bytes) -> Arrival:
    reserved = cache.reserve(digest_of(data), len(data))
    assert isinstance(reserved, Arrival)
    return reserved


def keep(cache: LayerCache, data: bytes, age: int = 0) -> None:
    arrival = arriving(cache, data)
    arrival.write(memoryview(data))
    arrival.keep()
    if age:
        path = kept_at(LayerCacheLocation(str(cache.directory), cache.cap), data)
        os.utime(path, (path.stat().st_mtime - age,) * 2)


def found(cache: LayerCache, data: bytes) -> bytes | None:
    descriptor = cache.find(digest_of(data), len(data))
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_a_blob_is_kept_under_its_digest_for_its_user_alone(location: LayerCacheLocation) -> None:
    keep(LayerCache(location), blob(1))
    path = kept_at(location, blob(1))
    assert path.read_bytes() == blob(1)
    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (path.parent, path.parent.parent, Path(location.directory)):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_blob_that_still_arrives_is_not_found(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    arrival = arriving(cache, blob(1))
    arrival.write(memoryview(blob(1)))
    assert found(cache, blob(1)) is None
    arrival.keep()
    assert found(cache, blob(1)) == blob(1)


def test_a_new_process_finds_what_an_earlier_one_kept(location: LayerCacheLocation) -> None:
    keep(LayerCache(location), blob(1))
    assert found(LayerCache(location), blob(1)) == blob(1)


@pytest.mark.parametrize("size", [0, 19_999])
def test_of_a_blob_that_did_not_arrive_whole_nothing_is_left(location: LayerCacheLocation, size: int) -> None:
    cache = LayerCache(location)
    arrival = arriving(cache, blob(1))
    arrival.write(memoryview(blob(1)[:size]))
    with pytest.raises(StoreError, match="bytes arrived of 20000"):
        arrival.keep()
    assert cache.usage() == CacheUsage()
    assert list((cache.directory / "arriving").iterdir()) == []


def test_more_bytes_than_were_announced_are_refused(location: LayerCacheLocation) -> None:
    arrival = arriving(LayerCache(location), blob(1))
    with pytest.raises(StoreError, match="more bytes"):
        arrival.write(memoryview(blob(1) + b"x"))
    arrival.discard()


def test_what_was_used_longest_ago_makes_room(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    for number in range(4):
        keep(cache, blob(number), age=100 - number)
    assert found(cache, blob(0)) is not None
    keep(cache, blob(4))
    keep(cache, blob(5))
    assert [number for number in range(6) if found(cache, blob(number)) is None] == [1, 2]


def test_what_is_being_read_does_not_make_room(location: LayerCacheLocation) -> None:
    cache = LayerCache(LayerCacheLocation(location.directory, 50_000))
    keep(cache, blob(1), age=100)
    keep(cache, blob(2))
    reading = cache.find(digest_of(blob(1)), -1)
    assert reading is not None
    os.utime(kept_at(location, blob(1)), (1, 1))
    keep(cache, blob(3))
    os.close(reading)
    assert [found(cache, blob(number)) is not None for number in (1, 2, 3)] == [True, False, True]


def test_where_everything_is_in_use_nothing_arrives(location: LayerCacheLocation) -> None:
    cache = LayerCache(LayerCacheLocation(location.directory, 30_000))
    arrival = arriving(cache, blob(1))
    assert cache.reserve(digest_of(blob(2)), 20_000) is Refusal.NO_ROOM
    arrival.discard()
    keep(cache, blob(2))


def test_a_blob_above_the_cap_is_not_cached_and_costs_nobody_his_place(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    keep(cache, blob(1))
    assert cache.reserve(digest_of(blob(2)), CAP + 1) is Refusal.NO_ROOM
    assert found(cache, blob(1)) is not None


def test_a_blob_of_unknown_size_is_not_cached(location: LayerCacheLocation) -> None:
    assert LayerCache(location).reserve(digest_of(blob(1)), -1) is Refusal.NO_ROOM


def test_a_cap_that_became_smaller_holds_when_the_next_blob_arrives(location: LayerCacheLocation) -> None:
    for number in range(4):
        keep(LayerCache(location), blob(number), age=100 - number)
    smaller = LayerCache(LayerCacheLocation(location.directory, 45_000))
    keep(smaller, blob(9))
    assert smaller.usage().bytes <= 45_000
    assert found(smaller, blob(9)) is not None


def test_the_same_blob_arrives_once_at_a_time(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    arrival = arriving(cache, blob(1))
    assert cache.reserve(digest_of(blob(1)), 20_000) is Refusal.TAKEN
    arrival.write(memoryview(blob(1)))
    arrival.keep()
    assert cache.reserve(digest_of(blob(1)), 20_000) is Refusal.TAKEN
    assert cache.usage().bytes == 20_000


def test_the_cache_leaves_space_on_its_disk(small_disk: Path) -> None:
    cache = LayerCache(LayerCacheLocation(str(small_disk / "cache"), 1 << 30))
    for number in range(12):
        keep(cache, blob(number))
    disk = os.statvfs(small_disk)
    assert disk.f_bavail >= disk.f_blocks // 20
    assert 100_000 < cache.usage().bytes < 250_000
    assert cache.reserve(digest_of(blob(99)), 260_000) is Refusal.NO_ROOM
    assert cache.usage().files > 0


def test_files_of_other_names_are_neither_counted_nor_removed(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    keep(cache, blob(1))
    folder = kept_at(location, blob(1)).parent
    others = [folder / "notes.txt", cache.directory / "mine", cache.directory / "arriving" / "half"]
    for path in others:
        path.write_bytes(b"x" * 5_000)
    (cache.directory / "sha256" / "zz").symlink_to(folder)
    assert cache.usage().bytes == 20_000
    assert cache.clear() == Cleared(files=1, bytes=20_000)
    assert all(path.exists() for path in others)


def test_a_link_of_the_right_name_is_not_followed(location: LayerCacheLocation, tmp_path: Path) -> None:
    cache = LayerCache(location)
    keep(cache, blob(9))
    target = tmp_path / "target"
    target.write_bytes(blob(1))
    path = kept_at(location, blob(1))
    path.parent.mkdir()
    path.symlink_to(target)
    assert found(cache, blob(1)) is None
    keep(cache, blob(1))
    assert not path.is_symlink()
    assert target.read_bytes() == blob(1)
    assert cache.usage().bytes == 40_000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_read(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    keep(cache, blob(1))
    os.chown(kept_at(location, blob(1)), 12345, 12345)
    assert found(cache, blob(1)) is None
    keep(cache, blob(1))
    assert found(cache, blob(1)) == blob(1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_a_directory_of_another_user_is_refused(location: LayerCacheLocation) -> None:
    Path(location.directory).mkdir()
    os.chown(location.directory, 12345, 12345)
    with pytest.raises(StoreDenied, match="another user"):
        LayerCache(location).reserve(digest_of(blob(1)), 20_000)


def test_a_directory_that_others_may_write_to_is_refused(location: LayerCacheLocation) -> None:
    Path(location.directory).mkdir()
    Path(location.directory).chmod(0o777)
    with pytest.raises(StoreDenied, match="others may write"):
        LayerCache(location).reserve(digest_of(blob(1)), 20_000)


def test_a_directory_that_is_a_link_is_refused(location: LayerCacheLocation, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    Path(location.directory).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDenied, match="is a link"):
        LayerCache(location).reserve(digest_of(blob(1)), 20_000)


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "sha512:" + "a" * 128, "sha256:" + "A" * 64, ""])
def test_only_a_digest_becomes_a_name(location: LayerCacheLocation, digest: str) -> None:
    with pytest.raises(StoreError, match="no digest"):
        LayerCache(location).find(digest, -1)


def test_clearing_leaves_what_is_read_and_what_arrives(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    for number in (1, 2, 3):
        keep(cache, blob(number))
    reading = cache.find(digest_of(blob(1)), -1)
    assert reading is not None
    arrival = arriving(cache, blob(4))
    assert LayerCache(location).clear() == Cleared(files=2, bytes=40_000, in_use=2)
    assert os.read(reading, 1 << 20) == blob(1)
    os.close(reading)
    arrival.write(memoryview(blob(4)))
    arrival.keep()
    assert found(cache, blob(4)) == blob(4)


def test_the_oldest_use_is_told(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    assert cache.usage() == CacheUsage()
    keep(cache, blob(1), age=1_000)
    keep(cache, blob(2))
    assert cache.usage() == CacheUsage(2, 40_000, kept_at(location, blob(1)).stat().st_mtime)
    assert found(cache, blob(1)) is not None
    assert cache.usage().oldest_use == kept_at(location, blob(2)).stat().st_mtime


def test_clearing_what_is_not_there_makes_nothing(location: LayerCacheLocation) -> None:
    assert LayerCache(location).clear() == Cleared()
    assert not Path(location.directory).exists()


def test_a_directory_that_somebody_removed_is_made_again(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    keep(cache, blob(1))
    cache.directory.rename(cache.directory.with_name("away"))
    keep(cache, blob(1))
    assert cache.usage().bytes == 20_000


def test_books_that_are_garbled_are_written_anew(location: LayerCacheLocation) -> None:
    cache = LayerCache(location)
    keep(cache, blob(1))
    (cache.directory / ".lock").write_bytes(b"\xff" * 40)
    keep(cache, blob(2))
    assert int((cache.directory / ".lock").read_bytes()[:32]) == 40_000
