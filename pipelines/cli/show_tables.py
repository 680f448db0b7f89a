"""One image as a person reads it: what it is, what was found, what it consists of, what could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from catalog.active.views import CoverageCounts, FindingCounts, ImageLine
from catalog.states import Coverage, Outcome, Severity
from pipelines.cli.console import is_roomy
from pipelines.cli.fact_tables import fact_tables, searched_text, secret_table
from pipelines.cli.tables import (
    STATE_STYLES,
    add_text_column,
    cell,
    severity_cell,
    short_digest,
    table,
)
from pipelines.cli.units import count_text, share_text
from pipelines.models.show import EndOfLife, Finding, OwnedPackage, Package, Problem
from pipelines.show import ShownImage

_USUAL_ID = len("GHSA-xxxx-xxxx-xxxx")


def image_view(shown: ShownImage) -> Iterator[RenderableType]:
    """The parts of the view, in reading order."""
    report = shown.report
    yield head_table(shown)
    if report.secrets:
        yield Text()
        yield secret_table(report.secrets)
    if report.findings:
        yield Text()
        yield finding_table(report.findings, reasons=is_roomy())
        if not is_roomy():
            yield Text("why each matched: in a pipe, with --json, or on a wider terminal", style="dim")
    if report.packages:
        yield Text()
        yield package_table(report.packages)
    if report.owned:
        yield Text()
        yield owned_table(report.owned)
    yield from fact_tables(report)
    if report.problems:
        yield Text()
        yield problem_table(report.problems)


def head_table(shown: ShownImage) -> Table:
    """What the image is, and the verdict."""
    record, report, line = shown.record, shown.report, shown.record.line
    head = Table(box=None, show_header=False, pad_edge=False)
    head.add_column(style="dim", no_wrap=True)
    head.add_column(overflow="fold")
    head.add_row("image", cell(report.image, "bold"))
    head.add_row("digest", cell(report.digest or "none"))
    state = f"{report.state}: {report.reason}" if report.reason else report.state
    head.add_row("state", cell(state, STATE_STYLES[Outcome(report.state)]))
    if str(line.platform):
        head.add_row("platform", cell(str(line.platform)))
    if line.distribution or report.distribution:
        head.add_row("distribution", cell(line.distribution or report.distribution or ""))
    if report.end_of_life is not None:
        head.add_row("security updates", end_of_life_text(report.end_of_life))
    if record.layers:
        head.add_row("layers", cell(f"{len(record.layers):,}"))
    head.add_row("packages", cell(coverage_text(line.coverage)))
    if report.owned:
        head.add_row("owned", cell(owned_text(report.owned)))
    head.add_row("findings", cell(finding_text(line.findings, line.coverage)))
    if record.chain:
        head.add_row("secrets", cell(searched_text(report)))
    head.add_row("verdict", cell(verdict(line), "green" if line.clean else "yellow"))
    others = [f"{other.line.platform} ({other.line.state})" for other in shown.others]
    if others:
        head.add_row("also for", cell(f"{', '.join(others)}: --platform shows one of them"))
    return head


def verdict(line: ImageLine) -> str:
    """What may be concluded. Only an image that is clean by definition is called so; any other is told what is missing."""
    if line.clean:
        return "clean: every package that was found is covered by a complete advisory feed, and none is affected"
    if line.state not in (Outcome.ANALYSED, Outcome.PARTIAL):
        return "nothing can be said: the image was not analysed"
    gaps = []
    coverage = line.coverage
    if not coverage.packages:
        gaps.append("no package was found")
    elif not coverage.covered:
        gaps.append("no package is covered by a complete advisory feed")
    elif not coverage.complete:
        gaps.append(
            f"{coverage.packages - coverage.covered:,} of {count_text(coverage.packages, 'package')} are not covered"
        )
    if line.state is Outcome.PARTIAL:
        gaps.append("a part of it could not be read")
    found = count_text(line.findings.total, "finding") if line.findings.total else "no finding"
    if not gaps:
        return found
    return (
        f"{found}, which proves little: {', '.join(gaps)}" if not line.findings.total else f"{found}; {', '.join(gaps)}"
    )


def end_of_life_text(end: EndOfLife) -> Text:
    """`until 2028-06-30`, `ended on 2024-06-30`, or that nobody knows."""
    if end.last_day is None:
        return cell(f"their end is not known (as of {end.as_of})", "dim")
    return cell(f"ended on {end.last_day}", "red") if end.past else cell(f"until {end.last_day}")


def coverage_text(coverage: CoverageCounts) -> str:
    """`123, 80 % covered (98 covered, 25 not covered)`."""
    if not coverage.packages:
        return "none"
    words = (
        (coverage.covered, "covered"),
        (coverage.not_covered, "not covered"),
        (coverage.not_comparable, "not comparable"),
    )
    parts = ", ".join(f"{count:,} {word}" for count, word in words if count)
    return f"{coverage.packages:,}, {share_text(coverage.covered / coverage.packages)} covered ({parts})"


def owned_text(owned: tuple[OwnedPackage, ...]) -> str:
    """`12 language packages are parts of the distribution's packages, and count as those`."""
    count = len({package.purl for package in owned})
    if count == 1:
        return "1 language package is part of a package of the distribution, and counts as that"
    return f"{count:,} language packages are parts of packages of the distribution, and count as those"


def finding_text(findings: FindingCounts, coverage: CoverageCounts) -> str:
    """`3 critical, 12 high, 1 low; 9 fixable`, or `none`; without any covered package nobody can say none."""
    parts = ", ".join(f"{findings.of(severity):,} {severity.value}" for severity in Severity if findings.of(severity))
    if parts:
        return f"{parts}; {findings.fixable:,} fixable"
    return "none" if coverage.covered else "none can be known"


def finding_table(findings: tuple[Finding, ...], *, reasons: bool = True) -> Table:
    """Findings.

    Args:
        findings: in the order to show them in.
        reasons: with the advisory and why it matched; a narrow terminal has no room for that.
    """
    shown = table(count_text(len(findings), "finding"))
    add_text_column(shown, "severity", fold=False)
    add_text_column(shown, "vulnerability", least=_USUAL_ID)
    for head in ("package", "version", "fix", *(("advisory", "why") if reasons else ())):
        add_text_column(shown, head)
    for finding in findings:
        because = (cell(finding.advisory), cell(finding.reason, "dim")) if reasons else ()
        shown.add_row(
            severity_cell(Severity(finding.severity)),
            cell(finding.vulnerability),
            cell(finding.package),
            cell(finding.version),
            cell(finding.fixed_version or finding.fix_state),
            *because,
        )
    return shown


def package_table(packages: tuple[Package, ...]) -> Table:
    """Packages with path and layer."""
    shown = table(count_text(len(packages), "package occurrence"))
    for head in ("type", "package", "version", "coverage", "path", "layer"):
        add_text_column(shown, head)
    for package in packages:
        style = "" if package.coverage == Coverage.COVERED else "yellow"
        shown.add_row(
            cell(package.type),
            cell(package.name),
            cell(package.version),
            cell(package.coverage, style),
            cell(package.path or ""),
            cell(short_digest(package.layer)),
        )
    return shown


def owned_table(owned: tuple[OwnedPackage, ...]) -> Table:
    """Language packages that packages of the distribution own, with path and layer."""
    shown = table(count_text(len(owned), "owned package occurrence"))
    for head in ("type", "package", "version", "owned by", "path", "layer"):
        add_text_column(shown, head)
    for package in owned:
        shown.add_row(
            cell(package.type),
            cell(package.name),
            cell(package.version),
            cell(package.owned_by.replace("/", " ", 1)),
            cell(package.path),
            cell(short_digest(package.layer)),
        )
    return shown


def problem_table(problems: tuple[Problem, ...]) -> Table:
    """What could not be read."""
    shown = table(count_text(len(problems), "problem"))
    for head in ("reason", "path", "analyser", "layer", "detail"):
        add_text_column(shown, head)
    for problem in problems:
        shown.add_row(
            cell(problem.reason, "yellow" if problem.partial else "dim"),
            cell(problem.path),
            cell(problem.analyser),
            cell(short_digest(problem.layer)),
            cell(problem.detail),
        )
    return shown
