"""Reading blobs: through the node's cache where a registry serves them, and whatever the cache's state."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import BlobTruncated, DigestMismatch, NotFound
from catalog.images import BlobLocation, FileBlob, RegistryBlob
from catalog.settings import LayerCacheLocation
from tasks.blobs import BlobRead, BlobStream, open_blob, read_blob
from tasks.layer_builder import BuiltLayer
from tasks.layer_cache.directory import LayerCache
from tasks.layers.blob import BlobReader
from tasks.oci_writer import OciWriter, build_layer
from tasks.transport import RegistryAccess
from tests.servers.faulty_registry import Fault, FaultyRegistry
from tests.servers.registry import Registry

LAYER = build_layer({"app": b"x" * 100_000, "etc/os-release": "ID=debian\n"}, compression="plain")
OTHER = build_layer({"app": b"y" * 50_000}, compression="plain")


@pytest.fixture
def access(tmp_path: Path) -> RegistryAccess:
    cache = LayerCacheLocation(str(tmp_path / "cache"), 1 << 20)
    return RegistryAccess(retries=1, backoff_seconds=0.01, layer_cache=cache)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image([LAYER, OTHER], tag="1")
    return tmp_path / "layout"


def bytes_of(location: BlobLocation, built: BuiltLayer, access: RegistryAccess) -> BlobRead[int]:
    def read(stream: BlobStream) -> int:
        blob = BlobReader(stream, built.digest, built.size)
        blob.finish()
        return blob.count

    return read_blob(location, built.digest, built.size, access, read)


def kept(access: RegistryAccess, built: BuiltLayer) -> Path:
    assert access.layer_cache is not None
    name = built.digest.removeprefix("sha256:")
    return Path(access.layer_cache.directory) / "sha256" / name[:2] / name


def downloads(registry: Registry) -> int:
    return sum(request.startswith("GET /v2/team/app/blobs/") for request in registry.settled_requests())


@pytest.mark.registry
def test_a_registrys_blob_is_downloaded_once(registry: Registry, layout: Path, access: RegistryAccess) -> None:
    registry.push(layout, "team/app")
    place = RegistryBlob(registry.host, "team/app", LAYER.digest)
    assert bytes_of(place, LAYER, access) == BlobRead(LAYER.size)
    assert downloads(registry) == 1
    assert bytes_of(place, LAYER, access) == BlobRead(LAYER.size, cached=True)
    assert downloads(registry) == 1


@pytest.mark.registry
def test_without_a_cache_it_is_downloaded_each_time(registry: Registry, layout: Path, access: RegistryAccess) -> None:
    registry.push(layout, "team/app")
    for _ in range(2):
        uncached = replace(access, layer_cache=None)
        assert bytes_of(RegistryBlob(registry.host, "team/app", LAYER.digest), LAYER, uncached) == BlobRead(LAYER.size)
    assert downloads(registry) == 2
    assert not kept(access, LAYER).exists()


@pytest.mark.registry
def test_a_kept_blob_is_read_though_the_registry_is_gone(
    registry: Registry, layout: Path, access: RegistryAccess
) -> None:
    registry.push(layout, "team/app")
    place = RegistryBlob(registry.host, "team/app", LAYER.digest)
    bytes_of(place, LAYER, access)
    registry.stop()
    assert bytes_of(place, LAYER, access).cached


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
        lambda data: bytes(len(data)),
    ],
    ids=["truncated", "empty", "flipped", "zeros"],
)
def test_a_damaged_file_is_dropped_and_fetched_again_in_the_same_task(
    faulty_registry: FaultyRegistry, layout: Path, access: RegistryAccess, damage: object
) -> None:
    faulty_registry.add_layout(layout, "team/app")
    place = RegistryBlob(faulty_registry.host, "team/app", LAYER.digest)
    bytes_of(place, LAYER, access)
    kept(access, LAYER).write_bytes(damage(LAYER.data))  # type: ignore[operator]
    assert bytes_of(place, LAYER, access) == BlobRead(LAYER.size)
    assert kept(access, LAYER).read_bytes() == LAYER.data
    assert bytes_of(place, LAYER, access).cached


def test_a_damaged_file_that_cannot_be_dropped_costs_a_download_and_no_layer(
    faulty_registry: FaultyRegistry, layout: Path, access: RegistryAccess
) -> None:
    faulty_registry.add_layout(layout, "team/app")
    place = RegistryBlob(faulty_registry.host, "team/app", LAYER.digest)
    bytes_of(place, LAYER, access)
    kept(access, LAYER).write_bytes(bytes(LAYER.size))
    with open_blob(place, LAYER.digest, LAYER.size, access):
        done = bytes_of(place, LAYER, access)
    assert (done.value, done.cached) == (LAYER.size, False)
    assert "damaged" in done.cache_trouble


def test_what_a_registry_has_wrong_is_not_kept_and_not_asked_for_twice(
    faulty_registry: FaultyRegistry, layout: Path, access: RegistryAccess
) -> None:
    faulty_registry.add_layout(layout, "team/app")
    wrong = bytes(LAYER.size)
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{LAYER.digest}", Fault(body=wrong))
    with pytest.raises(DigestMismatch):
        bytes_of(RegistryBlob(faulty_registry.host, "team/app", LAYER.digest), LAYER, access)
    assert len(faulty_registry.seen(f"/v2/team/app/blobs/{LAYER.digest}")) == 1
    assert not kept(access, LAYER).exists()


def test_a_download_that_was_resumed_is_kept_whole(
    faulty_registry: FaultyRegistry, layout: Path, access: RegistryAccess
) -> None:
    faulty_registry.add_layout(layout, "team/app")
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{LAYER.digest}", Fault(cut_after=40_000), times=1)
    bytes_of(RegistryBlob(faulty_registry.host, "team/app", LAYER.digest), LAYER, access)
    assert hashlib.sha256(kept(access, LAYER).read_bytes()).hexdigest() == LAYER.digest.removeprefix("sha256:")


def test_a_download_that_broke_leaves_nothing(
    faulty_registry: FaultyRegistry, layout: Path, access: RegistryAccess
) -> None:
    faulty_registry.add_layout(layout, "team/app")
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{LAYER.digest}", Fault(cut_after=1_000, ignore_range=True))
    with pytest.raises(BlobTruncated):
        bytes_of(RegistryBlob(faulty_registry.host, "team/app", LAYER.digest), LAYER, access)
    assert access.layer_cache is not None
    assert LayerCache(access.layer_cache).usage().bytes == 0


def test_a_blob_that_is_not_there_says_so(
    faulty_registry: FaultyRegistry, layout: Path, access: RegistryAccess
) -> None:
    faulty_registry.add_layout(layout, "team/app")
    missing = build_layer({"a": b"b"})
    with pytest.raises(NotFound):
        bytes_of(RegistryBlob(faulty_registry.host, "team/app", missing.digest), missing, access)
    assert access.layer_cache is not None
    assert LayerCache(access.layer_cache).usage().bytes == 0


def test_a_local_file_is_not_kept(tmp_path: Path, access: RegistryAccess) -> None:
    (tmp_path / "layer").write_bytes(LAYER.data)
    place = FileBlob(str(tmp_path / "layer"), 0, LAYER.size)
    for _ in range(2):
        assert bytes_of(place, LAYER, access) == BlobRead(LAYER.size)
    assert not kept(access, LAYER).exists()
