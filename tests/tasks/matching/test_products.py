from __future__ import annotations

import pytest

from tasks.advisories.ecosystems import RUST_FEED
from tasks.matching.products import products_of
from tasks.versions import version_key
from tests.tasks.matching import fleets


def _products(*rows: dict[str, object]) -> list[tuple[object, ...]]:
    found = products_of(fleets.packages(*rows)).products.to_pylist()
    return [(row["ecosystem"], row["name"], row["version"], row["key"]) for row in found]


def test_debian_and_alpine_compare_the_source_package() -> None:
    assert _products(
        fleets.deb("libssl3", "3.0.9-1+b1", "openssl", "3.0.9-1"),
        fleets.ALPINE | {"type": "apk", "name": "libcrypto3", "version": "3.1.4-r0", "source_name": "openssl"},
    ) == [
        ("Debian:12", "openssl", "3.0.9-1", version_key("dpkg", "3.0.9-1")),
        ("Alpine:v3.19", "openssl", "3.1.4-r0", version_key("apk", "3.1.4-r0")),
    ]


def test_packages_of_one_source_are_one_product() -> None:
    found = products_of(
        fleets.packages(
            fleets.deb("curl", "7.88.1-10"), fleets.deb("libcurl4", "7.88.1-10", "curl"), fleets.deb("curl", "8")
        )
    )
    assert found.products.num_rows == 2
    assert found.edges.column("product").to_pylist() == [0, 0, 1]
    assert found.edges.column("how").to_pylist() == ["direct", "source", "direct"]


@pytest.mark.parametrize(
    ("row", "ecosystem", "name"),
    [
        (fleets.language("pypi", "Zope.Interface", "1"), "PyPI", "zope-interface"),
        (fleets.language("npm", "core", "1", "@babel"), "npm", "@babel/core"),
        (fleets.language("npm", "left-pad", "1"), "npm", "left-pad"),
        (fleets.language("maven", "core", "1", "org.x"), "Maven", "org.x:core"),
        (fleets.language("golang", "net", "v0.1.0", "golang.org/x"), "Go", "golang.org/x/net"),
        (fleets.language("cargo", "time", "0.1.0"), RUST_FEED, "time"),
    ],
)
def test_languages_compare_the_package_itself(row: dict[str, object], ecosystem: str, name: str) -> None:
    assert _products(row)[0][:2] == (ecosystem, name)


def test_an_rpm_is_compared_by_its_own_name_with_its_epoch() -> None:
    row = {"type": "rpm", "name": "bash", "version": "5.1-9.el9", "epoch": 2, "source_name": "other"}
    alma = {"platform": 4, "distribution": "almalinux", "distribution_version": "9.3"}
    assert _products(alma | row)[0][:3] == ("AlmaLinux:9", "bash", "2:5.1-9.el9")


def test_nobody_speaks_of_an_unknown_distribution_or_type() -> None:
    found = products_of(
        fleets.packages(
            fleets.deb("a", "1", distribution="plan9"),
            fleets.deb("a", "1", distribution_version="sid"),
            fleets.language("spell", "a", "1"),
        )
    )
    assert found.products.num_rows == 0
    assert found.edges.column("product").to_pylist() == [None, None, None]


def test_a_version_that_cannot_be_parsed_has_no_key() -> None:
    assert _products(fleets.deb("a", "not a version"))[0][3] is None


def test_no_packages_at_all() -> None:
    found = products_of(fleets.packages())
    assert (found.products.num_rows, found.edges.num_rows) == (0, 0)
