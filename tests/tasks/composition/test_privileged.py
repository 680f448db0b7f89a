"""Which privileged files are left in a composed image, and the layer that each comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.images import ImageManifest
from catalog.schemas import PRIVILEGED_FILES
from catalog.states import Outcome
from tests.tasks.composition.building import DPKG, Archive, Layer, deb, image, npm

SU = "usr/bin/su"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def composed(archive: Archive, *layers: Layer) -> ImageManifest:
    """An image of these layers, composed."""
    archive.add(*{layer.digest: layer for layer in layers}.values())
    manifest = image("/".join(layer.name for layer in layers), *layers)
    archive.compose(manifest, known=archive.chains.values())
    return manifest


def base() -> Layer:
    return Layer("base").directory("usr").directory("usr/bin").privileged(SU).privileged("usr/bin/wall", 0o2755, gid=5)


def test_privileged_files_are_listed_with_mode_owner_group_and_layer(archive: Archive) -> None:
    manifest = composed(archive, base(), Layer("top").privileged("usr/bin/sudo", 0o6755, uid=1, gid=2))
    assert archive.privileged(manifest) == {
        SU: (0o4755, "base"),
        "usr/bin/wall": (0o2755, "base"),
        "usr/bin/sudo": (0o6755, "top"),
    }
    rows = archive.facts(PRIVILEGED_FILES)
    assert rows["uid"].to_pylist() == [0, 1, 0]
    assert rows["gid"].to_pylist() == [0, 2, 5]


@pytest.mark.parametrize("path", [SU, "usr/bin", "usr"])
def test_what_is_whited_out_is_not_left(archive: Archive, path: str) -> None:
    assert SU not in archive.privileged(composed(archive, base(), Layer("top").whiteout(path)))


def test_an_opaque_folder_leaves_none_of_what_is_below(archive: Archive) -> None:
    top = Layer("top").opaque("usr/bin").privileged("usr/bin/mount")
    assert archive.privileged(composed(archive, base(), top)) == {"usr/bin/mount": (0o4755, "top")}


@pytest.mark.parametrize("kind", ["file", "directory", "device", "fifo"])
def test_another_entry_at_the_path_replaces_it_even_an_unprivileged_file(archive: Archive, kind: str) -> None:
    manifest = composed(archive, base(), getattr(Layer("top"), kind)(SU))
    assert set(archive.privileged(manifest)) == {"usr/bin/wall"}


def test_a_link_at_the_path_replaces_it_and_has_no_rights_of_its_own(archive: Archive) -> None:
    manifest = composed(archive, base(), Layer("top").symlink(SU, "wall"))
    assert set(archive.privileged(manifest)) == {"usr/bin/wall"}


def test_the_newest_entry_says_with_whose_rights(archive: Archive) -> None:
    manifest = composed(archive, base(), Layer("top").privileged(SU, 0o2755))
    assert archive.privileged(manifest)[SU] == (0o2755, "top")


def test_what_lies_below_a_file_of_an_upper_layer_is_hidden(archive: Archive) -> None:
    assert archive.privileged(composed(archive, base(), Layer("top").file("usr/bin"))) == {}


def test_a_file_that_becomes_a_folder_is_no_program(archive: Archive) -> None:
    assert SU not in archive.privileged(composed(archive, base(), Layer("top").file(f"{SU}/x")))


def test_files_are_reached_by_their_real_path(archive: Archive) -> None:
    merged = Layer("merged").symlink("bin", "usr/bin").directory("usr/bin").file("usr/bin/x")
    through = Layer("through").privileged("bin/su")
    assert archive.privileged(composed(archive, merged, through)) == {SU: (0o4755, "through")}
    assert archive.privileged(composed(archive, merged, through, Layer("top").file("bin/su"))) == {}


def test_a_hard_link_across_layers_is_the_same_file(archive: Archive) -> None:
    link = Layer("link").hardlink("opt/su", SU)
    assert archive.privileged(composed(archive, base(), link))["opt/su"] == (0o4755, "base")
    gone = Layer("gone").whiteout(SU).hardlink("opt/su", SU)
    assert set(archive.privileged(composed(archive, base(), gone))) == {"opt/su", "usr/bin/wall"}


def test_a_hard_link_to_what_its_own_layer_put_there_is_not_the_lower_file(archive: Archive) -> None:
    own = Layer("own").file(SU).hardlink("opt/su", SU)
    assert set(archive.privileged(composed(archive, base(), own))) == {"usr/bin/wall"}


def test_evidence_may_be_privileged_and_evidence_over_it_replaces_it(archive: Archive) -> None:
    tool = Layer("tool").database(SU, npm("tool"))
    tool.rights[SU] = (0o4755, 0, 0)
    manifest = composed(archive, base(), tool)
    assert archive.privileged(manifest)[SU] == (0o4755, "tool")
    assert archive.packages(manifest) == {("tool", SU)}
    manifest = composed(archive, base(), tool, Layer("top").database(SU, npm("tool")))
    assert set(archive.privileged(manifest)) == {"usr/bin/wall"}


@pytest.mark.parametrize("base_packages", [1, 3000])
def test_a_large_layer_replaces_and_brings_them_too(archive: Archive, base_packages: int) -> None:
    lower, top = base(), Layer("top").file(SU).privileged("opt/new")
    for number in range(base_packages):
        lower.file(f"usr/share/a{number}")
        top.file(f"usr/share/b{number}")
    assert archive.privileged(composed(archive, lower, top)) == {
        "usr/bin/wall": (0o2755, "base"),
        "opt/new": (0o4755, "top"),
    }


def test_a_link_to_a_privileged_file_still_asks_for_its_bytes(archive: Archive) -> None:
    """Its rights are remembered, but nobody looked at it as the evidence that the link makes of it."""
    lower = Layer("lower").privileged("opt/dpkg/status")
    for top in (
        Layer("link").symlink(DPKG, "/opt/dpkg/status"),
        Layer("folder").symlink("var/lib/dpkg", "/opt/dpkg"),
        Layer("hard").hardlink(DPKG, "opt/dpkg/status", state="link"),
    ):
        archive.add(lower, top)
        receipt = archive.compose(image(top.name, lower, top), may_ask=True)
        assert [(need.layer, need.path) for need in receipt.needs] == [(lower.digest, "opt/dpkg/status")], top.name
    archive.add(plain := Layer("plain").database(DPKG, deb("bash")).privileged("usr/bin/x"))
    assert archive.compose(image("plain", plain), may_ask=True).images[0].outcome is Outcome.ANALYSED


def test_the_facts_of_a_known_chain_are_not_written_again(archive: Archive) -> None:
    archive.add(lower := base())
    first = archive.compose(image("a", lower), image("b", lower))
    assert archive.facts(PRIVILEGED_FILES).num_rows == 2
    assert [o.dataset for o in archive.compose(image("c", lower), known=first.chains).objects] == ["images"]
