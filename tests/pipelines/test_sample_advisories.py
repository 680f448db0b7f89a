from __future__ import annotations

import json
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

from catalog.advisories import SnapshotReceipt
from catalog.duck import open_session
from catalog.settings import ArchiveLocation
from catalog.store import open_store
from tasks.advisories import import_advisories
from tasks.advisories.records import parse_record
from tasks.matching import judge_packages, range_files
from tests.tasks.matching import fleets

SAMPLE = Path(str(files("pipelines.sample") / "advisories"))
RECORDS = sorted(SAMPLE.glob("*.json"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> ArchiveLocation:
    return ArchiveLocation(url=str(tmp_path_factory.mktemp("sample") / "archive"))


@pytest.fixture(scope="module")
def snapshot(archive: ArchiveLocation) -> SnapshotReceipt:
    return import_advisories(SAMPLE, (), archive, month="2024-05")


def test_it_is_small(snapshot: SnapshotReceipt) -> None:
    assert 15 <= snapshot.records == len(RECORDS) <= 40
    assert snapshot.imported == ("Alpine", "Debian", "PyPI", "npm")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_record_is_readable_and_about_one_cve(path: Path) -> None:
    record = parse_record(path.read_bytes())
    assert path.stem == record.id
    assert len([name for name in (*record.aliases, *record.upstream) if name.startswith("CVE-")]) == 1
    assert record.summary
    assert "sample" in json.loads(path.read_bytes())["database_specific"]["source"]


def test_every_range_can_be_compared(snapshot: SnapshotReceipt) -> None:
    assert snapshot.problems == ()
    assert [feed.not_comparable for feed in snapshot.feeds] == [0, 0, 0, 0]


def test_it_covers_nothing(snapshot: SnapshotReceipt) -> None:
    assert not any(feed.covers(release) for feed in snapshot.feeds for release, _ranges in feed.releases)


def test_it_finds_what_is_known_of_known_packages(snapshot: SnapshotReceipt, archive: ArchiveLocation) -> None:
    packages = fleets.packages(
        fleets.deb("libssl3", "3.0.9-1", "openssl"),
        fleets.deb("libssl3", "3.0.14-1~deb12u2", "openssl"),
        fleets.deb("zlib1g", "1:1.2.13.dfsg-1", "zlib"),
        fleets.ALPINE | {"type": "apk", "name": "ssl_client", "version": "1.36.1-r15", "source_name": "busybox"},
        fleets.language("pypi", "Jinja2", "3.1.2"),
        fleets.language("npm", "minimist", "1.2.5"),
        fleets.language("npm", "minimist", "1.2.8"),
    )
    with open_store(archive) as store, open_session() as session:
        found = judge_packages(packages, snapshot.feeds, range_files(store, snapshot.feeds), session)
    by_package: dict[int, set[str]] = {}
    for match in found.matches.to_pylist():
        by_package.setdefault(match["package"], set()).add(match["vulnerability"])
    assert by_package == {
        1: {"CVE-2023-5363", "CVE-2023-5678", "CVE-2024-0727", "CVE-2024-6119"},
        3: {"CVE-2023-45853"},
        4: {"CVE-2023-42363", "CVE-2023-42364", "CVE-2023-42366"},
        5: {"CVE-2024-22195"},
        6: {"CVE-2021-44906"},
    }


@pytest.mark.conformance
def test_python_s_own_database_says_the_same(real_data: Path) -> None:
    ours = {path.stem: parse_record(path.read_bytes()) for path in RECORDS if path.stem.startswith("PYSEC-")}
    with zipfile.ZipFile(real_data / "osv" / "PyPI" / "all.zip") as archive:
        for name, record in ours.items():
            member = next(member for member in archive.namelist() if member.endswith(f"{name}.json"))
            theirs = parse_record(archive.read(member))
            assert [found.events for found in theirs.affected[0].ranges if found.type == "ECOSYSTEM"] == [
                found.events for found in record.affected[0].ranges
            ]
            assert theirs.aliases == record.aliases
