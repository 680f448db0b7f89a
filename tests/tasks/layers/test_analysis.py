"""A batch of layers, from files to Parquet in a local archive."""

from __future__ import annotations

import hashlib
import pickle
import tarfile
from pathlib import Path

import pyarrow.compute as pc
import pytest

from catalog.errors import Retry
from catalog.facts import read_facts
from catalog.images import FileBlob
from catalog.limits import Limits
from catalog.problems import Problem
from catalog.receipts import AnalysisReceipt
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import LocalStore
from tasks.layer_builder import BuiltLayer, build_layer
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers, fingerprints
from tasks.transport import RegistryAccess

STATUS = "Package: %s\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"
LAYERS = [
    build_layer({"var/lib/dpkg/status": STATUS % "a", "etc/os-release": "ID=x\n", "bin/sh": "x"}),
    build_layer({"app/package.json": '{"name": "n", "version": "1"}', "odd\\name": "x"}, compression="zstd"),
    build_layer({}, compression="plain"),
]


def task(folder: Path, built: BuiltLayer, data: bytes | None = None) -> LayerTask:
    path = folder / built.digest.replace(":", "-")
    path.write_bytes(built.data if data is None else data)
    return LayerTask(built.digest, built.size, FileBlob(str(path), 0, path.stat().st_size))


def batch(*tasks: LayerTask) -> LayerBatch:
    return LayerBatch(tasks, "2026-01", Limits(), RegistryAccess())


def rows(home: Path, receipt: AnalysisReceipt, dataset: str) -> list[dict]:
    keys = [item.key for item in receipt.objects if item.dataset == dataset]
    store = LocalStore(home)
    return [row for key in keys for row in read_facts(store, key).to_pylist()]


def test_a_batch_writes_one_object_for_each_dataset_that_has_rows(tmp_path: Path, home: Path) -> None:
    receipt = analyse_layers(batch(*(task(tmp_path, built) for built in LAYERS)), ArchiveLocation(str(home)))
    assert {item.dataset for item in receipt.objects} == {
        "layers", "entries", "attributes", "evidence", "packages", "contents",
    }  # fmt: skip
    assert [layer.layer for layer in receipt.layers] == sorted(built.digest for built in LAYERS)
    assert {layer.outcome for layer in receipt.layers} == {LayerOutcome.COMPLETE}
    assert receipt.fingerprint_set == fingerprints().id
    assert {row["name"] for row in rows(home, receipt, "packages")} == {"a", "n"}
    assert {row["path"] for row in rows(home, receipt, "entries")} == {
        "var/lib/dpkg/status", "etc/os-release", "bin/sh", "app/package.json", "odd\\\\name",
    }  # fmt: skip
    (content,) = rows(home, receipt, "contents")
    assert content == {"layer": LAYERS[0].digest, "path": "etc/os-release", "data": b"ID=x\n"}


def test_a_layers_row_says_what_it_was_read_with(tmp_path: Path, home: Path) -> None:
    receipt = analyse_layers(batch(task(tmp_path, LAYERS[1])), ArchiveLocation(str(home)))
    (row,) = rows(home, receipt, "layers")
    (layer,) = receipt.layers
    assert row["fingerprints"] == list(fingerprints().names)
    assert (row["compression"], row["entries"], row["packages"]) == ("zstd", 2, 1)
    assert row["composition_hash"] == layer.composition_hash
    assert row["size"] == layer.size == LAYERS[1].size


def test_the_rows_of_one_layer_can_be_read_alone(tmp_path: Path, home: Path) -> None:
    receipt = analyse_layers(batch(*(task(tmp_path, built) for built in LAYERS)), ArchiveLocation(str(home)))
    (key,) = [item.key for item in receipt.objects if item.dataset == "entries"]
    table = read_facts(LocalStore(home), key, where=pc.field("layer") == LAYERS[0].digest)
    assert table.column("ordinal").to_pylist() == [0, 1, 2]


def test_the_same_batch_in_another_order_gives_the_same_objects(tmp_path: Path, home: Path) -> None:
    tasks = [task(tmp_path, built) for built in LAYERS]
    first = analyse_layers(batch(*tasks), ArchiveLocation(str(home)))
    again = analyse_layers(batch(*reversed(tasks), tasks[0]), ArchiveLocation(str(home)))
    assert first.objects == again.objects


