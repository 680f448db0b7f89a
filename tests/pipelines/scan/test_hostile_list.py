"""Every hostile or odd image of docs/hostile-input.md in one scan: each ends as the table says, and the run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.oci_writer import INDEX_TYPE, MANIFEST_TYPE, BuiltLayer, OciWriter, StoredBlob
from tests.pipelines.scan.images import base, layer, python
from tests.servers.scanning import Scanner
from tests.tasks.layers.hostile_page import table

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
Make = Callable[[OciWriter, str], object]


def own(name: str) -> BuiltLayer:
    """A layer that no other image has."""
    return layer(python("flask", "2.3.2") | {"of": name})


def edges(**changes: object) -> Make:
    """An image whose second layer has other fields in the manifest."""

    def make(writer: OciWriter, tag: str) -> None:
        lower, upper = (writer.add_blob(built.data, OCI_LAYER).descriptor() for built in (base(), own(tag)))
        writer.add_manifest(document(writer, lower, upper | changes), tag=tag)

    return make


def document(writer: OciWriter, *layers: dict[str, object], **more: object) -> dict[str, object]:
    config = writer.add_blob(b'{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}', CONFIG)
    return {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config.descriptor(), "layers": [*layers], **more}


CONFIG = "application/vnd.oci.image.config.v1+json"


def damaged(change: Callable[[Path], object]) -> Make:
    """An image whose second layer's blob is not what it was."""

    def make(writer: OciWriter, tag: str) -> None:
        upper = own(tag)
        writer.add_image([base(), upper], tag=tag)
        change(writer.directory / "blobs" / "sha256" / upper.digest.removeprefix("sha256:"))

    return make


def nested(depth: int) -> Make:
    """An image of two platforms, below so many indexes."""

    def make(writer: OciWriter, tag: str) -> None:
        inner: list[StoredBlob] = [
            writer.add_image([own(tag)], platform=name) for name in ("linux/amd64", "linux/arm64")
        ]
        for _ in range(depth - 1):
            inner = [writer.add_index(inner)]
        writer.add_index(inner, tag=tag)

    return make


def attested(writer: OciWriter, tag: str) -> None:
    statement = writer.add_manifest({"schemaVersion": 2}, platform="unknown/unknown")
    writer.add_index([writer.add_image([own(tag)]), statement], tag=tag)


def odd(text: bytes, media_type: str = MANIFEST_TYPE) -> Make:
    return lambda writer, tag: writer.add_manifest(text, media_type=media_type, tag=tag)


def chart(writer: OciWriter, tag: str) -> None:
    config = writer.add_blob(b"{}", "application/vnd.cncf.helm.config.v1+json").descriptor()
    writer.add_manifest(document(writer, config=config), tag=tag)


def signature(writer: OciWriter, tag: str) -> None:
    payload = writer.add_blob(b"{}", "application/vnd.dev.cosign.simplesigning.v1+json").descriptor()
    writer.add_manifest(document(writer, payload), tag=tag)


IMAGES: dict[str, Make] = {
    "foreign layer": edges(urls=["https://example.com/layer"]),
    "non-distributable layer": edges(mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    "encrypted layer": edges(mediaType=f"{OCI_LAYER}+encrypted"),
    "media type that is wrong": edges(mediaType="application/vnd.oci.image.layer.v1.tar+zstd"),
    "layer that is not there": damaged(Path.unlink),
    "layer that is cut off": damaged(lambda path: path.write_bytes(path.read_bytes()[:-9])),
    "layer of other bytes": damaged(lambda path: path.write_bytes(bytes(path.stat().st_size))),
    "schema 1 manifest": odd(b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+json"),
    "nested index": nested(3),
    "index nested too deep": nested(5),
    "index of nothing": odd(b'{"schemaVersion":2,"manifests":[]}', INDEX_TYPE),
    "attestation manifest": attested,
    "artifact": chart,
    "signature": signature,
    "manifest that is no JSON": odd(b"{"),
    "manifest and index at once": odd(b'{"schemaVersion":2,"layers":[],"manifests":[]}'),
    "image without layers": lambda writer, tag: writer.add_image([], tag=tag),
    "same layer twice": lambda writer, tag: writer.add_image([base(), own(tag), base()], tag=tag),
}
"""By the first column of the table."""


def tag_of(case: str) -> str:
    return case.replace(" ", "-")


@pytest.fixture
def source(tmp_path: Path) -> str:
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image([base()], tag="good")
        for case, make in IMAGES.items():
            make(writer, tag_of(case))
    return f"oci:{tmp_path}/layout"


def test_every_hostile_image_ends_as_the_page_says(scanner: Scanner, source: str) -> None:
    assert list(table("Images")) == list(IMAGES)
    found: dict[str, set[tuple[str, str]]] = {}
    for line in scanner.scan(source, platforms=("linux/amd64", "linux/arm64")).lines:
        found.setdefault(line.reference.rpartition(":")[2], set()).add((str(line.state), line.reason))
    assert found.pop("good") == {("analysed", "")}
    expected = {
        tag_of(case): {(row.outcome, row.reason)} | ({("analysed", "")} if row.neighbours == "all" else set())
        for case, row in table("Images").items()
    }
    assert found == expected
