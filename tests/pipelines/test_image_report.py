"""An image's report, put together from records."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from catalog.active.views import CoverageCounts
from catalog.errors import InvalidReference, NotFound
from catalog.images import ImagePlatform
from catalog.states import Coverage, Severity
from pipelines.image_report import image_report, merged_findings, packages_at_paths
from pipelines.occurrences import Occurrence
from pipelines.scanned_image import choose, host_platform, image_name
from tests.pipelines.made import DIGEST, FAILED, LINE, finding, package, record

LOWER = "sha256:" + "01" * 32
UPPER = "sha256:" + "02" * 32


def _occurrence(name: str, path: str) -> Occurrence:
    return Occurrence(package=package(name).package, path=path, introduced=LOWER, evidence=UPPER)


def test_the_head_says_what_the_image_is() -> None:
    report = image_report(record(), [], [], [], [])
    assert (report.image, report.digest, report.state) == (LINE.reference, DIGEST, "analysed")
    assert report.coverage == 0.8
    assert report.distribution == "debian 12"
    assert report.reason == ""


def test_a_reference_that_leads_nowhere_has_no_digest_and_a_reason() -> None:
    report = image_report(record(FAILED, distribution="", distribution_version=""), [], [], [], [])
    assert report.digest is None
    assert report.distribution is None
    assert report.reason.startswith("not-found: ")
    assert report.coverage == 0


def test_the_same_package_at_two_paths_is_there_twice() -> None:
    places = [_occurrence("openssl", "b"), _occurrence("openssl", "a")]
    found = packages_at_paths([package()], places)
    assert [(one.path, one.layer, one.evidence_layer) for one in found] == [("a", LOWER, UPPER), ("b", LOWER, UPPER)]


def test_a_package_that_no_occurrence_names_is_shown_without_a_path() -> None:
    (found,) = packages_at_paths([package()], [])
    assert found.path is None
    assert found.layer is None


def test_an_operating_system_package_has_its_platform_in_the_purl() -> None:
    (found,) = packages_at_paths([package()], [])
    assert found.purl == "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12"


def test_a_scoped_name_is_whole() -> None:
    scoped = package("core", type="npm", namespace="@babel", architecture="", ecosystem_platform=("", ""))
    (found,) = packages_at_paths([scoped], [])
    assert found.name == "@babel/core"
    assert found.purl == "pkg:npm/%40babel/core@3.0.11-1"
    (about,) = merged_findings([finding(package=scoped.package, name="core")], {scoped.package: found.name})
    assert about.package == "@babel/core"


def test_coverage_is_a_word() -> None:
    (found,) = packages_at_paths([package(coverage=Coverage.NOT_COMPARABLE)], [])
    assert found.coverage == "not comparable"


def test_a_finding_tells_how_it_matched() -> None:
    (found,) = merged_findings([finding()], {})
    assert found.reason == (
        "matched by its source package: openssl 3.0.11-1 is in Debian:12's range introduced 0, fixed 3.0.11-1~deb12u2"
    )
    assert found.fixed_version == "3.0.11-1~deb12u2"


def test_advisories_that_say_the_same_are_one_finding() -> None:
    quiet = finding("DEBIAN-CVE-2023-5363", severity=Severity.CRITICAL, fixed_version="", fix_state="not-fixed")
    (found,) = merged_findings([quiet, finding()], {})
    assert found.severity == "critical"
    assert found.advisory == "DSA-5532-1"
    assert found.fixed_version == "3.0.11-1~deb12u2"
    assert found.reason.endswith("; also DEBIAN-CVE-2023-5363")


def test_without_a_fix_there_is_no_fixed_version() -> None:
    (found,) = merged_findings([finding(fixed_version="", fix_state="wont-fix")], {})
    assert found.fixed_version is None
    assert found.fix_state == "wont-fix"


def test_two_vulnerabilities_and_two_packages_are_four_findings() -> None:
    records = [
        finding(vulnerability=vulnerability, package=package(name).package, name=name)
        for vulnerability in ("CVE-1", "CVE-2")
        for name in ("openssl", "zlib")
    ]
    assert len(merged_findings(records, {})) == 4


def _for(*platforms: str, composed: bool = True) -> list:
    made = []
    for text in platforms:
        line = replace(LINE, platform=ImagePlatform(*text.split("/")))
        made.append(record(line, chain=b"c" * 32 if composed else b""))
    return made


def test_this_machines_platform_is_shown() -> None:
    here = str(host_platform())
    records = _for("linux/s390x", here, "linux/ppc64le")
    assert choose(records, "", "x") is records[1]


def test_without_this_machines_platform_the_first_analysed_is_shown() -> None:
    records = [*_for("linux/riscv64", composed=False), *_for("linux/s390x", "linux/ppc64le")]
    assert choose(records, "", "x") is records[1]


def test_a_reference_without_any_image_is_shown_as_it_is() -> None:
    records = _for("linux/s390x", composed=False)
    assert choose(records, "", "x") is records[0]


def test_the_platform_that_was_asked_for_is_shown() -> None:
    records = _for("linux/amd64", "linux/arm64/v8")
    assert choose(records, "linux/arm64", "x") is records[1]


def test_a_platform_there_is_none_for_is_an_error_that_names_the_others() -> None:
    with pytest.raises(NotFound, match="linux/amd64, linux/arm64"):
        choose(_for("linux/amd64", "linux/arm64"), "linux/s390x", "x")


def test_nothing_covered_is_a_share_of_zero() -> None:
    line = replace(LINE, coverage=CoverageCounts(not_covered=5))
    assert image_report(record(line), [], [], [], []).coverage == 0


@pytest.mark.parametrize("text", ["sha256:819c", "sha256:819CFFE12618", "sha256:"])
def test_a_digest_too_short_to_find_an_image_by_is_called_a_digest(text: str) -> None:
    with pytest.raises(InvalidReference, match="give 12 to 64 of its hex digits"):
        image_name(text)


@pytest.mark.parametrize(
    ("distribution", "version", "name", "today", "expected"),
    [
        ("debian", "12", "Debian GNU/Linux 12 (bookworm)", date(2028, 6, 30), ("2028-06-30", False)),
        ("debian", "12", "Debian GNU/Linux 12 (bookworm)", date(2028, 7, 1), ("2028-06-30", True)),
        ("centos", "9", "CentOS Stream 9", date(2026, 11, 20), ("2027-05-31", False)),
        ("arch", "", "Arch Linux", date(2026, 11, 20), (None, None)),
        ("debian", "99", "Debian of tomorrow", date(2026, 11, 20), (None, None)),
    ],
)
def test_the_end_of_life_is_said_and_never_guessed(
    distribution: str, version: str, name: str, today: date, expected: tuple[str | None, bool | None]
) -> None:
    line = replace(LINE, distribution=name)
    asked = record(line, distribution=distribution, distribution_version=version)
    end = image_report(asked, [], [], [], [], today=today).end_of_life
    assert end is not None
    assert (end.last_day, end.past, end.as_of) == (*expected, "2026-07-31")


def test_without_a_distribution_there_is_no_end_of_life() -> None:
    assert image_report(record(FAILED, distribution=""), [], [], [], []).end_of_life is None
