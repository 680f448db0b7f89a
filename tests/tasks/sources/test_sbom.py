"""A bill of materials as an image of one layer."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from catalog.errors import MalformedManifest, NotFound, SourceChanged, SourceError
from catalog.images import SbomDocument
from catalog.states import Outcome
from tasks.blobs import open_blob
from tasks.sources.interface import PlatformChoice, ResolvedImage, Source
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess

ACCESS = RegistryAccess()
BASH = {"type": "library", "name": "bash", "version": "5", "purl": "pkg:deb/debian/bash@5?distro=debian-12"}
VUE = {"type": "library", "name": "vue", "version": "3", "purl": "pkg:npm/vue@3"}


def document(*components: object) -> str:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": list(components)})


def source(path: Path) -> Source:
    (found,) = open_sources([f"sbom:{path}"], ACCESS)
    return found


def resolve(path: Path, *platforms: str) -> ResolvedImage:
    opened = source(path)
    (listed,) = opened.list()
    (image,) = opened.resolve(listed, PlatformChoice(platforms))
    return image


def stream(image: ResolvedImage) -> bytes:
    assert image.manifest is not None
    (layer,) = image.manifest.layers
    with open_blob(image.locations[0], layer.digest, layer.size, ACCESS) as blob:
        buffer = bytearray(layer.size)
        count = blob.readinto(memoryview(buffer)[:100])
        rest = blob.read(1 << 20)
        assert count + len(rest) == layer.size
        return bytes(buffer[:count]) + rest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "bom.json"
    made.write_text(document(BASH, VUE))
    return made


def test_it_is_one_image_of_one_layer_named_by_what_is_listed(path: Path) -> None:
    image = resolve(path)
    assert image.manifest is not None
    assert image.outcome is Outcome.PENDING
    assert image.manifest.digest == image.manifest.layers[0].digest == image.digest
    assert image.locations == (SbomDocument(str(path), image.digest),)
    with tarfile.open(fileobj=io.BytesIO(stream(image))) as tar:
        assert tar.getnames() == [".longshore/sbom/deb.jsonl", ".longshore/sbom/npm.jsonl", "etc/os-release"]
        assert tar.extractfile("etc/os-release").read() == b"ID=debian\nVERSION_ID=12\n"  # type: ignore[union-attr]
        assert tar.extractfile(".longshore/sbom/npm.jsonl").read() == b'{"name":"vue","type":"npm","version":"3"}\n'  # type: ignore[union-attr]


def test_order_and_repetition_make_no_other_image(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(document(VUE, BASH, {**VUE, "bom-ref": "again"}))
    assert resolve(tmp_path / "other").digest == resolve(path).digest


def test_a_document_of_which_less_was_read_is_another_image(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(document(BASH, VUE, {"type": "library", "name": "odd"}))
    image = resolve(tmp_path / "other")
    assert image.digest != resolve(path).digest
    assert [(note.reason, note.partial) for note in image.notes] == [("unread-component", True)]
    assert stream(image)


def test_no_platform_is_unwanted(path: Path) -> None:
    assert resolve(path, "plan9/mips").outcome is Outcome.PENDING


def test_a_document_that_changes_between_listing_and_reading_says_so(path: Path) -> None:
    image = resolve(path)
    for text in (document(BASH), "no document"):
        path.write_text(text)
        with pytest.raises(SourceChanged):
            stream(image)


def test_a_document_that_changes_and_lists_the_same_is_the_same(path: Path) -> None:
    image = resolve(path)
    path.write_text(document(VUE, BASH))
    assert stream(image)


def test_a_file_that_is_no_document_is_listed_with_the_reason(path: Path) -> None:
    path.write_text("{")
    (listed,) = source(path).list()
    assert isinstance(listed.error, MalformedManifest)
    assert str(listed.error) == f"{path}: is no JSON"
    os.truncate(path, 1 << 30)
    (listed,) = source(path).list()
    assert "are read at most" in str(listed.error)


def test_a_file_that_is_not_there_or_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(source(tmp_path / "none").list())
    with pytest.raises(SourceError):
        list(source(tmp_path).list())


def test_a_reference_is_an_absolute_path_whatever_it_holds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b@c").write_text(document(BASH))
    (opened,) = open_sources(["sbom:a:b@c"], ACCESS)
    assert [listed.reference for listed in opened.list()] == [f"sbom:{tmp_path}/a:b@c"]
