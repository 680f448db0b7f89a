"""rpm databases in composition: links to their place, and a change of format from layer to layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.packages import PackageFacts
from tests.tasks.composition.building import Archive, Layer, composed, image, names

OLD, NEW, LINKED = "var/lib/rpm/Packages", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def rpm(name: str, version: str = "1-1") -> PackageFacts:
    return PackageFacts("rpm", name, version, epoch=0, architecture="x86_64")


def test_a_rebuilt_database_in_another_format_is_the_only_one(archive: Archive) -> None:
    base = Layer("base").database(OLD, rpm("bash"), rpm("gone"))
    top = Layer("top").whiteout(OLD).database(NEW, rpm("bash"))
    assert names(composed(archive, base, top)) == {("bash", NEW)}


def test_a_database_is_listed_once_where_its_folder_is_a_link(archive: Archive) -> None:
    base = Layer("base").symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm").database(LINKED, rpm("bash"))
    top = Layer("top").database(NEW, rpm("bash"), rpm("curl"))
    assert names(composed(archive, base, top)) == {("bash", LINKED), ("curl", LINKED)}


def test_a_database_behind_a_link_to_another_place_is_asked_for(archive: Archive) -> None:
    base = Layer("base").file("opt/rpm/rpmdb.sqlite").symlink("var/lib/rpm", "/opt/rpm")
    archive.add(base)
    needs = archive.compose(image("elsewhere", base), may_ask=True).needs
    assert [(need.path, need.wanted) for need in needs] == [("opt/rpm/rpmdb.sqlite", NEW)]


def test_a_removed_database_takes_its_packages_with_it(archive: Archive) -> None:
    base = Layer("base").database(NEW, rpm("bash"))
    assert composed(archive, base, Layer("top").whiteout("var/lib/rpm")) == set()
