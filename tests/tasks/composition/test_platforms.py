"""Which distribution an image is, where os-release does not say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.composition.building import Archive, Layer, image


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def distribution(archive: Archive, *layers: Layer) -> tuple[object, object]:
    archive.add(*layers)
    archive.compose(manifest := image("-".join(layer.name for layer in layers), *layers))
    row = archive.row(manifest)
    return row["distribution"], row["distribution_version"]


def test_a_release_older_than_os_release_is_known_by_its_file(archive: Archive) -> None:
    base = Layer("base").os_release("CentOS release 6.10 (Final)\n", "etc/redhat-release")
    assert distribution(archive, base) == ("centos", "6.10")


def test_os_release_decides_where_both_are(archive: Archive) -> None:
    base = Layer("base").os_release("bookworm/sid\n", "etc/debian_version")
    top = Layer("top").os_release("ID=ubuntu\nVERSION_ID=24.04\n", "usr/lib/os-release")
    assert distribution(archive, base, top) == ("ubuntu", "24.04")


def test_an_os_release_that_names_nothing_leaves_it_to_the_older_files(archive: Archive) -> None:
    base = Layer("base").os_release("NAME=odd\n").os_release("3.2.0\n", "etc/alpine-release")
    assert distribution(archive, base) == ("alpine", "3.2.0")


def test_a_derivative_is_known_by_its_own_file(archive: Archive) -> None:
    base = (
        Layer("base")
        .os_release("Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", "etc/redhat-release")
        .os_release("Oracle Linux Server release 6.10\n", "etc/oracle-release")
    )
    assert distribution(archive, base) == ("ol", "6.10")


def test_an_older_file_is_read_through_its_link(archive: Archive) -> None:
    base = (
        Layer("base")
        .os_release("Fedora release 21 (Twenty One)\n", "usr/lib/fedora-release")
        .symlink("etc/fedora-release", "../usr/lib/fedora-release")
    )
    assert distribution(archive, base) == ("fedora", "21")


def test_a_link_to_an_older_file_is_asked_for_only_where_it_decides(archive: Archive) -> None:
    base = Layer("base").file("opt/what-it-is").symlink("etc/redhat-release", "/opt/what-it-is")
    named = Layer("named").os_release("ID=rhel\nVERSION_ID=9.4\n")
    archive.add(base, named)
    assert archive.compose(image("asks", base), may_ask=True).needs
    assert not archive.compose(image("knows", base, named), may_ask=True).needs


def test_an_image_from_scratch_is_no_distribution(archive: Archive) -> None:
    assert distribution(archive, Layer("base").file("app")) == ("", "")
