from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from catalog.advisories import SnapshotFeeds
from catalog.duck import open_session
from catalog.errors import AdvisoryError
from catalog.settings import ArchiveLocation
from catalog.store import open_store
from tasks.advisories import import_advisories
from tasks.matching import JUDGEMENT_SCHEMA, MATCH_SCHEMA, Judgement, judge_packages, range_files
from tests.tasks.advisories import made
from tests.tasks.matching import fleets

CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
OPENSSL = made.record(
    "DEBIAN-CVE-2024-1",
    made.affected("Debian:12", "openssl", made.span("3.0.0", fixed="3.0.11-1~deb12u2")),
    upstream=["CVE-2024-1"],
    severity=CRITICAL,
)


@pytest.fixture
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_session(memory_limit_bytes=256 << 20) as opened:
        yield opened


class Advisories:
    """Imports records and judges packages by them."""

    def __init__(self, folder: Path, session: duckdb.DuckDBPyConnection) -> None:
        self.archive = ArchiveLocation(url=str(folder / "archive"))
        self.folder = folder
        self.session = session

    def of(self, *records: made.Record, complete: tuple[str, ...] = ()) -> SnapshotFeeds:
        path = made.write_zip(self.folder / "records.zip", records)
        return import_advisories(path, complete, self.archive, month="2024-05").feeds

    def judge(self, feeds: SnapshotFeeds, *rows: dict[str, object]) -> Judgement:
        with open_store(self.archive) as store:
            return judge_packages(fleets.packages(*rows), feeds, range_files(store, feeds), self.session)


@pytest.fixture
def advisories(tmp_path: Path, session: duckdb.DuckDBPyConnection) -> Advisories:
    return Advisories(tmp_path, session)


def _coverage(judgement: Judgement) -> list[str]:
    return list(judgement.judgements.column("coverage").to_pylist())


def test_a_match_says_why(advisories: Advisories) -> None:
    found = advisories.judge(advisories.of(OPENSSL), fleets.deb("libssl3", "3.0.9-1+b1", "openssl", "3.0.9-1"))
    (match,) = found.matches.to_pylist()
    assert match.pop("score") == pytest.approx(9.8)
    assert match == {
        "package": 1,
        "platform": 1,
        "advisory": "DEBIAN-CVE-2024-1",
        "vulnerability": "CVE-2024-1",
        "severity": "critical",
        "fix_state": "fixed",
        "fixed_version": "3.0.11-1~deb12u2",
        "how": "source",
        "compared_name": "openssl",
        "compared_version": "3.0.9-1",
        "range_text": "introduced 3.0.0, fixed 3.0.11-1~deb12u2",
        "ecosystem": "Debian:12",
    }
    assert found.matches.schema == MATCH_SCHEMA
    assert found.judgements.schema == JUDGEMENT_SCHEMA


def test_the_fixed_version_and_what_is_older_than_the_range_do_not_match(advisories: Advisories) -> None:
    feeds = advisories.of(OPENSSL)
    versions = ("3.0.11-1~deb12u2", "3.0.11-1~deb12u1", "3.0.0~rc1", "3.0.0", "1:1.0")
    found = advisories.judge(feeds, *(fleets.deb("openssl", version) for version in versions))
    assert found.matches.column("compared_version").to_pylist() == ["3.0.11-1~deb12u1", "3.0.0"]


def test_another_release_does_not_match(advisories: Advisories) -> None:
    feeds = advisories.of(OPENSSL)
    assert advisories.judge(feeds, fleets.deb("openssl", "3.0.9-1", distribution_version="11")).matches.num_rows == 0


def test_every_package_of_a_product_has_its_matches(advisories: Advisories) -> None:
    found = advisories.judge(
        advisories.of(OPENSSL),
        fleets.deb("openssl", "3.0.9-1"),
        fleets.deb("libssl3", "3.0.9-1", "openssl"),
        fleets.deb("libssl3", "3.0.9-1", "openssl", platform=9),
    )
    assert [(row["package"], row["platform"], row["how"]) for row in found.matches.to_pylist()] == [
        (1, 1, "direct"),
        (2, 1, "source"),
        (3, 9, "source"),
    ]


def test_what_an_advisory_says_twice_is_one_match(advisories: Advisories) -> None:
    record = made.record(
        "PYSEC-1",
        made.affected("PyPI", "a", made.span(), made.span(fixed="2.0"), made.span("0.1", last_affected="1.5")),
    )
    (match,) = advisories.judge(advisories.of(record), fleets.language("pypi", "A", "1.0")).matches.to_pylist()
    assert match["fixed_version"] == "2.0"


def test_several_advisories_about_one_vulnerability_are_several_matches(advisories: Advisories) -> None:
    records = [
        made.record(name, made.affected("PyPI", "a", made.span()), aliases=["CVE-2024-1"])
        for name in ("PYSEC-1", "GHSA-1")
    ]
    found = advisories.judge(advisories.of(*records), fleets.language("pypi", "a", "1.0"))
    assert [(row["advisory"], row["vulnerability"]) for row in found.matches.to_pylist()] == [
        ("GHSA-1", "CVE-2024-1"),
        ("PYSEC-1", "CVE-2024-1"),
    ]


