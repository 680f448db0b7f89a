from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catalog.advisories import FeedReceipt, SnapshotReceipt, snapshot_id
from catalog.errors import AdvisoryError
from catalog.facts import read_facts
from catalog.settings import ArchiveLocation
from catalog.store import open_store
from tasks.advisories import import_advisories, spool
from tests.tasks.advisories import made

ZLIB = made.record(
    "DEBIAN-CVE-2024-1", made.affected("Debian:12", "zlib", made.span(fixed="1.2")), upstream=["CVE-2024-1"]
)
JINJA = made.record("PYSEC-1", made.affected("PyPI", "Jinja2", made.span(fixed="3.0")), aliases=["CVE-2024-2"])
Rows = list[dict[str, object]]


@pytest.fixture
def archive(tmp_path: Path) -> ArchiveLocation:
    return ArchiveLocation(url=str(tmp_path / "archive"))


def _import(
    path: Path, archive: ArchiveLocation, *complete: str, previous: tuple[FeedReceipt, ...] = ()
) -> SnapshotReceipt:
    return import_advisories(path, complete, archive, month="2024-05", previous=previous)


def _ranges(feed: FeedReceipt, archive: ArchiveLocation) -> Rows:
    assert feed.range_object is not None
    with open_store(archive) as store:
        return list(read_facts(store, feed.range_object.key).to_pylist())


def _advisories(feed: FeedReceipt, archive: ArchiveLocation) -> Rows:
    with open_store(archive) as store:
        return list(read_facts(store, feed.advisory_object.key).to_pylist())


def test_each_ecosystem_becomes_a_feed(tmp_path: Path, archive: ArchiveLocation) -> None:
    receipt = _import(made.write_zip(tmp_path / "some.zip", [JINJA, ZLIB]), archive)
    assert receipt.imported == ("Debian", "PyPI")
    assert receipt.records == 2
    debian, pypi = receipt.feeds
    assert debian.releases == (("Debian:12", 1),)
    assert (debian.advisories, debian.ranges, debian.as_of, debian.complete) == (1, 1, "2024-05-01T00:00:00Z", ())
    assert _ranges(pypi, archive)[0]["vulnerability"] == "CVE-2024-2"
    assert _advisories(debian, archive)[0]["upstream"] == ["CVE-2024-1"]


def test_the_snapshot_is_named_by_what_the_records_say(tmp_path: Path, archive: ArchiveLocation) -> None:
    one = _import(made.write_zip(tmp_path / "one.zip", [JINJA, ZLIB]), archive)
    other = tmp_path / "other"
    other.mkdir()
    for record in (JINJA, ZLIB):
        (other / f"renamed-{record['id']}.json").write_bytes(made.data(record))
    again = _import(other, archive)
    assert one.snapshot == again.snapshot == snapshot_id(reversed(one.feeds))
    assert one.feeds == again.feeds


def test_a_declaration_is_part_of_the_snapshot(tmp_path: Path, archive: ArchiveLocation) -> None:
    path = made.write_zip(tmp_path / "one.zip", [ZLIB])
    assert _import(path, archive).snapshot != _import(path, archive, "Debian:12").snapshot


def test_an_import_replaces_its_own_feeds_only(tmp_path: Path, archive: ArchiveLocation) -> None:
    before = _import(made.write_zip(tmp_path / "one.zip", [JINJA, ZLIB]), archive, "Debian:12", "PyPI")
    newer = made.record("DEBIAN-CVE-2024-9", made.affected("Debian:13", "zlib", made.span()))
    after = _import(made.write_zip(tmp_path / "two.zip", [newer]), archive, previous=before.feeds)
    assert after.imported == ("Debian",)
    debian, pypi = after.feeds
    assert pypi == before.feeds[1]
    assert debian.releases == (("Debian:13", 1),)
    assert debian.complete == ()


def test_an_ecosystem_s_own_export_is_no_export_of_the_others(tmp_path: Path, archive: ArchiveLocation) -> None:
    both = made.record("GHSA-1", made.affected("npm", "a", made.span()), made.affected("PyPI", "a", made.span()))
    exported = made.write_zip(tmp_path / "npm" / "all.zip", [both])
    assert _import(exported, archive).imported == ("npm",)
    loose = made.write_zip(tmp_path / "loose.zip", [both])
    assert _import(loose, archive).imported == ("PyPI", "npm")


def test_only_what_is_declared_is_covered(tmp_path: Path, archive: ArchiveLocation) -> None:
    trixie = made.record("DEBIAN-CVE-2024-9", made.affected("Debian:13", "zlib", made.span()))
    path = made.write_zip(tmp_path / "one.zip", [ZLIB, trixie, JINJA])
    debian, pypi = _import(path, archive, "Debian:12", "PyPI").feeds
    assert [debian.covers(name) for name in ("Debian:12", "Debian:13", "Debian:11", "Debian")] == [
        True,
        False,
        False,
        False,
    ]
    assert pypi.covers("PyPI")
    whole, _ = _import(path, archive, "Debian").feeds
    assert [whole.covers(name) for name in ("Debian:12", "Debian:13", "Debian:11")] == [True, True, False]


def test_declaring_what_is_not_there_is_refused(tmp_path: Path, archive: ArchiveLocation) -> None:
    path = made.write_zip(tmp_path / "one.zip", [ZLIB])
    with pytest.raises(AdvisoryError, match=r"Debian:11.*it has Debian, Debian:12"):
        _import(path, archive, "Debian:11")
    assert not list(Path(archive.url).rglob("*.parquet"))


