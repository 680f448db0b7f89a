"""The twelve rules on real archives: built, analysed and composed, with nothing invented in between."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow.compute as pc
import pytest

from catalog.facts import read_facts_many
from catalog.images import FileBlob, ImageManifest, ImagePlatform, LayerDescriptor
from catalog.limits import Limits
from catalog.receipts import CompositionReceipt
from catalog.schemas import OCCURRENCES, PACKAGES
from catalog.settings import ArchiveLocation
from catalog.states import Outcome
from catalog.store import open_store
from tasks.composition import CompositionBatch, ImageTask, LayerRecord, compose_images, live_occurrences
from tasks.layer_builder import (
    BuiltLayer,
    Directory,
    HardLink,
    Member,
    Opaque,
    Symlink,
    Whiteout,
    build_layer,
    layer_from_tar,
)
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers
from tasks.transport import RegistryAccess
from tests.tasks.composition.building import APK, DPKG, MONTH

USR_APK = "usr/lib/apk/db/installed"
OS_RELEASE = "ID=debian\nVERSION_ID=12\n"


def dpkg(*names: str) -> str:
    return "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1-1\n\n" for name in names
    )


def apk(*names: str) -> str:
    return "".join(f"P:{name}\nV:1-r0\nA:x86_64\n\n" for name in names)


def npm(name: str, version: str = "1.0.0") -> str:
    return json.dumps({"name": name, "version": version})


class Fleet:
    """Analyses and composes stacks of layers in an archive of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = ArchiveLocation(url=str(folder / "archive"))
        self.receipt: CompositionReceipt

    def compose(self, *layers: BuiltLayer) -> list[dict[str, str]]:
        """What an image of these layers has, by name, path and introducing layer (its position, from 0)."""
        analysed = analyse_layers(
            LayerBatch(tuple(map(self._task, layers)), MONTH, Limits(), RegistryAccess()), self.archive
        )
        keys = tuple((written.dataset, written.key) for written in analysed.objects)
        records = tuple(LayerRecord(r.layer, r.composition_hash, r.outcome, r.reason, keys) for r in analysed.layers)
        descriptors = tuple(LayerDescriptor(layer.digest, layer.size, layer.media_type) for layer in layers)
        manifest = ImageManifest("sha256:" + "1" * 64, "", "", ImagePlatform(), descriptors)
        self.receipt = compose_images(
            CompositionBatch((ImageTask(manifest),), records, MONTH, may_ask=True), self.archive
        )
        written = {
            found.dataset: [o.key for o in self.receipt.objects if o.dataset == found.dataset]
            for found in self.receipt.objects
        }
        store = open_store(self.archive)
        deltas = read_facts_many(store, written.get("occurrences", ()), dataset=OCCURRENCES)
        packages = read_facts_many(store, [key for dataset, key in keys if dataset == "packages"], dataset=PACKAGES)
        store.close()
        live = live_occurrences([deltas.filter(pc.field("chain") == chain.chain) for chain in self.receipt.chains])
        names = dict(zip(packages["package"].to_pylist(), packages["name"].to_pylist(), strict=True))
        positions = {layer.digest: str(position) for position, layer in reversed(list(enumerate(layers)))}
        return [
            {"name": names[r["package"]], "path": r["path"], "since": positions[r["introduced"]]}
            for r in live.to_pylist()
        ]

    def _task(self, layer: BuiltLayer) -> LayerTask:
        path = self.folder / layer.digest.replace(":", "-")
        path.write_bytes(layer.data)
        return LayerTask(layer.digest, layer.size, FileBlob(str(path), 0, layer.size))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


Stack = tuple[Mapping[str, Member], ...]

