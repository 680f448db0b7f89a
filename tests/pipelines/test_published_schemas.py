"""The published JSON Schemas: they are the models', and what is printed holds to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import jsonschema
import pytest

from catalog.settings import LayerCacheLocation, Settings
from catalog.states import FixState
from pipelines.image_report import image_report
from pipelines.layer_cache import CacheState
from pipelines.models.advisories import AdvisoriesReport, Feed, ImportReport, RecordProblem
from pipelines.models.base import Answer
from pipelines.models.cache import CacheClearReport, CacheStatusReport
from pipelines.models.images import ImageEntry, ImagesReport
from pipelines.models.published import PUBLISHED, SCHEMA_FOLDER, schema_text
from pipelines.models.rescan import RescanReport
from pipelines.models.runs import Run, RunsReport
from pipelines.models.scan import ScanReport
from pipelines.models.show import Problem
from pipelines.models.status import StatusReport
from pipelines.settings import settings_report
from tasks.layer_cache.directory import CacheUsage, Cleared
from tests.pipelines.made import (
    CLEAN,
    DIGEST,
    FACTS,
    FAILED,
    FEED,
    HOSTILE,
    LINE,
    RESCAN,
    RUN,
    STATUS,
    SUMMARY,
    finding,
    package,
    record,
)

CACHE = CacheState(LayerCacheLocation("/srv/cache", 10 << 30), CacheUsage(3, 9_000_000, 1_763_633_000.5))
PROBLEM = Problem(layer=DIGEST, path=HOSTILE, analyser="dpkg", reason="parse-error", detail=HOSTILE, partial=False)
EXAMPLES: dict[str, Callable[[], Answer]] = {
    "show": lambda: image_report(
        record(), [package(), package(HOSTILE)], [finding(), finding(fix_state=FixState.UNKNOWN)], [], [PROBLEM], FACTS
    ),
    "images": lambda: ImagesReport(images=tuple(map(ImageEntry.of, (LINE, CLEAN, FAILED))), more=True),
    "status": lambda: StatusReport.of(STATUS),
    "runs": lambda: RunsReport(runs=(Run.of(RUN),), more=False),
    "scan": lambda: ScanReport.of(SUMMARY),
    "rescan": lambda: RescanReport.of(RESCAN),
    "cache-status": lambda: CacheStatusReport.of(CACHE),
    "cache-clear": lambda: CacheClearReport.of(Cleared(files=3, bytes=9_000_000, in_use=1)),
    "settings": lambda: settings_report(Settings(database_url="postgresql://u:hush@h/d")),
    "advisories-list": lambda: AdvisoriesReport(snapshot="ab" * 32, feeds=(Feed.of(FEED),)),
    "advisories-import": lambda: ImportReport(
        run="r",
        snapshot="ab" * 32,
        changed=True,
        records=3,
        duplicates=0,
        imported=(Feed.of(FEED),),
        kept=("PyPI",),
        unknown_ecosystems=("GSD",),
        problems=(RecordProblem(reason="not-json", count=1, examples=("x.json: no JSON",)),),
        seconds=0.1,
    ),
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_published_schema_is_the_models(name: str) -> None:
    published = (SCHEMA_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert published == schema_text(name), "run `python -m pipelines.models.published`"


def test_nothing_else_is_published() -> None:
    assert {file.stem for file in SCHEMA_FOLDER.glob("*.json")} == set(PUBLISHED) == set(EXAMPLES)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text(name)))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_what_is_printed_holds_to_its_schema(name: str) -> None:
    document = json.loads(EXAMPLES[name]().to_json())
    jsonschema.validate(document, json.loads(schema_text(name)), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_key_is_always_there(name: str) -> None:
    schema = json.loads(schema_text(name))
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("type") == "object" and "properties" in part:
            assert set(part["required"]) == set(part["properties"])


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_what_is_printed_is_ascii(name: str) -> None:
    printed = EXAMPLES[name]().to_json()
    assert printed.isascii()
    assert "\x1b" not in printed


def test_show_has_the_promised_keys() -> None:
    document = json.loads(EXAMPLES["show"]().to_json())
    assert list(document) == [
        *(
            "image",
            "digest",
            "state",
            "reason",
            "residence",
            "coverage",
            "distribution",
            "end_of_life",
            "packages",
            "owned",
            "findings",
            "problems",
            "configuration",
            "layers",
            "privileged",
            "secrets",
        )
    ]
    assert list(document["packages"][0]) == [
        *("type", "name", "version", "purl", "path", "layer", "evidence_layer", "coverage")
    ]
    assert list(document["findings"][0]) == [
        *("vulnerability", "package", "version", "severity", "fix_state", "fixed_version", "advisory", "reason")
    ]


def test_settings_hide_secrets() -> None:
    assert "hush" not in EXAMPLES["settings"]().to_json()


def test_a_run_whose_summary_is_no_object_still_shows() -> None:
    assert Run.of(replace(RUN, summary="[1]")).summary == {}
    assert Run.of(replace(RUN, summary="")).summary == {}


def test_a_release_is_complete_by_itself_or_by_its_ecosystem() -> None:
    assert [release.complete for release in Feed.of(FEED).releases] == [False, True]
    assert all(release.complete for release in Feed.of(replace(FEED, complete=("Debian",))).releases)


def test_a_cache_that_the_settings_do_not_want_has_no_directory() -> None:
    document = json.loads(CacheStatusReport.of(CacheState(None)).to_json())
    assert document == {"directory": None, "cap": 0, "bytes": 0, "files": 0, "oldest_use": None}


def test_the_oldest_use_of_a_cache_is_a_moment_in_utc() -> None:
    assert CacheStatusReport.of(CACHE).oldest_use == "2025-11-20T10:03:20.500Z"
