"""Judging: each package once for each platform, findings counted once at their worst, summaries only where something changed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from catalog.active.database import Database
from catalog.active.fleet import ImageFilter, image_findings, image_packages, list_images
from catalog.active.judging import MATCH_SCHEMA, commit_judgements, refresh_summaries, unjudged_packages
from catalog.active.snapshots import commit_snapshot, current
from catalog.active.views import CoverageCounts, FindingCounts, ImageLine
from catalog.advisories import FeedReceipt
from catalog.states import Coverage
from tests.catalog.active import made
from tests.catalog.active.made import BASE, LIBC, NODE, ONE, RUN, TWO

pytestmark = pytest.mark.postgres

NO_MATCHES = MATCH_SCHEMA.empty_table()


def snapshot(db: Database, name: bytes = b"s") -> int:
    commit_snapshot(db, RUN, name * 32, (feed("Debian"),))
    with db.transaction() as tx:
        found = current(tx)
    assert found is not None
    return found.snapshot


def feed(name: str) -> FeedReceipt:
    return FeedReceipt(
        feed=name,
        releases=((f"{name}:12", 3),),
        complete=(f"{name}:12",),
        as_of="2026-01-01",
        advisories=2,
        withdrawn=0,
        ranges=3,
        not_comparable=0,
        advisory_object=made.obj("advisories", name),
        range_object=made.obj("affected_ranges", name),
    )


def waiting(db: Database, number: int) -> pa.Table:
    with db.transaction() as tx:
        return unjudged_packages(tx, number)


def line(db: Database, image: made.Image) -> ImageLine:
    (found,) = list_images(db, ImageFilter(texts=(image.reference,)))
    return found


def writes(db: Database) -> dict[str, tuple[int, int, int]]:
    with db.transaction() as tx:
        tx.execute("SELECT pg_stat_force_next_flush()")
    with db.transaction() as tx:
        rows = tx.rows("SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables")
    return {name: tuple(counts) for name, *counts in rows}


def test_packages_wait_once_for_each_platform(db: Database) -> None:
    made.scan(db, ONE, TWO)
    table = waiting(db, snapshot(db))
    assert sorted(zip(table["name"].to_pylist(), table["distribution"].to_pylist(), strict=True)) == [
        ("bash", "debian"), ("flask", ""), ("left-pad", ""), ("libc6", "debian"),
    ]  # fmt: skip
    libc = next(row for row in table.to_pylist() if row["name"] == "libc6")
    assert (libc["source_name"], libc["epoch"], libc["distribution_version"]) == ("glibc", None, "12")
    assert next(row for row in table.to_pylist() if row["name"] == "left-pad")["qualifiers"] == "a=b"


def test_judged_packages_wait_no_longer_until_the_next_snapshot(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    assert waiting(db, number).num_rows == 0
    refresh_summaries(db)
    assert waiting(db, number).num_rows == 0
    assert waiting(db, snapshot(db, b"t")).num_rows == 3


def test_new_image_brings_only_its_new_packages(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    refresh_summaries(db)
    made.scan(db, TWO)
    assert waiting(db, number)["name"].to_pylist() == ["left-pad"]


def test_finding_counts_once_at_its_worst_severity(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    table = waiting(db, number)
    matches = [
        made.match(table, "libc6", "CVE-1", "low", "DSA-1"),
        made.match(table, "libc6", "CVE-1", "critical", "GHSA-1", fixed="3"),
        made.match(table, "bash", "CVE-1", "medium"),
        made.match(table, "flask", "CVE-2", "negligible"),
        made.match(table, "flask", "CVE-3", "unknown"),
    ]
    commit_judgements(db, number, made.judgements(table), pa.concat_tables(matches))
    refresh_summaries(db)
    found = line(db, ONE)
    assert found.findings == FindingCounts(critical=1, medium=1, negligible=1, unknown=1, fixable=1)
    assert (found.coverage, found.clean) == (CoverageCounts(covered=3), False)


def test_coverage_is_counted_by_package(db: Database) -> None:
    made.scan(db, TWO)
    number = snapshot(db)
    judged = made.judgements(waiting(db, number), bash="not comparable", left_pad="not covered")
    commit_judgements(db, number, judged, NO_MATCHES)
    refresh_summaries(db)
    assert line(db, TWO).coverage == CoverageCounts(1, 1, 1)
    assert line(db, TWO).clean is False


def test_image_is_clean_when_all_is_covered_and_nothing_found(db: Database) -> None:
    made.scan(db, TWO)
    number = snapshot(db)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    refresh_summaries(db)
    assert line(db, TWO).clean is True


def test_nothing_is_covered_without_a_snapshot(db: Database) -> None:
    made.scan(db, ONE)
    assert line(db, ONE).coverage == CoverageCounts(not_covered=3)
    refresh_summaries(db)
    assert line(db, ONE).coverage == CoverageCounts(not_covered=3)


def test_packages_of_a_new_snapshot_are_not_covered_before_they_are_judged(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    refresh_summaries(db)
    later = snapshot(db, b"t")
    refresh_summaries(db)
    assert line(db, ONE).coverage == CoverageCounts(not_covered=3)
    commit_judgements(db, later, made.judgements(waiting(db, later)), NO_MATCHES)
    refresh_summaries(db)
    assert line(db, ONE).coverage == CoverageCounts(covered=3)


def test_judging_anew_replaces_matches(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    table = waiting(db, number)
    commit_judgements(db, number, made.judgements(table), made.match(table, "flask", "CVE-1", "high"))
    refresh_summaries(db)
    assert line(db, ONE).findings.high == 1
    later = snapshot(db, b"t")
    commit_judgements(db, later, made.judgements(waiting(db, later)), NO_MATCHES, replace_all=True)
    refresh_summaries(db)
    assert line(db, ONE).findings.total == 0


def test_second_refresh_writes_nothing(db: Database) -> None:
    made.scan(db, ONE, TWO)
    number = snapshot(db)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    refreshed = refresh_summaries(db)
    assert (refreshed.sets, refreshed.images) == (3, 2)
    before = writes(db)
    refreshed = refresh_summaries(db)
    assert (refreshed.sets, refreshed.images) == (0, 0)
    assert refresh_summaries(db, everything=True).images == 0
    assert writes(db) == before


def test_only_touched_summaries_are_made_anew(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    refresh_summaries(db)
    made.scan(db, TWO)
    commit_judgements(db, number, made.judgements(waiting(db, number)), NO_MATCHES)
    refreshed = refresh_summaries(db)
    assert (refreshed.sets, refreshed.images) == (1, 1)


def test_image_in_depth_tells_packages_and_reasons(db: Database) -> None:
    made.scan(db, ONE)
    number = snapshot(db)
    table = waiting(db, number)
    commit_judgements(
        db, number, made.judgements(table, flask="not covered"), made.match(table, "libc6", "CVE-1", "high", fixed="9")
    )
    with db.transaction() as tx:
        (image,) = (number for (number,) in tx.rows("SELECT id FROM image"))
        packages = image_packages(tx, image)
        (finding,) = image_findings(tx, image)
    assert [(each.name, each.coverage) for each in packages] == [
        ("bash", Coverage.COVERED), ("libc6", Coverage.COVERED), ("flask", Coverage.NOT_COVERED),
    ]  # fmt: skip
    assert packages[0].licences == ("GPL-3.0",)
    assert packages[0].ecosystem_platform == ("debian", "12")
    assert (finding.package, finding.vulnerability, finding.fixed_version) == (LIBC.package_id, "CVE-1", "9")


def test_snapshot_comes_back_as_it_was_committed(db: Database) -> None:
    feeds = [feed("Alpine"), feed("Debian")]
    commit = commit_snapshot(db, RUN, b"s" * 32, feeds)
    assert commit is not None
    assert len(commit.objects) == 4
    with db.transaction() as tx:
        found = current(tx)
    assert found is not None
    assert (found.content_id, found.feeds) == (b"s" * 32, tuple(feeds))


def test_same_snapshot_again_writes_nothing(db: Database) -> None:
    snapshot(db)
    before = writes(db)
    assert commit_snapshot(db, RUN, b"s" * 32, [feed("Debian")]) is None
    assert writes(db) == before


def test_snapshot_of_before_can_be_current_again(db: Database) -> None:
    first = snapshot(db, b"s")
    assert snapshot(db, b"t") != first
    assert snapshot(db, b"s") == first


def test_undone_layers_leave_summaries_right_after_the_same_work_again(db: Database) -> None:
    from catalog.active.commits import undo_commit

    made.list_images(db, TWO)
    layers = made.analyse(db, BASE, NODE)
    made.compose(db, TWO)
    number = snapshot(db)
    table = waiting(db, number)
    commit_judgements(db, number, made.judgements(table), made.match(table, "bash", "CVE-1", "low"))
    refresh_summaries(db)
    before = line(db, TWO)
    undo_commit(db, RUN, layers.generation)
    made.analyse(db, BASE, NODE)
    made.compose(db, TWO)
    refresh_summaries(db)
    assert line(db, TWO) == before
