"""os-release and the table of ecosystems."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.distributions import NO_DISTRIBUTION, Distribution, ecosystem_of, parse_os_release


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
            Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
        ),
        (
            "ID='alpine'\nVERSION_ID=3.19.1\nPRETTY_NAME='Alpine Linux v3.19'\n",
            Distribution("alpine", "3.19.1", "Alpine Linux v3.19"),
        ),
        (
            "# a comment\n\n ID = x\nID=Wolfi\nVERSION_ID=20230201\nNAME=Wolfi\n",
            Distribution("wolfi", "20230201", "Wolfi"),
        ),
        ('ID=odd\nPRETTY_NAME="never closed\n', Distribution("odd", "", "never closed")),
    ],
)
def test_os_release_is_read_as_shells_read_it(text: str, expected: Distribution) -> None:
    assert parse_os_release(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux trixie/sid"\n', "sid"),
        ('ID=alpine\nVERSION_ID=3.20.0_alpha20240329\nPRETTY_NAME="Alpine Linux edge"\n', "edge"),
        ('ID=arch\nBUILD_ID=rolling\nPRETTY_NAME="Arch Linux"\n', "rolling"),
        ('ID="void"\nPRETTY_NAME="Void Linux"\n', "rolling"),
        ("ID=arch\nVERSION_ID=20240101.0.204074\n", "20240101.0.204074"),
        ("ID=fedora\nVERSION_ID=44\nREDHAT_BUGZILLA_PRODUCT_VERSION=rawhide\n", "rawhide"),
        ("ID=fedora\nVERSION_ID=43\nREDHAT_BUGZILLA_PRODUCT_VERSION=43\n", "43"),
    ],
)
def test_releases_without_a_number_keep_their_branch(text: str, version: str) -> None:
    assert parse_os_release(text.encode()).version == version


@pytest.mark.parametrize(
    ("text", "distribution", "version"),
    [
        ('PRETTY_NAME="Distroless"\nNAME="Debian GNU/Linux"\nID="debian"\nVERSION_ID="12"\n', "debian", "12"),
        ('NAME="Red Hat Enterprise Linux"\nVERSION_ID="9.4"\nID="rhel"\nID_LIKE="fedora"\n', "rhel", "9.4"),
        ('NAME="CentOS Linux"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n', "centos", "7"),
        ('NAME="Oracle Linux Server"\nID="ol"\nVERSION_ID="8.9"\n', "ol", "8.9"),
        ('NAME="Amazon Linux"\nID="amzn"\nVERSION_ID="2023"\n', "amzn", "2023"),
        ('NAME="SLES"\nVERSION_ID="15.5"\nID="sles"\n', "sles", "15.5"),
        ('NAME="openSUSE Tumbleweed"\nID="opensuse-tumbleweed"\nVERSION_ID="20240110"\n', "opensuse-tumbleweed", "20240110"),
        ('NAME="VMware Photon OS"\nID=photon\nVERSION_ID=5.0\n', "photon", "5.0"),
        ('NAME="Common Base Linux Mariner"\nID=mariner\nVERSION_ID="2.0"\n', "mariner", "2.0"),
        ('NAME="openEuler"\nID="openEuler"\nVERSION_ID="22.03"\n', "openeuler", "22.03"),
        ("NAME=Gentoo\nID=gentoo\nVERSION_ID=2.14\n", "gentoo", "2.14"),
        ('NAME="OpenWrt"\nID="openwrt"\nVERSION_ID="23.05.2"\n', "openwrt", "23.05.2"),
        ('ID=poky\nVERSION_ID=4.0.15\n', "poky", "4.0.15"),
        ('ID="chainguard"\nVERSION_ID="20230214"\n', "chainguard", "20230214"),
        ('NAME="Kali GNU/Linux"\nID=kali\nVERSION_ID="2024.1"\nID_LIKE=debian\n', "kali", "2024.1"),
    ],
)  # fmt: skip
def test_every_family_is_known_by_its_id(text: str, distribution: str, version: str) -> None:
    found = parse_os_release(text.encode())
    assert (found.id, found.version) == (distribution, version)


def test_an_os_release_without_an_id_names_no_distribution() -> None:
    assert parse_os_release(b'PRETTY_NAME="Something"\n') == NO_DISTRIBUTION
    assert parse_os_release(b"") == NO_DISTRIBUTION


def test_control_characters_never_leave_os_release() -> None:
    assert parse_os_release(b"ID=debian\nVERSION_ID=1\x1b[2J\n") == Distribution("debian", "1[2J", "")
    assert parse_os_release(b"ID=deb\0ian\nVERSION_ID=1\n") == Distribution(name="debian")


@pytest.mark.parametrize(
    "odd", ["debian/../x", "a b", "deb@12", "pkg:deb", "d\u00e9bian", "roc\u212ay", "x" * 257, "?q=1#f", "\u200bdebian"]
)
def test_an_id_that_os_release_does_not_allow_is_no_distribution(odd: str) -> None:
    found = parse_os_release(f'ID="{odd}"\nVERSION_ID=12\nPRETTY_NAME="Odd Linux"\n'.encode())
    assert found == Distribution(name="Odd Linux")
    assert parse_os_release(f'ID="{odd}"\n'.encode()).name


def test_the_last_id_of_an_os_release_counts_even_where_it_is_none() -> None:
    assert parse_os_release(b"ID=debian\nID=a/b\nNAME=Odd\n") == Distribution(name="Odd")
    assert parse_os_release(b"ID=a/b\nID=Debian\n").id == "debian"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    found = parse_os_release(data)
    assert all(part.isprintable() for part in (found.id, found.version, found.name))
    assert re.fullmatch("[a-z0-9._-]*", found.id)


@pytest.mark.parametrize(
    ("distribution", "version", "ecosystem"),
    [
        ("debian", "12", "Debian:12"),
        ("ubuntu", "22.04", "Ubuntu:22.04:LTS"),
        ("ubuntu", "23.10", "Ubuntu:23.10"),
        ("ubuntu", "23.04", "Ubuntu:23.04"),
        ("alpine", "3.19.1", "Alpine:v3.19"),
        ("alpine", "3.19", "Alpine:v3.19"),
        ("almalinux", "9.3", "AlmaLinux:9"),
        ("rocky", "9.3", "Rocky Linux:9"),
        ("wolfi", "20230201", "Wolfi"),
        ("chainguard", "20230214", "Chainguard"),
        ("azurelinux", "3.0", "Azure Linux:3"),
        ("opensuse-leap", "15.6", "openSUSE:Leap 15.6"),
        ("photon", "5.0", "Photon OS:5.0"),
    ],
)
def test_releases_that_advisories_speak_of_have_their_ecosystem(
    distribution: str, version: str, ecosystem: str
) -> None:
    assert ecosystem_of(distribution, version) == ecosystem


@pytest.mark.parametrize(
    ("distribution", "version"),
    [
        ("debian", "sid"),
        ("debian", ""),
        ("alpine", "edge"),
        ("arch", "rolling"),
        ("linuxmint", "21"),
        ("kali", "2024.1"),
        ("", ""),
        ("ubuntu", "devel"),
    ],
)
def test_unknown_derived_and_rolling_releases_are_not_guessed(distribution: str, version: str) -> None:
    assert ecosystem_of(distribution, version) is None
