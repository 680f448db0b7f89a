"""What a layer that was read once still needs its bytes for comes from the node's cache; the registry's own log says so."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from catalog.states import Outcome
from pipelines.layer_cache import cache_status, clear_cache
from pipelines.scan import scan
from pipelines.scan_options import ScanOptions
from tasks.oci_writer import BuiltLayer
from tests.pipelines.scan.images import base, layer, layout, python
from tests.servers.registry import Registry
from tests.servers.scanning import Events, Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres, pytest.mark.registry]

LAYERS = [base(), layer(python("flask", "2.3.2")), layer(python("requests", "2.31.0"))]
BYTES = sum(built.size for built in LAYERS)


@pytest.fixture
def served(registry: Registry, tmp_path: Path) -> Registry:
    images = {"1": (LAYERS[0], LAYERS[1]), "2": (LAYERS[0], LAYERS[2])}
    registry.push(layout(tmp_path / "layout", images), "team/app")
    return registry


def downloads(registry: Registry, layers: list[BuiltLayer]) -> list[int]:
    asked = registry.settled_requests()
    return [asked.count(f"GET /v2/team/app/blobs/{built.digest}") for built in layers]


def with_settings(scanner: Scanner, **changed: object) -> Scanner:
    return Scanner(scanner.settings.model_copy(update=changed))


def other_limits(scanner: Scanner) -> Scanner:
    """The same, with a cap that changes the fingerprint set: every layer has to be read again."""
    limits = scanner.settings.limits
    return with_settings(scanner, limits=type(limits)(layer_entries=limits.layer_entries - 1))


def test_layers_that_are_analysed_again_are_read_from_the_cache(scanner: Scanner, served: Registry) -> None:
    first = scanner.scan(served.host).layers
    assert (first.bytes_read, first.bytes_cached) == (BYTES, 0)
    again = other_limits(scanner).scan(served.host)
    assert again.outcomes.analysed == 2
    assert (again.layers.analysed, again.layers.bytes_read, again.layers.bytes_cached) == (3, 0, BYTES)
    assert downloads(served, LAYERS) == [1, 1, 1]


def test_a_layer_that_cannot_be_read_is_tried_again_without_the_registry(
    scanner: Scanner, registry: Registry, tmp_path: Path
) -> None:
    plain = layer({"app": "x"})
    data = b"no archive at all" * 100
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    broken = BuiltLayer(data, digest, digest, plain.media_type)
    registry.push(layout(tmp_path / "layout", {"1": (LAYERS[0], broken)}), "team/app")
    assert set(scanner.states(registry.host).values()) == {(Outcome.FAILED, "malformed-layer")}
    assert scanner.scan(registry.host, retry=True).layers.failed == 1
    assert downloads(registry, [broken]) == [1]


def test_a_cache_of_no_bytes_is_no_cache(scanner: Scanner, served: Registry) -> None:
    uncached = with_settings(scanner, layer_cache_bytes=0)
    uncached.scan(served.host)
    again = other_limits(uncached).scan(served.host).layers
    assert (again.bytes_read, again.bytes_cached) == (BYTES, 0)
    assert downloads(served, LAYERS) == [2, 2, 2]
    assert not (scanner.settings.home / "layer-cache").exists()
    assert cache_status(uncached.settings).location is None
    assert clear_cache(uncached.settings).files == 0


def test_a_cache_that_cannot_be_used_is_said_once_and_fails_nothing(
    scanner: Scanner, served: Registry, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    settings = with_settings(scanner, layer_cache_directory=tmp_path / "file" / "cache").settings
    events = Events()
    summary = scan(ScanOptions(sources=(served.host,)), settings, events)
    assert summary.outcomes.analysed == 2
    told = [line for line in events.lines if "layer cache" in line]
    assert len(told) == 1
    assert "Not a directory" in told[0]


def test_the_verbs_tell_and_empty_what_a_scan_kept(scanner: Scanner, served: Registry) -> None:
    scanner.scan(served.host)
    state = cache_status(scanner.settings)
    assert state.location is not None
    assert (state.usage.files, state.usage.bytes) == (3, BYTES)
    assert state.usage.oldest_use is not None
    cleared = clear_cache(scanner.settings)
    assert (cleared.files, cleared.bytes, cleared.in_use) == (3, BYTES, 0)
    assert cache_status(scanner.settings).usage.files == 0
    assert other_limits(scanner).scan(served.host).layers.bytes_read == BYTES
