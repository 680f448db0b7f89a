"""The verbs on a real Postgres and a real archive."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

import pipelines
from catalog.active.database import Database
from catalog.settings import ArchiveLocation
from catalog.store import open_store
from pipelines.cli.run import run
from pipelines.journal import recorded
from pipelines.models.published import SCHEMA_FOLDER
from tests.pipelines.small_fleet import GONE, IMAGE, INDEX, LOWER, OTHER, REFERENCE, RUN, STATUS, UPPER, put_fleet

pytestmark = pytest.mark.postgres


@dataclass(frozen=True)
class Said:
    """What one command line answered."""

    code: int
    out: str
    err: str


Ask = Callable[..., Said]


@pytest.fixture
def ask(
    postgres_dsn: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ask]:
    monkeypatch.setenv("LONGSHORE_HOME", str(home))
    monkeypatch.setenv("LONGSHORE_DATABASE_URL", postgres_dsn)

    def asked(*words: str) -> Said:
        code = run(words)
        return Said(code, *capsys.readouterr())

    yield asked


@pytest.fixture
def fleet(db: Database, home: Path) -> Database:
    put_fleet(db, open_store(ArchiveLocation(str(home / "archive"))))
    return db


def document(said: Said, schema: str) -> dict:
    """The JSON that was printed, held to its published schema."""
    assert said.out, said.err
    read = json.loads(said.out)
    published = json.loads((SCHEMA_FOLDER / f"{schema}.json").read_text("utf-8"))
    jsonschema.validate(read, published, cls=jsonschema.Draft202012Validator)
    return read


def test_show_says_everything_of_an_image(fleet: Database, ask: Ask) -> None:
    said = ask("show", REFERENCE, "--json")
    assert said.code == 0
    shown = document(said, "show")
    assert (shown["image"], shown["digest"], shown["state"], shown["residence"]) == (
        REFERENCE,
        IMAGE,
        "analysed",
        "active",
    )
    assert shown["distribution"] == "debian 12"
    assert shown["coverage"] == pytest.approx(2 / 3)
    packages = {(package["name"], package["path"]): package for package in shown["packages"]}
    assert set(packages) == {
        ("openssl", STATUS),
        ("zlib1g", STATUS),
        ("@babel/core", "app/node_modules/@babel/core/package.json"),
        ("@babel/core", "opt/node_modules/@babel/core/package.json"),
    }
    openssl = packages["openssl", STATUS]
    assert (openssl["layer"], openssl["evidence_layer"], openssl["coverage"]) == (LOWER, UPPER, "covered")
    assert (
        packages["zlib1g", STATUS]["purl"]
        == "pkg:deb/debian/zlib1g@1:1.2.13-1?arch=amd64&distro=debian-12&upstream=zlib"
    )
    (finding,) = shown["findings"]
    assert finding["vulnerability"] == "CVE-2023-5363"
    assert finding["severity"] == "high"
    assert finding["reason"].startswith("matched directly: openssl 3.0.11-1 is in Debian:12's range introduced 0")
    (problem,) = shown["problems"]
    assert (problem["layer"], problem["reason"], problem["partial"]) == (UPPER, "parse-error", False)


@pytest.mark.parametrize("name", [IMAGE, INDEX, IMAGE[:19], IMAGE.removeprefix("sha256:")[:12]])
def test_show_takes_digests_and_their_beginnings(fleet: Database, ask: Ask, name: str) -> None:
    assert document(ask("show", name, "--json"), "show")["digest"] == IMAGE


def test_show_names_the_other_platforms_and_shows_them_on_request(fleet: Database, ask: Ask) -> None:
    assert "linux/s390x (pending): --platform" in ask("show", REFERENCE).out
    assert "also for linux/s390x" in ask("show", REFERENCE, "--json").err
    other = document(ask("show", REFERENCE, "--platform", "linux/s390x", "--json"), "show")
    assert (other["digest"], other["state"], other["packages"]) == (OTHER, "pending", [])


def test_show_of_what_failed_says_why(fleet: Database, ask: Ask) -> None:
    said = ask("show", GONE, "--json")
    assert said.code == 0
    shown = document(said, "show")
    assert (shown["digest"], shown["state"]) == (None, "failed")
    assert shown["reason"].startswith("not-found: ")
    assert "\x1b" not in ask("show", GONE).out


def test_show_of_an_unknown_image_says_what_to_do(fleet: Database, ask: Ask) -> None:
    said = ask("show", "registry.example:5000/team/app:2")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "longshore: registry.example:5000/team/app:2: no such image was scanned; "
        "`longshore scan` scans it, `longshore images` lists all\n"
    )


def test_show_of_a_repository_names_the_tags_that_were_scanned(fleet: Database, ask: Ask) -> None:
    said = ask("show", "registry.example:5000/team/app")
    assert said.code == 1
    assert REFERENCE in said.err


def test_show_fails_on_a_threshold(fleet: Database, ask: Ask) -> None:
    assert ask("show", REFERENCE, "--fail-on", "high").code == 3
    assert ask("show", REFERENCE, "--fail-on", "critical").code == 0
    assert ask("show", REFERENCE, "--fail-on", "not-covered").code == 3


def test_images_lists_each_reference_and_platform(fleet: Database, ask: Ask) -> None:
    listed = document(ask("images", "--json"), "images")
    assert [(image["image"], image["state"]) for image in listed["images"]] == [
        (REFERENCE, "pending"),
        (REFERENCE, "analysed"),
        (GONE, "failed"),
    ]
    assert listed["more"] is False
    assert "high" in ask("images").out


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (["--state", "failed"], [GONE]),
        (["--severity", "high"], [REFERENCE]),
        (["--severity", "critical"], []),
        (["--cve", "CVE-2023-5363"], [REFERENCE]),
        (["--package", "openssl"], [REFERENCE]),
        (["--package", "nothing"], []),
        (["*:gone"], [GONE]),
    ],
)
def test_images_takes_conditions(fleet: Database, ask: Ask, flags: list[str], found: list[str]) -> None:
    listed = document(ask("images", "--json", *flags), "images")
    assert [image["image"] for image in listed["images"]] == found


def test_images_says_that_there_are_more(fleet: Database, ask: Ask) -> None:
    said = ask("images", "--limit", "1", "--json")
    assert document(said, "images")["more"] is True
    assert "--limit" in said.err
    assert len(document(ask("images", "--limit", "0", "--json"), "images")["images"]) == 3


def test_an_image_that_nothing_covers_is_not_shown_as_clean(db: Database, home: Path, ask: Ask) -> None:
    put_fleet(db, open_store(ArchiveLocation(str(home / "archive"))), advisories=False)
    shown = document(ask("show", REFERENCE, "--json"), "show")
    assert (shown["coverage"], shown["findings"]) == (0, [])
    assert {package["coverage"] for package in shown["packages"]} == {"not covered"}
    listed = document(ask("images", "--json"), "images")
    assert not any(image["clean"] for image in listed["images"])
    assert "clean" not in ask("show", REFERENCE).out + ask("images").out


def test_status_adds_every_reference_and_platform_up(fleet: Database, ask: Ask) -> None:
    status = document(ask("status", "--json"), "status")
    assert {entry["state"]: entry["count"] for entry in status["images"]} == {"analysed": 1, "pending": 1}
    assert sum(entry["count"] for entry in status["references"]) == 2
    assert status["feeds"][0]["releases"] == [{"ecosystem": "Debian:12", "ranges": 2, "complete": True}]
    assert "Debian:12" in ask("status").out


def test_runs_lists_what_was_run_without_its_secrets(fleet: Database, ask: Ask) -> None:
    with recorded(fleet, "scan", ["https://me:hush@registry.example/a"], run=RUN) as opened:
        opened.summary = {"images": 2}
    said = ask("runs", "--json")
    (listed,) = document(said, "runs")["runs"]
    assert (listed["run"], listed["verb"], listed["outcome"]) == (RUN, "scan", "completed")
    assert listed["summary"] == {"images": 2}
    assert "hush" not in said.out
    assert RUN in ask("runs").out


def test_a_run_that_an_error_ends_is_recorded_as_failed(fleet: Database, ask: Ask) -> None:
    with pytest.raises(RuntimeError), recorded(fleet, "scan", ["x"]):
        raise RuntimeError
    with pytest.raises(KeyboardInterrupt), recorded(fleet, "scan", ["x"]):
        raise KeyboardInterrupt
    listed = document(ask("runs", "--json"), "runs")["runs"]
    assert [entry["outcome"] for entry in listed] == ["interrupted", "failed"]


def test_an_empty_home_answers_and_says_what_to_do(postgres_dsn: str, ask: Ask) -> None:
    assert document(ask("images", "--json"), "images") == {"images": [], "more": False}
    assert "longshore scan SOURCE" in ask("images").err
    assert document(ask("status", "--json"), "status")["snapshot"] is None
    assert "advisories import" in ask("status").out
    assert ask("runs").err == "nothing was run yet\n"
    assert document(ask("advisories", "list", "--json"), "advisories-list") == {"snapshot": None, "feeds": []}
    assert "advisories import" in ask("advisories", "list").err


SAMPLE = Path(pipelines.__path__[0]) / "sample" / "advisories"


def test_an_import_makes_a_snapshot_and_the_same_again_changes_nothing(postgres_dsn: str, ask: Ask) -> None:
    first = document(ask("advisories", "import", str(SAMPLE), "--json"), "advisories-import")
    assert first["changed"] is True
    assert first["records"] > 0
    assert all(feed["complete"] == [] for feed in first["imported"])
    again = document(ask("advisories", "import", str(SAMPLE), "--json"), "advisories-import")
    assert (again["changed"], again["snapshot"]) == (False, first["snapshot"])
    listed = document(ask("advisories", "list", "--json"), "advisories-list")
    assert listed["snapshot"] == first["snapshot"]
    assert listed["feeds"] == first["imported"]
    assert "nothing: a sample" in ask("advisories", "list").out
    assert [run["verb"] for run in document(ask("runs", "--json"), "runs")["runs"]] == ["advisories import"] * 2


def test_an_import_replaces_its_own_feeds_and_keeps_the_others(postgres_dsn: str, ask: Ask, tmp_path: Path) -> None:
    everything = document(ask("advisories", "import", str(SAMPLE), "--json"), "advisories-import")
    named = [feed["feed"] for feed in everything["imported"]]
    alone = tmp_path / "alone"
    alone.mkdir()
    for record in SAMPLE.glob("DEBIAN-*.json"):
        shutil.copy(record, alone)
    only = document(ask("advisories", "import", str(alone), "--complete", "Debian:12", "--json"), "advisories-import")
    assert [feed["feed"] for feed in only["imported"]] == ["Debian"]
    assert only["kept"] == [name for name in named if name != "Debian"]
    kept = {feed["feed"]: feed for feed in document(ask("advisories", "list", "--json"), "advisories-list")["feeds"]}
    assert kept["Debian"]["complete"] == ["Debian:12"]
    assert sorted(kept) == sorted(named)


@pytest.mark.parametrize("path", ["/nowhere", "/dev/null"])
def test_an_import_of_nothing_changes_nothing_and_says_so(postgres_dsn: str, ask: Ask, path: str) -> None:
    said = ask("advisories", "import", path, "-q")
    assert (said.code, said.out) == (1, "")
    assert path in said.err
    assert said.err.count("\n") == 1
    assert document(ask("advisories", "list", "--json"), "advisories-list")["snapshot"] is None
    (run,) = document(ask("runs", "--json"), "runs")["runs"]
    assert (run["outcome"], run["summary"]["reason"]) == ("failed", "advisories")


def test_an_import_complete_for_what_it_does_not_hold_is_refused(postgres_dsn: str, ask: Ask) -> None:
    said = ask("advisories", "import", str(SAMPLE), "--complete", "Plan9:4", "-q")
    assert said.code == 1
    assert "Plan9:4" in said.err