def test_a_listed_version_matches_in_any_spelling(advisories: Advisories) -> None:
    feeds = advisories.of(made.record("PYSEC-1", made.affected("PyPI", "a", versions=["1.0", "0.1-bulbasaur"])))
    versions = ("1.0.0", "1.0.1", "0.1-bulbasaur", "0.1-charmander")
    found = advisories.judge(feeds, *(fleets.language("pypi", "a", version) for version in versions))
    assert [(row["compared_version"], row["range_text"]) for row in found.matches.to_pylist()] == [
        ("1.0.0", "version 1.0"),
        ("0.1-bulbasaur", "version 0.1-bulbasaur"),
    ]


def test_the_last_affected_version_is_named(advisories: Advisories) -> None:
    feeds = advisories.of(made.record("G-1", made.affected("npm", "@s/a", made.span("1.0.0", last_affected="1.4.0"))))
    (match,) = advisories.judge(feeds, fleets.language("npm", "a", "1.4.0", "@s")).matches.to_pylist()
    assert match["range_text"] == "introduced 1.0.0, last affected 1.4.0"
    assert match["fix_state"] == "unknown"


def test_withdrawn_advisories_match_nothing(advisories: Advisories) -> None:
    feeds = advisories.of(OPENSSL | {"withdrawn": "2024-06-01T00:00:00Z"})
    assert advisories.judge(feeds, fleets.deb("openssl", "3.0.9-1")).matches.num_rows == 0


def test_a_sample_never_covers(advisories: Advisories) -> None:
    found = advisories.judge(advisories.of(OPENSSL), fleets.deb("openssl", "3.0.9-1"), fleets.deb("bash", "5.2-1"))
    assert found.matches.num_rows == 1
    assert _coverage(found) == ["not covered", "not covered"]


def test_a_complete_release_covers_what_it_never_names(advisories: Advisories) -> None:
    found = advisories.judge(
        advisories.of(OPENSSL, complete=("Debian:12",)),
        fleets.deb("bash", "5.2-1"),
        fleets.deb("bash", "5.2-1", distribution_version="11"),
        fleets.language("pypi", "a", "1.0"),
    )
    assert _coverage(found) == ["covered", "not covered", "not covered"]


def test_a_version_that_cannot_be_parsed_is_not_comparable_where_it_is_covered(advisories: Advisories) -> None:
    rows = (fleets.deb("bash", "not a version"), fleets.deb("bash", "5.2-1"))
    assert _coverage(advisories.judge(advisories.of(OPENSSL, complete=("Debian",)), *rows)) == [
        "not comparable",
        "covered",
    ]
    assert _coverage(advisories.judge(advisories.of(OPENSSL), *rows)) == ["not covered", "not covered"]


def test_a_range_that_cannot_be_parsed_makes_its_packages_not_comparable(advisories: Advisories) -> None:
    blind = made.record("ALPINE-CVE-2024-1", made.affected("Alpine:v3.19", "uwsgi", made.span(fixed="0.8.21.r2")))
    rows = [fleets.ALPINE | {"type": "apk", "name": name, "version": "2.0-r0"} for name in ("uwsgi", "zlib")]
    found = advisories.judge(advisories.of(blind, complete=("Alpine",)), *rows)
    assert found.matches.num_rows == 0
    assert _coverage(found) == ["not comparable", "covered"]


def test_a_scheme_that_is_not_known_is_not_comparable(advisories: Advisories) -> None:
    record = made.record("G-1", made.affected("Maven", "org.x:core", made.span()))
    found = advisories.judge(
        advisories.of(record, complete=("Maven",)), fleets.language("maven", "core", "1.0", "org.x")
    )
    assert _coverage(found) == ["not comparable"]


def test_without_any_advisories_nothing_is_covered(advisories: Advisories) -> None:
    found = advisories.judge((), fleets.deb("bash", "5.2-1"))
    assert found.matches.num_rows == 0
    assert _coverage(found) == ["not covered"]


def test_without_any_packages_there_is_nothing_to_judge(advisories: Advisories) -> None:
    found = advisories.judge(advisories.of(OPENSSL))
    assert (found.matches.num_rows, found.judgements.num_rows) == (0, 0)


def test_the_session_can_be_used_again(advisories: Advisories) -> None:
    feeds = advisories.of(OPENSSL)
    first = advisories.judge(feeds, fleets.deb("openssl", "3.0.9-1"))
    assert advisories.judge(feeds, fleets.deb("openssl", "3.0.9-1")) == first
    assert advisories.session.execute("SHOW TABLES").fetchall() == []


def test_a_broken_range_file_is_an_advisory_error(tmp_path: Path, session: duckdb.DuckDBPyConnection) -> None:
    broken = tmp_path / "part.parquet"
    broken.write_bytes(b"PAR1 no more")
    with pytest.raises(AdvisoryError, match="import the advisories again"):
        judge_packages(fleets.packages(fleets.deb("a", "1")), (), [broken], session)
    assert session.execute("SHOW TABLES").fetchall() == []


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    records = [made.record(f"X-{n}", made.affected("PyPI", "a", made.span(fixed="9"))) for n in range(3000)]
    with open_session(memory_limit_bytes=4 << 20) as session:
        small = Advisories(tmp_path, session)
        feeds = small.of(*records)
        with pytest.raises(AdvisoryError, match="more memory"):
            small.judge(feeds, *(fleets.language("pypi", "a", f"1.{n}") for n in range(200)))
