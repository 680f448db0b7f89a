from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.packages import PackageFacts
from tasks.analyzers.dpkg import Dpkg

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc (2.36-9)
Version: 2.36-9+deb12u4
Description: GNU C Library
 Package: not a field
 Version: 0

Package: adduser
Status: install ok installed
Version: 3.134
Architecture: all
"""


def analyse(text: str | bytes) -> list[PackageFacts]:
    return Dpkg().analyse("var/lib/dpkg/status", text if isinstance(text, bytes) else text.encode()).packages


def test_packages_have_name_version_architecture_and_source() -> None:
    assert analyse(STATUS) == [
        PackageFacts(
            "deb", "libc6", "2.36-9+deb12u4", architecture="amd64", source_name="glibc", source_version="2.36-9"
        ),
        PackageFacts("deb", "adduser", "3.134", architecture="all"),
    ]


def test_a_source_without_a_version_has_none() -> None:
    (package,) = analyse("Package: a\nVersion: 1\nSource: b\n")
    assert (package.source_name, package.source_version) == ("b", "")


@pytest.mark.parametrize(
    ("status", "there"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("install ok unpacked", True),
        ("install ok half-configured", True),
        ("install ok triggers-pending", True),
        ("install ok triggers-awaited", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
        ("install ok half-installed", False),
        ("install reinstreq half-installed", False),
    ],
)
def test_a_package_is_installed_when_its_files_are_there(status: str, there: bool) -> None:
    assert bool(analyse(f"Package: a\nStatus: {status}\nVersion: 1\n")) == there


def test_several_versions_and_architectures_of_a_name_are_all_kept() -> None:
    text = "Package: a\nVersion: 1\nArchitecture: amd64\n\nPackage: a\nVersion: 1\nArchitecture: i386\n\nPackage: a\nVersion: 2\n"
    assert len(analyse(text)) == 3


def test_a_file_of_status_d_carries_no_status() -> None:
    assert [package.name for package in analyse("Package: tzdata\nVersion: 2024a-0\nArchitecture: all\n")] == ["tzdata"]


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("python3.11-minimal", True),
        ("libstdc++6", True),
        ("bGlic3NsMw==", True),
        ("tzdata.md5sums", True),
        ("tzdata.list", False),
        ("libc6.symbols", False),
        ("base-files.conffiles", False),
        ("tzdata.postinst", False),
    ],
)
def test_of_the_control_files_beside_the_stanzas_only_file_lists_are_wanted(base: str, wanted: bool) -> None:
    assert Dpkg().confirm(f"var/lib/dpkg/status.d/{base}") == wanted


def test_an_emptied_file_has_no_packages_and_no_problem() -> None:
    findings = Dpkg().analyse("var/lib/dpkg/status", b"\n\n")
    assert (findings.packages, findings.remarks) == ([], [])


def test_a_broken_stanza_costs_its_neighbours_nothing() -> None:
    findings = Dpkg().analyse("x", b"Package: a\nVersion: 1\n\ngarbage\n\nVersion: 1\n\nPackage: b\nVersion: 2\n")
    assert [package.name for package in findings.packages] == ["a", "b"]
    assert [remark.detail for remark in findings.remarks] == ["2 stanzas without a package name or version"]


@pytest.mark.parametrize("breaks", ["\r\n", "\n"])
def test_odd_line_ends_and_blank_lines_are_read(breaks: str) -> None:
    text = "Package: a\nVersion: 1\n \nPackage:b\nVersion:\t2\n\n\n\nPackage: c\nVersion: 3".replace("\n", breaks)
    assert [(package.name, package.version) for package in analyse(text)] == [("a", "1"), ("b", "2"), ("c", "3")]


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    Dpkg().analyse("x", data)


@given(
    st.lists(
        st.sampled_from(["Package: a", "Version: 1", "Status: install ok installed", "", " x", "Source: s (", "\0"])
    )
)
def test_any_lines_are_read(lines: list[str]) -> None:
    analyse("\n".join(lines))


@pytest.mark.conformance
def test_this_machines_packages_are_those_of_dpkg_query() -> None:
    status = Path("/var/lib/dpkg/status")
    if not shutil.which("dpkg-query") or not status.exists():
        pytest.skip("no dpkg-query on this machine")
    shape = (
        "${db:Status-Status}\t${binary:Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"
    )
    listed = subprocess.run(["dpkg-query", "-W", "-f", shape], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in listed.splitlines()]
    theirs = {(row[1].partition(":")[0], *row[2:]) for row in rows if row[0] == "installed"}
    ours = {
        (p.name, p.version, p.architecture, p.source_name or p.name, p.source_version or p.version)
        for p in analyse(status.read_bytes())
    }
    assert ours == theirs
