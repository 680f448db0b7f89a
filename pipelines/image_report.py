"""Putting an image's report together from the records of the active set and the archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from catalog.active.views import FindingRecord, ImageRecord, PackageRecord
from catalog.distributions import Distribution
from catalog.packages import PackageFacts, Role
from catalog.purls import render_purl
from catalog.states import Severity
from pipelines.image_facts import NO_FACTS, ImageFacts
from pipelines.models.base import covered_share, explained
from pipelines.models.show import EndOfLife, Finding, ImageReport, OwnedPackage, Package, Problem
from pipelines.occurrences import NOTHING_OWNED, Occurrence, OwnedPackages


def image_report(
    record: ImageRecord,
    packages: Sequence[PackageRecord],
    findings: Sequence[FindingRecord],
    occurrences: Iterable[Occurrence],
    problems: Sequence[Problem],
    facts: ImageFacts = NO_FACTS,
    owned: OwnedPackages = NOTHING_OWNED,
    today: date | None = None,
) -> ImageReport:
    """The report of one image.

    Args:
        record: the image.
        packages: its distinct packages that count.
        findings: the advisories that match them.
        occurrences: where the packages lie.
        problems: what could not be read.
        facts: what it is besides its packages.
        owned: which of the places belong to the distribution's packages.
        today: the day of asking; None for today in UTC.
    """
    line = record.line
    day = today or datetime.now(UTC).date()
    distribution = " ".join(filter(None, (record.distribution, record.distribution_version)))
    names = {package.package: full_name(package) for package in packages}
    taken = {(place.package, place.path) for place in owned.places}
    places = list(occurrences)
    free = [place for place in places if (place.package, place.path) not in taken]
    return ImageReport(
        image=line.reference or line.digest,
        digest=line.digest or None,
        state=line.state,
        reason=explained(line.reason, line.detail),
        residence=line.residence,
        coverage=covered_share(line.coverage),
        distribution=distribution or None,
        end_of_life=EndOfLife.of(record.distribution, record.distribution_version, line.distribution, day)
        if record.distribution
        else None,
        packages=packages_at_paths(packages, free),
        owned=owned_at_paths((*packages, *owned.packages), places, owned),
        findings=merged_findings(findings, names),
        problems=tuple(problems),
        configuration=facts.configuration,
        layers=facts.layers,
        privileged=facts.privileged,
        secrets=facts.secrets,
    )


def full_name(record: PackageRecord) -> str:
    """A package's name with its namespace, as its ecosystem writes it: `@scope/name` for npm."""
    return f"{record.namespace}/{record.name}" if record.namespace else record.name


def packages_at_paths(records: Sequence[PackageRecord], occurrences: Iterable[Occurrence]) -> tuple[Package, ...]:
    """The packages with each path they lie at; one that no occurrence names is there once, without a path."""
    places: dict[bytes, list[Occurrence]] = {}
    for occurrence in occurrences:
        places.setdefault(occurrence.package, []).append(occurrence)
    return tuple(
        _package(record, place)
        for record in records
        for place in sorted(places.get(record.package, ()), key=lambda place: place.path) or (None,)
    )


def owned_at_paths(
    records: Iterable[PackageRecord], occurrences: Iterable[Occurrence], owned: OwnedPackages
) -> tuple[OwnedPackage, ...]:
    """The places that the distribution's packages own, by owner and path.

    Args:
        records: the packages that may be there.
        occurrences: where packages lie, those places among them.
        owned: the places.
    """
    known = {record.package: record for record in records}
    layers = {(place.package, place.path): place for place in occurrences}
    shown = []
    for place in sorted(owned.places, key=lambda place: (place.owner, place.path, place.package)):
        record, occurrence = known.get(place.package), layers.get((place.package, place.path))
        if record is not None:
            shown.append(_owned(record, place.owner, place.path, occurrence))
    return tuple(shown)


def _owned(record: PackageRecord, owner: str, path: str, occurrence: Occurrence | None) -> OwnedPackage:
    return OwnedPackage(
        type=record.type,
        name=full_name(record),
        version=record.version,
        purl=package_url(record),
        owned_by=owner,
        path=path,
        layer=occurrence.introduced if occurrence else None,
        evidence_layer=occurrence.evidence if occurrence else None,
    )


def package_facts(record: PackageRecord) -> PackageFacts:
    """A package as its evidence named it."""
    return PackageFacts(
        type=record.type,
        name=record.name,
        version=record.version,
        namespace=record.namespace,
        epoch=record.epoch,
        architecture=record.architecture,
        source_name=record.source_name,
        source_version=record.source_version,
        module=record.module,
        qualifiers=record.qualifiers,
        licences=record.licences,
        role=Role(record.role),
    )


def package_url(record: PackageRecord) -> str:
    """The purl of a package as the image has it."""
    return render_purl(package_facts(record), Distribution(*record.ecosystem_platform))


def _package(record: PackageRecord, place: Occurrence | None) -> Package:
    return Package(
        type=record.type,
        name=full_name(record),
        version=record.version,
        purl=package_url(record),
        path=place.path if place else None,
        layer=place.introduced if place else None,
        evidence_layer=place.evidence if place else None,
        coverage=record.coverage,
    )


def merged_findings(records: Sequence[FindingRecord], names: Mapping[bytes, str]) -> tuple[Finding, ...]:
    """One finding for each (package, vulnerability), in the order they come.

    Its severity is the worst that an advisory gives; the rest is the words of one advisory, of one that knows a fix if any.

    Args:
        records: one for each advisory that matches.
        names: full names by package.
    """
    groups: dict[tuple[bytes, str], list[FindingRecord]] = {}
    for record in records:
        groups.setdefault((record.package, record.vulnerability), []).append(record)
    return tuple(_merged(group, names) for group in groups.values())


def _merged(group: Sequence[FindingRecord], names: Mapping[bytes, str]) -> Finding:
    ranks = list(Severity)
    spoken = min(group, key=lambda record: (not record.fixed_version, ranks.index(record.severity), record.advisory))
    also = sorted({record.advisory for record in group} - {spoken.advisory})
    return Finding(
        vulnerability=spoken.vulnerability,
        package=names.get(spoken.package, spoken.name),
        version=spoken.version,
        severity=min((record.severity for record in group), key=ranks.index),
        fix_state=spoken.fix_state,
        fixed_version=spoken.fixed_version or None,
        advisory=spoken.advisory,
        reason="; also ".join(filter(None, (why(spoken), ", ".join(also)))),
    )


def why(record: FindingRecord) -> str:
    """How an advisory matched, in a sentence: which name and version were compared with which range."""
    how = "by its source package" if record.how == "source" else "directly"
    return (
        f"matched {how}: {record.compared_name} {record.compared_version} "
        f"is in {record.ecosystem}'s range {record.range_text}"
    )
