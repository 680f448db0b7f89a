"""Known references, resolved once more: exactly what they led to, or why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.active.former import KnownReference
from catalog.images import FileBlob
from pipelines.known_images import KnownImages
from tasks.layer_builder import build_layer
from tasks.oci_writer import OciWriter
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess

ONE, TWO = build_layer({"a": "1"}), build_layer({"b": "2"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image((ONE,), tag="one")
        writer.add_image((ONE, TWO), tag="two")
    return tmp_path / "layout"


def known(folder: Path) -> list[KnownReference]:
    (source,) = open_sources([f"oci:{folder}"], RegistryAccess())
    return [
        KnownReference(
            each.reference,
            each.registry,
            each.repository,
            each.name,
            each.kind.value,
            each.target or "",
            "",
            (each.target or "",),
            frozenset(),
        )
        for each in source.list()
    ]


def test_an_image_comes_with_the_places_of_its_layers(folder: Path) -> None:
    one, two = known(folder)
    images, kept = KnownImages(RegistryAccess()).resolve([one, two], {*one.images, *two.images})
    assert [image.reference for image in images] == [one.text, two.text]
    assert kept == []
    assert all(isinstance(place, FileBlob) for image in images for place in image.locations)


def test_images_that_are_not_asked_for_are_left_out(folder: Path) -> None:
    one, two = known(folder)
    images, kept = KnownImages(RegistryAccess()).resolve([one, two], set(two.images))
    assert ([image.reference for image in images], kept) == ([two.text], [])


def test_a_layout_that_is_gone_is_the_reason_of_all_its_images(folder: Path) -> None:
    references = known(folder)
    folder.rename(folder.with_name("elsewhere"))
    images, kept = KnownImages(RegistryAccess()).resolve(references, {each.images[0] for each in references})
    assert images == []
    assert [(each.reference, each.reason) for each in kept] == [(each.text, "not-found") for each in references]


def test_a_reference_that_leads_to_another_image_now_says_so(folder: Path) -> None:
    one, _ = known(folder)
    lost = f"sha256:{'0' * 64}"
    moved = KnownReference(one.text, "", one.repository, one.name, one.kind, one.target, "", (lost,), frozenset({lost}))
    images, (kept,) = KnownImages(RegistryAccess()).resolve([moved], {lost})
    assert (images, kept.image, kept.reason) == ([], lost, "not-found")


def test_one_reference_that_has_the_image_is_enough(folder: Path) -> None:
    one, _ = known(folder)
    elsewhere = KnownReference(
        "oci:/gone:one", "", "oci:/gone", "one", one.kind, one.target, "", one.images, frozenset()
    )
    images, kept = KnownImages(RegistryAccess()).resolve([elsewhere, one], set(one.images))
    assert ([image.reference for image in images], kept) == ([one.text], [])


def test_a_platform_that_was_not_wanted_is_not_asked_for_again(folder: Path) -> None:
    one, _ = known(folder)
    other = KnownReference(
        one.text, "", one.repository, one.name, one.kind, one.target, "plan9/mips", one.images, frozenset()
    )
    images, (kept,) = KnownImages(RegistryAccess()).resolve([other], set(one.images))
    assert (images, kept.reason) == ([], "unwanted-platform")


def test_nothing_is_begun_once_the_run_stops(folder: Path) -> None:
    references = known(folder)
    images, kept = KnownImages(RegistryAccess(), stopping=lambda: True).resolve(references, set(references[0].images))
    assert (images, kept) == ([], [])
