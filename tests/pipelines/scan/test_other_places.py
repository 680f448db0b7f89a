"""One place's trouble is not another's: what a repository does not have, or has wrong, is read where it is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.states import Outcome
from tasks.oci_writer import OciWriter
from tests.pipelines.scan.images import base, layer, layout, python
from tests.servers.faulty_registry import Fault, FaultyRegistry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

UPPER = layer(python("flask", "2.3.2"))


@pytest.mark.parametrize(
    "fault", [Fault(status=404), Fault(status=401), Fault(body=b"x" * UPPER.size)], ids=["404", "401", "wrong"]
)
@pytest.mark.parametrize("same", [True, False], ids=["one image", "one layer"])
def test_a_layer_that_one_repository_cannot_give_is_read_from_another(
    scanner: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path, fault: Fault, same: bool
) -> None:
    faulty_registry.add_layout(layout(tmp_path / "a", {"1": (base(), UPPER)}), "a/broken")
    other = (base(), UPPER) if same else (base(), UPPER, layer({"more": "of it"}))
    faulty_registry.add_layout(layout(tmp_path / "b", {"1": other}), "b/right")
    faulty_registry.fail("GET", f"/v2/a/broken/blobs/{UPPER.digest}", fault, times=100)
    summary = scanner.scan(faulty_registry.host)
    assert {line.reference.rpartition("/")[2]: (line.state, line.reason) for line in summary.lines} == {
        "broken:1": (Outcome.ANALYSED, ""),
        "right:1": (Outcome.ANALYSED, ""),
    }


def test_an_image_that_lies_about_a_layers_size_harms_only_itself(scanner: Scanner, tmp_path: Path) -> None:
    folder = layout(tmp_path / "layout", {"right": (base(), UPPER)})
    index = json.loads((folder / "index.json").read_text())
    blob = folder / "blobs" / "sha256" / index["manifests"][0]["digest"].removeprefix("sha256:")
    manifest = json.loads(blob.read_text())
    manifest["layers"][1]["size"] += 1
    with OciWriter(folder) as writer:
        writer.add_manifest(manifest, tag="a-liar")
    assert scanner.states(f"oci:{folder}")[f"oci:{folder}:right"] == (Outcome.ANALYSED, "")


def test_what_a_listing_named_before_it_broke_off_is_scanned(
    scanner: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    names = [f"team/{number:03}" for number in range(3)]
    folder = layout(tmp_path / "a", {"1": (base(),)})
    for name in names:
        faulty_registry.add_layout(folder, name)
    faulty_registry.page_size = 1
    faulty_registry.fail("GET", "/v2/_catalog", Fault(), times=2)
    faulty_registry.fail("GET", "/v2/_catalog", Fault(status=403), times=100)
    summary = scanner.scan(faulty_registry.host)
    assert summary.failed_sources == 1
    assert summary.outcomes.analysed == summary.outcomes.total > 0
