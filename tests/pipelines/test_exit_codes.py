"""Which exit code a scan ends with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.active.views import CoverageCounts, FindingCounts
from catalog.errors import InvalidReference, RegistryUnreachable
from pipelines.cli.exit_codes import THRESHOLDS, ExitCode, of_error, of_scan, threshold_met
from pipelines.summary import OutcomeCounts
from tests.pipelines.made import SUMMARY

COVERED = CoverageCounts(covered=10)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (OutcomeCounts(), ExitCode.COMPLETED),
        (OutcomeCounts(analysed=3, skipped=2), ExitCode.COMPLETED),
        (OutcomeCounts(skipped=2), ExitCode.COMPLETED),
        (OutcomeCounts(analysed=3, failed=1), ExitCode.PART),
        (OutcomeCounts(analysed=3, partial=1), ExitCode.PART),
        (OutcomeCounts(analysed=3, pending=1), ExitCode.PART),
        (OutcomeCounts(pending=3), ExitCode.PART),
        (OutcomeCounts(failed=2), ExitCode.ERROR),
        (OutcomeCounts(failed=2, pending=1), ExitCode.ERROR),
        (OutcomeCounts(failed=2, skipped=1), ExitCode.PART),
    ],
)
def test_outcomes_decide(outcomes: OutcomeCounts, code: ExitCode) -> None:
    assert of_scan(replace(SUMMARY, outcomes=outcomes)) is code


def test_references_that_lead_to_no_image_at_all_are_a_completion_in_part() -> None:
    summary = replace(SUMMARY, outcomes=OutcomeCounts(skipped=2), images=0)
    assert of_scan(summary) is ExitCode.PART
    assert of_scan(replace(summary, outcomes=OutcomeCounts(), failed_sources=0)) is ExitCode.COMPLETED


def test_a_source_that_could_not_be_listed_is_a_completion_in_part() -> None:
    summary = replace(SUMMARY, outcomes=OutcomeCounts(analysed=1), failed_sources=1)
    assert of_scan(summary) is ExitCode.PART
    assert of_scan(replace(summary, outcomes=OutcomeCounts())) is ExitCode.ERROR


def test_a_threshold_comes_before_part() -> None:
    summary = replace(SUMMARY, outcomes=OutcomeCounts(analysed=1, failed=1))
    assert of_scan(summary, ("critical",)) is ExitCode.THRESHOLD


def test_an_error_comes_before_a_threshold() -> None:
    summary = replace(SUMMARY, outcomes=OutcomeCounts(failed=1), coverage=CoverageCounts())
    assert of_scan(summary, ("not-covered",)) is ExitCode.ERROR


def test_usage_is_told_from_error() -> None:
    assert of_error(InvalidReference("no")) is ExitCode.USAGE
    assert of_error(RegistryUnreachable("no")) is ExitCode.ERROR


@pytest.mark.parametrize(
    ("word", "met"),
    [("critical", False), ("high", False), ("medium", True), ("low", True), ("negligible", True), ("unknown", True)],
)
def test_a_severity_is_met_by_it_or_worse(word: str, met: bool) -> None:
    assert threshold_met((word,), FindingCounts(medium=1), COVERED) is met


@pytest.mark.parametrize(
    ("coverage", "met"),
    [
        (COVERED, False),
        (CoverageCounts(covered=9, not_covered=1), True),
        (CoverageCounts(covered=9, not_comparable=1), True),
        (CoverageCounts(), True),
    ],
)
def test_not_covered_is_met_by_any_gap(coverage: CoverageCounts, met: bool) -> None:
    assert threshold_met(("not-covered",), FindingCounts(), coverage) is met


def test_without_thresholds_nothing_is_met() -> None:
    assert not threshold_met((), FindingCounts(critical=9), CoverageCounts())


def test_the_words_are_the_severities_and_not_covered() -> None:
    assert THRESHOLDS == ("critical", "high", "medium", "low", "negligible", "unknown", "not-covered")
