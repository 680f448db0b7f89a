"""Files that named distributions before os-release did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.distributions import NO_DISTRIBUTION
from catalog.release_files import LINKED_RELEASE_FILES, RELEASE_FILES, parse_release_file


@pytest.mark.parametrize(
    ("path", "text", "distribution", "version"),
    [
        ("etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n", "rhel", "6.10"),
        ("etc/redhat-release", "Red Hat Enterprise Linux AS release 4 (Nahant Update 9)\n", "rhel", "4"),
        ("etc/redhat-release", "Scientific Linux release 6.9 (Carbon)\n", "scientific", "6.9"),
        ("etc/centos-release", "CentOS release 5.11 (Final)\n", "centos", "5.11"),
        ("etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n", "centos", "7.9.2009"),
        ("etc/oracle-release", "Oracle Linux Server release 6.10\n", "ol", "6.10"),
        ("etc/redhat-release", "Enterprise Linux Enterprise Linux Server release 5.11 (Carthage)\n", "ol", "5.11"),
        ("etc/fedora-release", "Fedora release 17 (Beefy Miracle)\n", "fedora", "17"),
        ("etc/fedora-release", "Fedora Core release 6 (Zod)\n", "fedora", "6"),
        ("etc/rocky-release", "Rocky Linux release 8.4 (Green Obsidian)\n", "rocky", "8.4"),
        ("etc/almalinux-release", "AlmaLinux release 8.3 (Purple Manul)\n", "almalinux", "8.3"),
        ("etc/system-release", "Amazon Linux AMI release 2018.03\n", "amzn", "2018.03"),
        ("etc/system-release", "Amazon Linux release 2 (Karoo)\n", "amzn", "2"),
        ("etc/mageia-release", "Mageia release 7 (Official) for x86_64\n", "mageia", "7"),
        ("etc/photon-release", "VMware Photon Linux 1.0\nPHOTON_BUILD_NUMBER=62c543d\n", "photon", "1.0"),
        ("etc/photon-release", "VMware Photon OS 4.0\n", "photon", "4.0"),
        ("etc/openEuler-release", "openEuler release 22.03 (LTS-SP1)\n", "openeuler", "22.03"),
        ("etc/gentoo-release", "Gentoo Base System release 2.14\n", "gentoo", "2.14"),
        ("etc/slackware-version", "Slackware 14.2\n", "slackware", "14.2"),
        ("etc/arch-release", "", "arch", "rolling"),
        ("etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n", "sles", "11.4"),
        ("etc/SuSE-release", "SUSE Linux Enterprise Server 12 (x86_64)\nVERSION = 12\nPATCHLEVEL = 0\n", "sles", "12"),
        ("etc/SuSE-release", "SUSE Linux Enterprise Desktop 11 (i586)\nVERSION = 11\nPATCHLEVEL = 3\n", "sled", "11.3"),
        ("etc/SuSE-release", "openSUSE 12.1 (x86_64)\nVERSION = 12.1\nCODENAME = Asparagus\n", "opensuse", "12.1"),
        ("etc/alpine-release", "3.2.0\n", "alpine", "3.2.0"),
        ("etc/alpine-release", "3.20.0_alpha20240329\n", "alpine", "edge"),
        ("etc/debian_version", "6.0.10\n", "debian", "6"),
        ("etc/debian_version", "wheezy/sid\n", "debian", "sid"),
        ("etc/lsb-release", 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_DESCRIPTION="Ubuntu 10.04.4 LTS"\n', "ubuntu", "10.04"),
        ("etc/openwrt_release", "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='15.05.1'\n", "openwrt", "15.05.1"),
    ],
)  # fmt: skip
def test_old_releases_are_known_by_their_own_files(path: str, text: str, distribution: str, version: str) -> None:
    found = parse_release_file(path, text.encode())
    assert (found.id, found.version) == (distribution, version)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/redhat-release", "Derived Linux release 3\n"),
        ("etc/lsb-release", "LSB_VERSION=base-4.0-amd64\n"),
        ("etc/lsb-release", 'DISTRIB_ID="Odd Name"\n'),
        ("etc/SuSE-release", "Something\nVERSION = 3\n"),
        ("etc/debian_version", "kali-rolling\n"),
        ("etc/alpine-release", "\n"),
        ("etc/redhat-release", ""),
    ],
)
def test_what_is_not_known_is_not_guessed(path: str, text: str) -> None:
    assert parse_release_file(path, text.encode()) == NO_DISTRIBUTION


def test_the_most_particular_file_is_asked_first() -> None:
    places = list(RELEASE_FILES)
    assert places.index("etc/oracle-release") < places.index("etc/redhat-release")
    assert places.index("etc/centos-release") < places.index("etc/redhat-release")
    assert places.index("etc/lsb-release") < places.index("etc/debian_version") == len(places) - 1


@given(st.sampled_from([*RELEASE_FILES, *LINKED_RELEASE_FILES]), st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(path: str, data: bytes) -> None:
    found = parse_release_file(path, data)
    assert all(part.isprintable() for part in (found.id, found.version, found.name))
