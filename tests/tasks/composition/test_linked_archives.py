"""Links on real archives, to the end: analysed, composed, read once more where a link asks for it, and composed with that."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest

from catalog.facts import read_facts_many
from catalog.images import FileBlob, ImageManifest, ImagePlatform, LayerDescriptor
from catalog.limits import Limits
from catalog.receipts import CompositionReceipt
from catalog.schemas import OWNED_OCCURRENCES
from catalog.settings import ArchiveLocation
from catalog.states import Outcome
from catalog.store import open_store
from tasks.composition import CompositionBatch, ImageTask, LayerRecord, Supplement, compose_images
from tasks.layer_builder import BuiltLayer, HardLink, Symlink, build_layer
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers
from tasks.layers.rereading import RereadBatch, reread_layers
from tasks.transport import RegistryAccess
from tests.tasks.composition.building import DPKG, INFO, MONTH, OS_RELEASE

JDK = 'JAVA_VERSION="21.0.1"\nIMPLEMENTOR="Eclipse Adoptium"\nID=temurin\nVERSION_ID=1\n'
"""A file that two analysers understand."""
SIX = "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA"


class Bench:
    """Takes an image's layers through all that happens to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive = ArchiveLocation(url=str(folder / "archive"))
        self.asked: set[tuple[str, str]] = set()

    def compose(self, *layers: BuiltLayer) -> CompositionReceipt:
        tasks = LayerBatch(tuple(map(self._task, layers)), MONTH, Limits(), RegistryAccess())
        analysed = analyse_layers(tasks, self.archive)
        keys = tuple((written.dataset, written.key) for written in analysed.objects)
        records = tuple(LayerRecord(r.layer, r.composition_hash, r.outcome, r.reason, keys) for r in analysed.layers)
        descriptors = tuple(LayerDescriptor(layer.digest, layer.size, layer.media_type) for layer in layers)
        task = ImageTask(ImageManifest("sha256:" + "1" * 64, "", "", ImagePlatform(), descriptors))
        needs = compose_images(CompositionBatch((task,), records, MONTH, may_ask=True), self.archive).needs
        self.asked = {(need.path, need.wanted) for need in needs}
        again = reread_layers(RereadBatch(tasks, needs), self.archive)
        read = tuple((written.dataset, written.key) for written in again.objects)
        supplements = tuple(Supplement(f.need, f.composition_hash, read, f.reason, f.detail) for f in again.files)
        receipt = compose_images(CompositionBatch((task,), records, MONTH, supplements=supplements), self.archive)
        assert [image.outcome for image in receipt.images] == [Outcome.ANALYSED], receipt.images
        return receipt

    def owned(self, receipt: CompositionReceipt) -> set[tuple[str, str]]:
        store = open_store(self.archive)
        keys = [written.key for written in receipt.objects if written.dataset == OWNED_OCCURRENCES.name]
        rows = read_facts_many(store, keys, dataset=OWNED_OCCURRENCES)
        store.close()
        rows = rows.filter(pc.field("chain") == receipt.chains[-1].chain)
        return {(row["path"], row["owner"]) for row in rows.to_pylist()}

    def _task(self, layer: BuiltLayer) -> LayerTask:
        path = self.folder / layer.digest.replace(":", "-")
        path.write_bytes(layer.data)
        return LayerTask(layer.digest, layer.size, FileBlob(str(path), 0, layer.size))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    "stack",
    [
        ({"opt/release": JDK}, {OS_RELEASE: Symlink("../opt/release")}),
        ({"opt/release": JDK}, {OS_RELEASE: HardLink("opt/release")}),
        ({"opt/release": JDK, OS_RELEASE: HardLink("opt/release")},),
        ({"opt/release": JDK, OS_RELEASE: Symlink("/x/release"), "x": Symlink("../../opt")},),
    ],
    ids=["symlink", "hard link", "hard link within the layer", "chain"],
)
def test_a_link_to_a_file_that_another_analyser_read_is_read_by_both(bench: Bench, stack: tuple[dict, ...]) -> None:
    receipt = bench.compose(*map(build_layer, stack))
    assert bench.asked == {("opt/release", OS_RELEASE)}
    assert receipt.chains[-1].distribution[:2] == ("temurin", "1")
    assert receipt.chains[-1].packages == 1


def test_a_whole_database_behind_a_linked_folder_is_read_and_owns_what_its_lists_name(bench: Bench) -> None:
    count = 300
    names = ["python3-six", *(f"lib{n}" for n in range(count))]
    status = "".join(f"Package: {n}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n" for n in names)
    lists = {f"opt/dpkg/info/{name}.list": f"/.\n/usr\n/usr/share/doc/{name}\n" for name in names[1:]}
    base = build_layer(
        {"opt/dpkg/status": status, "opt/dpkg/info/python3-six.list": f"/.\n/{SIX}\n", **lists}
        | {SIX: "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n"}
    )
    receipt = bench.compose(base, build_layer({"var/lib/dpkg": Symlink("../../opt/dpkg")}))
    assert {("opt/dpkg/status", DPKG), ("opt/dpkg/info/lib7.list", f"{INFO}/lib7.list")} <= bench.asked
    assert len(bench.asked) == count + 2
    assert receipt.chains[-1].packages == count + 1
    assert bench.owned(receipt) == {(SIX, "deb/python3-six")}