def test_withdrawn_advisories_are_kept_and_match_nothing(tmp_path: Path, archive: ArchiveLocation) -> None:
    withdrawn = ZLIB | {"id": "DEBIAN-CVE-2024-3", "withdrawn": "2024-06-01T00:00:00Z"}
    (feed,) = _import(made.write_zip(tmp_path / "one.zip", [ZLIB, withdrawn]), archive).feeds
    assert (feed.advisories, feed.withdrawn, feed.ranges) == (2, 1, 1)
    assert [row["withdrawn"] for row in _advisories(feed, archive)] == ["", "2024-06-01T00:00:00Z"]


def test_of_two_records_with_one_id_the_newer_counts(tmp_path: Path, archive: ArchiveLocation) -> None:
    newer = made.record("PYSEC-1", made.affected("PyPI", "a", made.span(fixed="9")), modified="2024-05-01T00:00:00.5Z")
    for order in ([JINJA, newer], [newer, JINJA]):
        path = made.write_zip(tmp_path / "one.zip", [(f"{n}.json", made.data(one)) for n, one in enumerate(order)])
        receipt = _import(path, archive)
        assert receipt.duplicates == 1
        assert [row["fixed"] for row in _ranges(receipt.feeds[0], archive)] == ["9"]
        assert receipt.feeds[0].advisories == 1


def test_an_advisory_about_several_cves_has_a_row_for_each(tmp_path: Path, archive: ArchiveLocation) -> None:
    usn = made.record(
        "USN-1", made.affected("Ubuntu:22.04:LTS", "a", made.span(fixed="2")), upstream=["CVE-2024-2", "CVE-2024-1"]
    )
    (feed,) = _import(made.write_zip(tmp_path / "one.zip", [usn]), archive).feeds
    assert [row["vulnerability"] for row in _ranges(feed, archive)] == ["CVE-2024-1", "CVE-2024-2"]
    assert [row["vulnerability"] for row in _advisories(feed, archive)] == ["USN-1"]


def test_alias_groups_reach_over_records(tmp_path: Path, archive: ArchiveLocation) -> None:
    bare = made.record("GHSA-x", made.affected("PyPI", "b", made.span()))
    linked = made.record("PYSEC-9", made.affected("PyPI", "c", made.span()), aliases=["GHSA-x", "CVE-2024-7"])
    (feed,) = _import(made.write_zip(tmp_path / "one.zip", [bare, linked]), archive).feeds
    assert {row["vulnerability"] for row in _ranges(feed, archive)} == {"CVE-2024-7"}


def test_unreadable_records_are_counted_and_named(tmp_path: Path, archive: ArchiveLocation) -> None:
    path = made.write_zip(tmp_path / "one.zip", [ZLIB, ("bad.json", b"{"), ("worse.json", b'{"id": 1}')])
    receipt = _import(path, archive)
    (problem,) = receipt.problems
    assert (problem.reason, problem.count) == ("unreadable", 2)
    assert problem.examples[0].startswith("one.zip:bad.json: not JSON")
    assert receipt.records == 1


def test_a_path_without_advisories_is_refused(tmp_path: Path, archive: ArchiveLocation) -> None:
    with pytest.raises(AdvisoryError, match="no advisory found"):
        _import(made.write_zip(tmp_path / "one.zip", [("bad.json", b"{")]), archive)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(AdvisoryError, match="no advisory found"):
        _import(empty, archive)


def test_unknown_ecosystems_are_kept_and_counted(tmp_path: Path, archive: ArchiveLocation) -> None:
    odd = made.record("X-1", made.affected("Plan 9:4", "rc", made.span(fixed="2")))
    receipt = _import(made.write_zip(tmp_path / "one.zip", [odd]), archive)
    assert receipt.unknown_ecosystems == (("Plan 9:4", 1),)
    assert receipt.feeds[0].not_comparable == 1


def test_rows_lie_in_the_order_of_their_key_however_they_were_spooled(
    tmp_path: Path, archive: ArchiveLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ROWS_IN_MEMORY", 3)
    records = [
        made.record(
            f"D-{n % 7}-{n}",
            *(made.affected(f"Debian:{11 + m % 3}", f"p{n % 3}", made.span(fixed=f"{n}.{m}")) for m in range(5)),
        )
        for n in range(20)
    ]
    (feed,) = _import(made.write_zip(tmp_path / "one.zip", records), archive).feeds
    keys = [(row["ecosystem"], row["name"], row["advisory"], row["hi"]) for row in _ranges(feed, archive)]
    assert len(keys) == 100
    assert keys == sorted(keys)


def test_nothing_is_left_in_the_scratch_directory(tmp_path: Path, archive: ArchiveLocation) -> None:
    _import(made.write_zip(tmp_path / "one.zip", [ZLIB]), archive)
    with open_store(archive) as store:
        assert list(store.scratch.iterdir()) == []


def test_the_objects_stand_alone(tmp_path: Path, archive: ArchiveLocation) -> None:
    (feed,) = _import(made.write_zip(tmp_path / "one.zip", [ZLIB]), archive).feeds
    for written in feed.objects:
        assert pq.read_table(Path(archive.url) / written.key).num_rows == written.rows == 1
    assert dataclasses.asdict(feed)["advisory_object"]["dataset"] == "advisories"


def test_a_record_of_thousands_of_aliases_is_a_counted_problem_and_gives_no_match(
    tmp_path: Path, archive: ArchiveLocation
) -> None:
    hostile = made.record("X-1", made.affected("PyPI", "a", made.span()), aliases=[f"CVE-1-{n}" for n in range(5_000)])
    receipt = _import(made.write_zip(tmp_path / "one.zip", [hostile, JINJA]), archive)
    assert [(problem.reason, problem.count) for problem in receipt.problems] == [("unreadable", 1)]
    assert receipt.records == receipt.feeds[0].ranges == 1
