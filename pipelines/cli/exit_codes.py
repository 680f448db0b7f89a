"""The exit codes, and which one a scan or rescan ends with.

Where several hold, usage comes before error, error before threshold, threshold before part.
"""

from __future__ import annotations

from enum import IntEnum

from catalog.active.views import CoverageCounts, FindingCounts
from catalog.errors import LongshoreError, UsageError
from catalog.states import Severity
from cluster.errors import ClusterError
from pipelines.rescan_summary import RescanSummary
from pipelines.summary import ScanSummary

NOT_COVERED = "not-covered"
THRESHOLDS = (*(severity.value for severity in Severity), NOT_COVERED)
"""What `--fail-on` takes: a severity, met by a finding of it or worse, or `not-covered`."""


class ExitCode(IntEnum):
    """What a process ends with, read by scripts: never renumbered."""

    COMPLETED = 0
    ERROR = 1
    USAGE = 2
    THRESHOLD = 3
    PART = 4
    INTERRUPTED = 130


def of_error(error: LongshoreError | ClusterError) -> ExitCode:
    """The code for a command that an error ended."""
    return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.ERROR


def at_least(severity: Severity) -> tuple[Severity, ...]:
    """The severity itself and every worse one."""
    ranks = tuple(Severity)
    return ranks[: ranks.index(severity) + 1]


def threshold_met(thresholds: tuple[str, ...], findings: FindingCounts, coverage: CoverageCounts) -> bool:
    """Whether one of the thresholds is reached.

    Args:
        thresholds: words of `THRESHOLDS`.
        findings: counts to hold them to.
        coverage: counts to hold `not-covered` to, met as well by what cannot be compared and by no package at all.
    """
    for word in thresholds:
        if word == NOT_COVERED:
            if not coverage.complete:
                return True
        elif any(findings.of(severity) for severity in at_least(Severity(word))):
            return True
    return False


def of_scan(summary: ScanSummary, thresholds: tuple[str, ...] = ()) -> ExitCode:
    """The code a finished scan ends with.

    An error is a scan of which nothing at all could be done; failed, pending or partial images among others, or sources that
    could not be listed, are a completion in part, and so is a scan that was stopped before its first image, or one that names
    references and no image at all (a platform that nothing was built for): whoever waits for a threshold must hear of it.
    Skipped images among others are none of these.
    """
    counts = summary.outcomes
    failed = counts.failed + summary.failed_sources
    if failed and not counts.analysed + counts.partial + counts.skipped:
        return ExitCode.ERROR
    if threshold_met(thresholds, summary.findings, summary.coverage):
        return ExitCode.THRESHOLD
    in_part = failed or counts.pending or counts.partial or (counts.total and not summary.images)
    return ExitCode.PART if in_part else ExitCode.COMPLETED


def of_rescan(summary: RescanSummary, thresholds: tuple[str, ...] = ()) -> ExitCode:
    """The code a finished rescan ends with.

    Images that keep a former result are a completion in part, like those that failed, are partial or pending.

    Args:
        summary: of the rescan.
        thresholds: words of `THRESHOLDS`.
    """
    if summary.images and threshold_met(thresholds, summary.findings, summary.coverage):
        return ExitCode.THRESHOLD
    counts = summary.outcomes
    in_part = summary.kept or summary.layers.failed or counts.failed or counts.pending or counts.partial
    return ExitCode.PART if in_part else ExitCode.COMPLETED