CASES: list[tuple[str, Stack, set[tuple[str, str, str]]]] = [
    (
        "rule 1: overwritten in place",
        ({DPKG: dpkg("a", "b")}, {DPKG: dpkg("b", "c")}),
        {("b", DPKG, "0"), ("c", DPKG, "1")},
    ),
    ("rule 1: emptied in place", ({DPKG: dpkg("a")}, {DPKG: ""}), set()),
    ("rule 1: broken in place", ({"m/package.json": npm("m")}, {"m/package.json": "{"}), set()),
    (
        "rule 2: whiteout of a folder",
        ({"a/m/package.json": npm("m"), "b/package.json": npm("b")}, {"a": Whiteout()}),
        {("b", "b/package.json", "0")},
    ),
    (
        "rule 2: opaque, marker last",
        ({"a/m/package.json": npm("m")}, {"a/n/package.json": npm("n"), "a": Opaque()}),
        {("n", "a/n/package.json", "1")},
    ),
    ("rule 3: link over folder", ({"a/m/package.json": npm("m")}, {"a": Symlink("nowhere")}), set()),
    ("rule 4: whiteout of a database", ({DPKG: dpkg("a")}, {DPKG: Whiteout()}), set()),
    (
        "rule 5: two places, one goes",
        ({"a/package.json": npm("m"), "b/package.json": npm("m")}, {"a/package.json": Whiteout()}),
        {("m", "b/package.json", "0")},
    ),
    (
        "rule 6: merged usr, written through the link",
        ({"lib": Symlink("usr/lib"), USR_APK: apk("musl")}, {APK: apk("musl", "curl")}),
        {("musl", USR_APK, "0"), ("curl", USR_APK, "1")},
    ),
    (
        "rule 6: merged usr, whited out through the link",
        ({"lib": Symlink("usr/lib"), USR_APK: apk("musl")}, {APK: Whiteout()}),
        set(),
    ),
    (
        "rule 6: a directory entry ends the link",
        ({"lib": Symlink("usr/lib"), USR_APK: apk("musl")}, {"lib": Directory(), APK: Whiteout()}),
        {("musl", USR_APK, "0")},
    ),
    ("rule 6: hard link within the layer", ({USR_APK: apk("musl"), APK: HardLink(USR_APK)},), {("musl", APK, "0")}),
    ("rule 6: hard link before its target", ({APK: HardLink(USR_APK), USR_APK: apk("musl")},), {("musl", APK, "0")}),
    (
        "rule 6: hard link across layers",
        ({USR_APK: apk("musl")}, {APK: HardLink(USR_APK), USR_APK: Whiteout()}),
        {("musl", APK, "1")},
    ),
    ("rule 10: an empty layer", ({DPKG: dpkg("a")}, {}, {"x": b""}), {("a", DPKG, "0")}),
    (
        "rule 11: a gap starts anew",
        ({DPKG: dpkg("a")}, {DPKG: Whiteout()}, {DPKG: dpkg("a", "b")}),
        {("a", DPKG, "2"), ("b", DPKG, "2")},
    ),
]


@pytest.mark.parametrize(("stack", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rules_hold_on_real_archives(fleet: Fleet, stack: Stack, expected: set[tuple[str, str, str]]) -> None:
    found = fleet.compose(*(build_layer(members) for members in stack))
    assert {(row["name"], row["path"], row["since"]) for row in found} == expected


def test_rule_7_the_distribution_of_the_composed_image(fleet: Fleet) -> None:
    base = build_layer(
        {"etc/os-release": Symlink("../usr/lib/os-release"), "usr/lib/os-release": OS_RELEASE, DPKG: dpkg("a")}
    )
    top = build_layer({"usr/lib/os-release": OS_RELEASE.replace("12", "13")})
    fleet.compose(base, top)
    assert fleet.receipt.chains[-1].distribution == ("debian", "13", "")


def test_rule_10_the_same_layer_twice(fleet: Fleet) -> None:
    base, gone = build_layer({DPKG: dpkg("a")}), build_layer({DPKG: Whiteout()})
    assert [row["since"] for row in fleet.compose(base, gone, base)] == ["0"]


def test_rule_6_a_link_to_bytes_that_nobody_kept_is_asked_for(fleet: Fleet) -> None:
    base = build_layer({"opt/status": dpkg("a")})
    fleet.compose(base, build_layer({DPKG: Symlink("/opt/status")}))
    assert [(need.layer, need.path, need.wanted) for need in fleet.receipt.needs] == [(base.digest, "opt/status", DPKG)]


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["alpine-3.10.3", "alpine-3.11.5"])
def test_a_real_alpine_image_has_the_packages_its_database_lists(fleet: Fleet, real_data: Path, name: str) -> None:
    with tarfile.open(real_data / "images" / f"{name}.tar.gz") as outer:
        manifest = json.load(outer.extractfile("manifest.json"))  # type: ignore[arg-type]
        blobs = [outer.extractfile(layer).read() for layer in manifest[0]["Layers"]]  # type: ignore[union-attr]
    with tarfile.open(fileobj=io.BytesIO(blobs[0])) as inner:
        listed = inner.extractfile(APK).read().decode()  # type: ignore[union-attr]
    found = fleet.compose(*(layer_from_tar(blob, compression="plain") for blob in blobs))
    assert sorted(row["name"] for row in found if row["path"] == APK) == sorted(
        line[2:] for line in listed.splitlines() if line.startswith("P:")
    )
    assert fleet.receipt.images[0].outcome is Outcome.ANALYSED
    assert fleet.receipt.chains[-1].distribution[:2] == ("alpine", name.partition("-")[2])
