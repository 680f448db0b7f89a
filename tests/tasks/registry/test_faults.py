"""What the client makes of a registry that fails, breaks off, or lies."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from catalog.errors import (
    BlobTruncated,
    LongshoreError,
    NotFound,
    ProtocolViolation,
    RegistryBusy,
    RegistryUnreachable,
    SizeMismatch,
    SourceError,
    Unauthorised,
)
from catalog.images import RegistryBlob
from catalog.states import Outcome
from tasks.blobs import open_blob
from tasks.oci_writer import BuiltLayer, OciWriter, build_layer
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess
from tests.servers.faulty_registry import Fault, FaultyRegistry

ACCESS = RegistryAccess(retries=2, backoff_seconds=0.01, timeout_seconds=5.0, longest_wait_seconds=2.0)
BLOBS, MANIFESTS = "/v2/app/blobs/.*", "/v2/app/manifests/.*"


@pytest.fixture(scope="module")
def layer() -> BuiltLayer:
    """A layer of 2 MB that does not compress."""
    return build_layer({"data": b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(65_000))})


@pytest.fixture
def server(faulty_registry: FaultyRegistry, layer: BuiltLayer, tmp_path: Path) -> FaultyRegistry:
    """A registry with `app:1`, an image of that layer."""
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image([layer], tag="1")
    faulty_registry.add_layout(tmp_path / "layout", "app")
    return faulty_registry


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def read(server: FaultyRegistry, layer: BuiltLayer, *, size: int | None = None) -> bytes:
    location = RegistryBlob(server.host, "app", layer.digest)
    with open_blob(location, layer.digest, layer.size if size is None else size, ACCESS) as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))


def listed(server: FaultyRegistry, text: str = "/app:1") -> list[Listed]:
    (source,) = open_sources([server.host + text], ACCESS)
    return list(source.list())


def resolved(server: FaultyRegistry, text: str = "/app:1") -> tuple[ResolvedImage, ...]:
    (source,) = open_sources([server.host + text], ACCESS)
    (one,) = source.list()
    return source.resolve(one, PlatformChoice())


def test_a_broken_stream_resumes_where_it_broke(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(cut_after=700_000), times=2)
    assert read(server, layer) == layer.data
    assert [request.headers.get("range") for request in server.seen(BLOBS)] == [None, "bytes=700000-", "bytes=1400000-"]


def test_a_server_that_ignores_range_is_read_past_what_we_have(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(cut_after=700_000), times=1)
    server.fail("GET", BLOBS, Fault(ignore_range=True), times=1)
    assert read(server, layer) == layer.data


def test_a_stream_that_always_breaks_at_the_same_place_is_truncated(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(cut_after=700_000, ignore_range=True))
    with pytest.raises(BlobTruncated, match="700,000 of"):
        read(server, layer)


def test_a_server_that_drips_is_given_up(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(cut_after=10))
    with pytest.raises(BlobTruncated):
        read(server, layer)
    assert len(server.seen(BLOBS)) < 10


def test_a_server_that_resumes_elsewhere_is_caught(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(cut_after=1000), times=1)
    server.fail("GET", BLOBS, Fault(headers={"Content-Range": f"bytes 0-9/{layer.size}"}), times=1)
    with pytest.raises(ProtocolViolation, match="another place"):
        read(server, layer)


def test_a_clean_end_too_early_is_truncated_even_without_a_length(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(cut_after=1000, headers={"Content-Length": None}, ignore_range=True))
    with pytest.raises(BlobTruncated):
        read(server, layer)


def test_another_length_than_the_manifest_says_is_a_mismatch(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(body=layer.data + b"!"))
    with pytest.raises(SizeMismatch):
        read(server, layer)


def test_endless_bytes_without_a_length_stop_at_the_size(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(body=layer.data * 2, headers={"Content-Length": None}))
    with pytest.raises(SizeMismatch):
        read(server, layer)


def test_wrong_bytes_of_the_right_length_are_the_readers_to_find(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(body=bytes(layer.size)))
    assert read(server, layer) == bytes(layer.size)


def test_a_blob_in_an_encoding_nobody_asked_for_is_refused(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(headers={"Content-Encoding": "gzip"}))
    with pytest.raises(ProtocolViolation, match="encoding"):
        read(server, layer)


def test_a_missing_blob_is_not_found(server: FaultyRegistry, layer: BuiltLayer) -> None:
    server.fail("GET", BLOBS, Fault(status=404))
    with pytest.raises(NotFound):
        read(server, layer)


def test_a_busy_server_is_asked_again(server: FaultyRegistry) -> None:
    server.fail("HEAD", MANIFESTS, Fault(status=429, headers={"Retry-After": "0"}), times=1)
    server.fail("GET", MANIFESTS, Fault(status=503), times=2)
    assert [image.outcome for image in resolved(server)] == [Outcome.PENDING]


def test_a_short_retry_after_is_honoured(server: FaultyRegistry) -> None:
    server.fail("HEAD", MANIFESTS, Fault(status=429, headers={"Retry-After": "1"}), times=1)
    began = time.monotonic()
    assert listed(server)[0].error is None
    assert time.monotonic() - began >= 1


def test_a_long_retry_after_is_the_callers(server: FaultyRegistry) -> None:
    server.fail("HEAD", MANIFESTS, Fault(status=429, headers={"Retry-After": "3600"}))
    error = listed(server)[0].error
    assert isinstance(error, RegistryBusy)
    assert error.retry_after == 3600
    assert len(server.seen(MANIFESTS)) == 1


def test_a_connection_that_is_cut_is_tried_again_and_then_unreachable(server: FaultyRegistry) -> None:
    server.fail("HEAD", MANIFESTS, Fault(hang_up=True), times=2)
    assert listed(server)[0].error is None
    server.fail("HEAD", MANIFESTS, Fault(hang_up=True))
    assert isinstance(listed(server)[0].error, RegistryUnreachable)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_unauthorised(server: FaultyRegistry, status: int) -> None:
    server.fail("HEAD", MANIFESTS, Fault(status=status, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    assert isinstance(listed(server)[0].error, Unauthorised)
    assert len(server.seen(MANIFESTS)) == 1


def test_a_401_without_a_challenge_is_unauthorised(server: FaultyRegistry) -> None:
    server.fail("HEAD", MANIFESTS, Fault(status=401))
    assert isinstance(listed(server)[0].error, Unauthorised)


def test_a_head_without_a_digest_is_made_good_by_a_get(server: FaultyRegistry) -> None:
    right = listed(server)[0].target
    server.fail("HEAD", MANIFESTS, Fault(headers={"Docker-Content-Digest": None}))
    assert listed(server)[0].target == right
    server.fail("HEAD", MANIFESTS, Fault(headers={"Docker-Content-Digest": "../../etc"}))
    assert listed(server)[0].target == right


def test_a_manifest_that_is_another_one_is_refused(server: FaultyRegistry) -> None:
    server.fail("GET", MANIFESTS, Fault(body=b'{"schemaVersion": 2}'))
    with pytest.raises(ProtocolViolation, match="instead"):
        resolved(server)


def test_a_configuration_that_is_another_one_is_refused(server: FaultyRegistry) -> None:
    server.fail("GET", BLOBS, Fault(body=b"{}"))
    with pytest.raises(ProtocolViolation):
        resolved(server)


def test_a_document_without_end_is_cut_off(server: FaultyRegistry) -> None:
    server.fail("GET", MANIFESTS, Fault(body=b" " * (5 << 20)))
    with pytest.raises(ProtocolViolation, match="more than"):
        resolved(server)


def test_lists_come_page_by_page(server: FaultyRegistry) -> None:
    data = b'{"schemaVersion": 2}'
    for number in range(7):
        server.add_manifest("app", data, "application/json", f"t{number}")
    server.page_size = 3
    assert len(listed(server, "/app")) == 8
    assert len(server.seen("/v2/app/tags/list")) == 3


def test_pages_in_a_circle_end(server: FaultyRegistry) -> None:
    server.fail("GET", "/v2/app/tags/list", Fault(headers={"Link": '</v2/app/tags/list?last=a&n=1>; rel="next"'}))
    with pytest.raises(ProtocolViolation, match="circle"):
        listed(server, "/app")


@pytest.mark.parametrize(
    "link",
    [
        "/v2/_catalog?n=1",
        "/v2/app/tags/list/../../../x?n=1",
        "http://[",
        "//evil.example/v2/_catalog?n=1",
        "?n=1 HTTP/1.1",
    ],
)
def test_a_link_elsewhere_is_not_followed(server: FaultyRegistry, link: str) -> None:
    server.fail("GET", "/v2/app/tags/list", Fault(headers={"Link": f'<{link}>; rel="next"'}))
    with pytest.raises(ProtocolViolation):
        listed(server, "/app")
    assert len(server.seen(".*(catalog|tags).*")) == 1


def test_a_link_with_another_host_stays_on_this_one(server: FaultyRegistry) -> None:
    link = '<https://inner.example/v2/app/tags/list?last=1&n=1>; rel="next"'
    server.fail("GET", "/v2/app/tags/list", Fault(headers={"Link": link}), times=1)
    assert [one.name for one in listed(server, "/app")] == ["1"]
    assert server.seen("/v2/app/tags/list")[1].path == "/v2/app/tags/list?last=1&n=1"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"tags": 7}', b'{"tags": [1]}', b"\xff", b'{"tags": ["a"]', b"[" * 100_000]
)
def test_a_page_that_is_no_page_breaks_the_protocol(server: FaultyRegistry, body: bytes) -> None:
    server.fail("GET", "/v2/app/tags/list", Fault(body=body))
    with pytest.raises(ProtocolViolation):
        listed(server, "/app")


def test_null_tags_are_no_tags(server: FaultyRegistry) -> None:
    server.fail("GET", "/v2/app/tags/list", Fault(body=b'{"name": "app", "tags": null}'))
    assert listed(server, "/app") == []


def test_names_that_are_none_are_listed_with_an_error_and_never_asked_for(server: FaultyRegistry) -> None:
    server.fail("GET", "/v2/_catalog", Fault(body=b'{"repositories": ["app", "../../x", "A B\\n\\u0000"]}'))
    server.fail("GET", "/v2/app/tags/list", Fault(body=b'{"tags": ["1", "a/../../b", "\\n"]}'))
    found = listed(server, "")
    assert [item.error is None for item in found] == [True, False, False, False, False]
    assert all(item.reference.isprintable() for item in found)
    assert {request.path.partition("?")[0] for request in server.requests} == {
        "/v2/",
        "/v2/_catalog", "/v2/app/tags/list", "/v2/app/manifests/1"}  # fmt: skip


def test_a_repository_that_cannot_be_listed_costs_itself_alone(server: FaultyRegistry) -> None:
    server.add_manifest("broken", b"{}", "application/json", "1")
    server.fail("GET", "/v2/broken/tags/list", Fault(status=403))
    (source,) = open_sources([server.host], ACCESS)
    found = list(source.list())
    assert [(item.repository, item.name, type(item.error)) for item in found] == [
        ("app", "1", type(None)),
        ("broken", "", Unauthorised),
    ]
    assert [scope.repository for scope in source.scopes()] == ["app"], "the registry as a whole was not listed"


def test_a_listing_that_breaks_off_covered_nothing(server: FaultyRegistry) -> None:
    server.page_size = 1
    server.add_manifest("app", b"{}", "application/json", "2")
    server.fail("GET", "/v2/app/tags/list", Fault(), times=1)
    server.fail("GET", "/v2/app/tags/list", Fault(status=404))
    (source,) = open_sources([f"{server.host}/app"], ACCESS)
    with pytest.raises(NotFound):
        list(source.list())
    assert source.scopes() == ()


def test_a_registry_that_stops_answering_ends_the_listing(server: FaultyRegistry) -> None:
    for number in range(200):
        server.add_manifest("app", b"{}", "application/json", f"t{number}")
    server.fail("HEAD", MANIFESTS, Fault(status=500))
    with pytest.raises(RegistryBusy):
        listed(server, "/app")
    assert len(server.seen(MANIFESTS)) < 400


def test_one_broken_manifest_of_an_index_fails_alone(server: FaultyRegistry, tmp_path: Path) -> None:
    with OciWriter(tmp_path / "more") as writer:
        base = build_layer({"a": b"1"})
        broken = writer.add_image([base], platform="linux/s390x")
        writer.add_index([writer.add_image([base]), broken], tag="2")
    server.add_layout(tmp_path / "more", "app")
    server.fail("GET", f"/v2/app/manifests/{broken.digest}", Fault(status=500))
    images = resolved(server, "/app:2")
    assert [(image.outcome, image.reason) for image in images] == [
        (Outcome.PENDING, ""),
        (Outcome.FAILED, "registry-busy"),
    ]
    assert images[1].retry is not None


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'"x"', b"{" * 10_000, b"\x00" * 100, b'{"schemaVersion": 1}'], ids=repr
)
def test_hostile_manifests_raise_source_errors_alone(server: FaultyRegistry, body: bytes) -> None:
    digest = server.add_manifest("app", body, "application/vnd.oci.image.manifest.v1+json", "odd")
    with pytest.raises(SourceError) as raised:
        resolved(server, f"/app@{digest}")
    assert isinstance(raised.value, LongshoreError)