def test_one_layers_failure_does_not_touch_the_others(tmp_path: Path, home: Path) -> None:
    tasks = [task(tmp_path, built) for built in LAYERS]
    wrong = task(tmp_path, build_layer({"wrong": "x"}), b"x" * 300)
    broken_blob = build_layer({"b": "x"}, compression="plain")
    broken = BuiltLayer(b"no layer at all" * 99, "", "", "")

    digest = f"sha256:{hashlib.sha256(broken.data).hexdigest()}"
    broken_task = task(tmp_path, BuiltLayer(broken.data, digest, "", ""))
    missing = LayerTask(broken_blob.digest, broken_blob.size, FileBlob(str(tmp_path / "missing"), 0, broken_blob.size))
    receipt = analyse_layers(batch(*tasks, wrong, broken_task, missing), ArchiveLocation(str(home)))
    ended = {layer.layer: layer for layer in receipt.layers}
    assert all(ended[item.digest].outcome == LayerOutcome.COMPLETE for item in tasks)
    assert ended[digest].reason == "malformed-layer"
    assert ended[digest].verified
    assert not ended[wrong.digest].verified
    assert ended[missing.digest].reason == "not-found"
    assert {row["layer"] for row in rows(home, receipt, "layers")} == {item.digest for item in tasks}


def test_a_truncated_blob_is_worth_another_try(tmp_path: Path, home: Path) -> None:
    built = LAYERS[0]
    receipt = analyse_layers(batch(task(tmp_path, built, built.data[:-10])), ArchiveLocation(str(home)))
    (layer,) = receipt.layers
    assert (layer.outcome, layer.retry, layer.verified) == (LayerOutcome.FAILED, Retry.TRANSIENT, False)
    assert receipt.objects == ()


def test_problems_known_before_are_written_and_count(tmp_path: Path, home: Path) -> None:
    known = Problem("proc", "", "not-read", "another file system", partial=True)
    plain = task(tmp_path, LAYERS[0])
    noted = LayerTask(plain.digest, plain.size, plain.location, (known,))
    receipt = analyse_layers(batch(noted), ArchiveLocation(str(home)))
    (layer,) = receipt.layers
    assert (layer.outcome, layer.reason, layer.problems) == (LayerOutcome.PARTIAL, "not-read", 1)
    assert rows(home, receipt, "problems")[0]["path"] == "proc"


def test_a_receipt_and_a_batch_can_be_sent_elsewhere(tmp_path: Path, home: Path) -> None:
    work = pickle.loads(pickle.dumps(batch(task(tmp_path, LAYERS[0]))))
    receipt = analyse_layers(work, ArchiveLocation(str(home)))
    assert pickle.loads(pickle.dumps(receipt)) == receipt


def test_nothing_is_left_in_the_scratch_directory(tmp_path: Path, home: Path) -> None:
    analyse_layers(batch(*(task(tmp_path, built) for built in LAYERS)), ArchiveLocation(str(home)))
    assert list(LocalStore(home).scratch.glob("*")) == []


@pytest.mark.conformance
@pytest.mark.parametrize("image", ["alpine-3.10.3", "alpine-3.11.5"])
def test_a_real_alpine_layer_has_its_packages(real_data: Path, tmp_path: Path, home: Path, image: str) -> None:

    with tarfile.open(real_data / "images" / f"{image}.tar.gz") as archive:
        (name,) = [name for name in archive.getnames() if name.endswith("layer.tar")]
        data = archive.extractfile(name).read()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    receipt = analyse_layers(batch(task(tmp_path, BuiltLayer(data, digest, "", ""))), ArchiveLocation(str(home)))
    found = {row["name"]: row for row in rows(home, receipt, "packages") if row["type"] == "apk"}
    assert len(found) == 14
    assert found["libcrypto1.1"]["source_name"] == "openssl"
    assert found["musl"]["architecture"] == "x86_64"
    assert receipt.layers[0].outcome == LayerOutcome.COMPLETE
