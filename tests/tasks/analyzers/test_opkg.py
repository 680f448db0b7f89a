from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.packages import PackageFacts
from tasks.analyzers.opkg import Opkg

STATUS = """\
Package: libopenssl3
Version: 3.0.13-1
Depends: libc
Status: install ok installed
Architecture: x86_64
Installed-Time: 1711111111

Package: busybox
Version: 1.36.1-r0
Status: install user installed
Architecture: core2-64
Source: busybox_1.36.1.bb
License: GPL-2.0-only
"""


def analyse(text: str) -> list[PackageFacts]:
    return Opkg().analyse("usr/lib/opkg/status", text.encode()).packages


def test_packages_have_name_version_architecture_and_source() -> None:
    first, second = analyse(STATUS)
    assert first == PackageFacts("opkg", "libopenssl3", "3.0.13-1", architecture="x86_64")
    assert second == PackageFacts(
        "opkg", "busybox", "1.36.1-r0", architecture="core2-64", source_name="busybox", source_version="1.36.1"
    )
    assert second.licences == ("GPL-2.0-only",)


def test_the_source_may_be_a_folder_of_a_feed() -> None:
    (found,) = analyse("Package: a\nVersion: 1\nSource: feeds/base/package/libs/openssl\n")
    assert (found.source_name, found.source_version) == ("openssl", "")


@pytest.mark.parametrize(
    ("status", "there"),
    [
        ("install user installed", True),
        ("install hold installed", True),
        ("install ok unpacked", True),
        ("install ok post-inst-failed", True),
        ("deinstall ok removal-failed", True),
        ("deinstall ok not-installed", False),
        ("deinstall ok config-files", False),
        ("unknown ok not-installed", False),
        ("install ok half-installed", False),
    ],
)
def test_a_package_is_installed_when_its_files_are_there(status: str, there: bool) -> None:
    assert bool(analyse(f"Package: a\nVersion: 1\nStatus: {status}\n")) == there


def test_a_broken_stanza_costs_its_neighbours_nothing() -> None:
    findings = Opkg().analyse("var/lib/opkg/status", b"Package: a\nVersion: 1\n\nodd\n\nPackage: b\nVersion: 2\n")
    assert [package.name for package in findings.packages] == ["a", "b"]
    assert [remark.detail for remark in findings.remarks] == ["1 stanzas without a package name or version"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("usr/lib/opkg/status", True), ("var/lib/opkg/status", True), ("opkg/status", False), ("status", False)],
)
def test_only_the_two_places_are_wanted(path: str, wanted: bool) -> None:
    assert Opkg().confirm(path) == wanted


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    Opkg().analyse("usr/lib/opkg/status", data)
