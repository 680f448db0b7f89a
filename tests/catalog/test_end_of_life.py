from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from catalog import end_of_life as table
from catalog.distributions import ecosystem_of
from catalog.end_of_life import AS_OF, end_of_life


@pytest.mark.parametrize(
    ("distribution", "version", "day"),
    [
        ("debian", "12", "2028-06-30"),
        ("ubuntu", "22.04", "2027-06-01"),
        ("ubuntu", "23.10", "2024-07-11"),
        ("alpine", "3.19.1", "2025-11-01"),
        ("centos", "7", "2024-06-30"),
        ("centos", "6.10", "2020-11-30"),
        ("rhel", "9.4", "2032-05-31"),
        ("sles", "15.5", "2024-12-31"),
        ("sles", "15", "2019-12-31"),
        ("opensuse-leap", "15.6", "2026-04-30"),
        ("amzn", "2", "2026-06-30"),
        ("mariner", "2.0", "2025-07-31"),
    ],
)
def test_a_release_has_a_last_day(distribution: str, version: str, day: str) -> None:
    assert end_of_life(distribution, version) == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("distribution", "version"),
    [("debian", "sid"), ("alpine", "edge"), ("arch", "rolling"), ("wolfi", "20230201"), ("sles", "15.9"), ("ubuntu", "22"), ("", "")],
)  # fmt: skip
def test_rolling_and_unknown_releases_have_none(distribution: str, version: str) -> None:
    assert end_of_life(distribution, version) is None


def test_centos_stream_is_told_apart_by_its_name() -> None:
    assert end_of_life("centos", "8", "CentOS Linux 8") == date(2021, 12, 31)
    assert end_of_life("centos", "8", "CentOS Stream 8") == date(2024, 5, 31)


def test_the_table_says_how_old_it_is() -> None:
    assert date(2026, 1, 1) <= AS_OF


def test_releases_with_advisories_are_in_the_table() -> None:
    for distribution, version in [
        ("debian", "11"),
        ("ubuntu", "24.04"),
        ("alpine", "3.20"),
        ("rocky", "9"),
        ("almalinux", "8"),
    ]:
        assert ecosystem_of(distribution, version)
        assert end_of_life(distribution, version)


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("distribution", "columns"), [("debian", ("eol-lts", "eol")), ("ubuntu", ("eol-server", "eol"))]
)
def test_debian_and_ubuntu_are_as_distro_info_data_has_them(distribution: str, columns: tuple[str, ...]) -> None:
    source = Path(f"/usr/share/distro-info/{distribution}.csv")
    if not source.exists():
        pytest.skip("no distro-info-data on this machine")
    theirs = {}
    with source.open(newline="") as lines:
        for row in csv.DictReader(lines):
            # "24.04 LTS" with Ubuntu, "6.0" with old Debian.
            version = row["version"].split(" ")[0]
            theirs[version.removesuffix(".0")] = next(filter(None, map(row.get, columns)), "")
    ours = {version: day.isoformat() for version, day in table._FAMILIES[distribution].last_days.items()}
    assert ours == {version: theirs[version] for version in ours}
