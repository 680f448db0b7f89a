"""An image's bill of materials, put together from records, and the file it is written into."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from catalog.errors import StoreError
from catalog.states import Outcome
from pipelines.cli.group import longshore
from pipelines.cli.run import run
from pipelines.models.show import Problem
from pipelines.occurrences import Occurrence, OwnedOccurrence, OwnedPackages
from pipelines.sbom import image_bill, write_document
from tasks.sbom.cyclonedx import cyclonedx_text
from tasks.sbom.spdx import spdx_text
from tests.pipelines.made import DIGEST, FACTS, HOSTILE, LINE, package, record
from tests.tasks.sbom.validating import valid_cyclonedx, valid_spdx

LOWER = "sha256:" + "01" * 32
SIX = package("six", type="pypi", architecture="", ecosystem_platform=("", ""))


def _at(one: object, path: str) -> Occurrence:
    return Occurrence(package=one.package, path=path, introduced=LOWER, evidence=LOWER)  # type: ignore[attr-defined]


def test_a_bill_holds_what_is_known_of_the_image_and_is_valid_in_both_formats() -> None:
    made = image_bill(record(), [package(), package(HOSTILE)], [_at(package(), "var/lib/dpkg/status")], [], FACTS)
    assert (made.reference, made.digest, made.distribution.id, made.distribution.version) == (
        LINE.reference,
        DIGEST,
        "debian",
        "12",
    )
    assert made.configuration.user == FACTS.configuration.user  # type: ignore[union-attr]
    assert [place.path for place in made.components[-1].places] == ["var/lib/dpkg/status"]
    valid_cyclonedx(cyclonedx_text(made))
    valid_spdx(spdx_text(made))


def test_the_time_is_that_of_the_first_analysis_in_utc() -> None:
    line = replace(LINE, first_analysed=datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC))
    assert image_bill(record(line), [], [], []).analysed_at == "2026-01-02T03:04:05Z"


def test_the_order_of_the_records_does_not_matter() -> None:
    one, other = package(), package("zlib")
    places = [_at(one, "b"), _at(one, "a"), _at(other, "c")]
    made = image_bill(record(), [other, one], reversed(places), [])
    assert made == image_bill(record(), [one, other], places, [])
    assert [place.path for place in made.components[0].places] == ["a", "b"]


def test_what_is_owned_is_a_component_of_its_own_that_names_the_owner() -> None:
    owned = OwnedPackages((SIX,), (OwnedOccurrence("usr/lib/six", SIX.package, "deb/python3-six"),))
    made = image_bill(record(), [package()], [_at(SIX, "usr/lib/six")], [], owned=owned)
    assert [(one.facts.name, one.owner) for one in made.components] == [("openssl", ""), ("six", "deb/python3-six")]


def test_a_package_that_is_owned_at_one_path_only_is_there_twice() -> None:
    owned = OwnedPackages((), (OwnedOccurrence("usr/lib/six", SIX.package, "deb/python3-six"),))
    made = image_bill(record(), [SIX], [_at(SIX, "usr/lib/six"), _at(SIX, "opt/six")], [], owned=owned)
    assert [(one.owner, [place.path for place in one.places]) for one in made.components] == [
        ("", ["opt/six"]),
        ("deb/python3-six", ["usr/lib/six"]),
    ]
    valid_cyclonedx(cyclonedx_text(made))
    valid_spdx(spdx_text(made))


def test_a_partial_image_names_what_is_missing_and_no_mere_notes() -> None:
    line = replace(LINE, state=Outcome.PARTIAL, reason="limit-exceeded", detail="a layer")
    problems = [
        Problem(layer=LOWER, path="a", analyser="rpm", reason="too-large", detail="has 3 bytes", partial=True),
        Problem(layer=LOWER, path="b", analyser="", reason="note", detail="", partial=False),
    ]
    made = image_bill(record(line), [], [], problems)
    assert made.missing == ("limit-exceeded: a layer", "a: too-large: has 3 bytes")
    assert made.is_partial


def test_a_document_replaces_a_file_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "image.json"
    target.write_text("old")
    write_document("{}", target)
    assert target.read_text() == "{}\n"
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_mode & 0o077 == 0o044


def test_a_folder_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        write_document("{}", tmp_path / "none" / "image.json")


@pytest.mark.parametrize("words", [["--format", "xml", "x"], ["nonsense"], []])
def test_what_is_mistyped_is_a_usage_error(words: list[str]) -> None:
    assert run(["sbom", *words]) == 2
    assert CliRunner().invoke(longshore, ["sbom", "--help"]).exit_code == 0
