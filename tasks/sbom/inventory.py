"""What a document lists, whatever its format: components as they stand there, and the packages they come to.

A component that cannot be read is never passed over in silence: it is named in a problem, and the image is partial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from catalog.distributions import NO_DISTRIBUTION, Distribution, plain_text
from catalog.errors import ParseError
from catalog.packages import OPERATING_SYSTEM_TYPES, PackageFacts
from catalog.problems import Problem
from catalog.purls import module_stream, parse_purl, source_package
from tasks.sbom.packages import is_storable
from tasks.sbom.properties import LICENCE, OWNED_BY, PREFIX, restored

ANALYSER = "sbom"
"""The name under which problems are recorded."""

_MOST_NAMED = 20
_MOST_RELEASES = 100
"""Spellings of one release that are looked at; each is compared with every other."""
_SOURCE_NAMES = ("aquasecurity:trivy:SrcName", "syft:metadata:source", "syft:metadata:originPackage")
_SOURCE_VERSIONS = ("aquasecurity:trivy:SrcVersion", "syft:metadata:sourceVersion")
_SOURCE_RELEASE = "aquasecurity:trivy:SrcRelease"
_SOURCE_EPOCH = "aquasecurity:trivy:SrcEpoch"
_MODULES = ("aquasecurity:trivy:Modularitylabel", "syft:metadata:modularityLabel")
_SOURCE_FILE = "syft:metadata:sourceRpm"


@dataclass(frozen=True, slots=True)
class Entry:
    """A component that a document lists.

    Args:
        name: as it stands there, for people.
        version: likewise.
        purl: empty where it has none.
        licences: as declared.
        told: values by property name.
    """

    name: str
    version: str
    purl: str
    licences: tuple[str, ...] = ()
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Contents:
    """What a reader finds in a document.

    Args:
        entries: the components that are packages, in order.
        platforms: the operating systems it names.
        remarks: (reason, line) of what is missing or cannot be read.
    """

    entries: list[Entry] = field(default_factory=list)
    platforms: list[Distribution] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The packages of a document.

    Args:
        packages: each once, in no order.
        distribution: the platform they belong to; NO_DISTRIBUTION where none is known.
        problems: what could not be read, all of which makes the image partial.
    """

    packages: tuple[PackageFacts, ...]
    distribution: Distribution
    problems: tuple[Problem, ...]


def take_stock(contents: Contents) -> Inventory:
    """The packages that a document's components name, and the platform they belong to.

    Args:
        contents: as a reader found them.
    """
    remarks = list(contents.remarks)
    packages: dict[bytes, tuple[PackageFacts, Distribution]] = {}
    for entry in contents.entries:
        if OWNED_BY in entry.told:
            continue  # a part of the system's package, as which it is listed too
        try:
            facts, distribution = _package(entry)
        except ParseError as error:
            remarks.append(("unread-component", f"{_label(entry)}: {error.what}"))
            continue
        packages.setdefault(facts.package_id, (facts, distribution))
    platform = _platform(contents.platforms, [seen for _, seen in packages.values()], remarks)
    kept = []
    for facts, seen in packages.values():
        if seen.id and platform.id and not _same(seen, platform):
            label = f"{plain_text(facts.name)} {plain_text(facts.version)}"
            remarks.append(("other-platform", f"{label}: is of {seen.id} {seen.version}, not of {platform.id}"))
        else:
            kept.append(facts)
    return Inventory(tuple(kept), platform, tuple(_problems(remarks)))


def _package(entry: Entry) -> tuple[PackageFacts, Distribution]:
    if not entry.purl:
        raise ParseError("has no package URL")
    facts = restored(entry.purl, entry.version, entry.told)
    try:
        distribution = parse_purl(entry.purl, entry.version).distribution
    except ParseError:
        distribution = NO_DISTRIBUTION
    facts = replace(_completed(facts, entry), licences=entry.told.get(LICENCE, entry.licences))
    if not is_storable(facts):
        raise ParseError("holds texts that no package has")
    return facts, distribution if facts.type in OPERATING_SYSTEM_TYPES else NO_DISTRIBUTION


def _completed(facts: PackageFacts, entry: Entry) -> PackageFacts:
    """The package with what Trivy and Syft say beside its purl."""
    told = entry.told
    if any(name.startswith(PREFIX) for name in told):
        return facts  # a document of ours has told everything
    if facts.type == "golang" and entry.name.lower() == f"{facts.namespace}/{facts.name}".lower().strip("/"):
        # Module paths have capital letters; the purl's are small by the specification.
        namespace, _, name = entry.name.rpartition("/")
        facts = replace(facts, namespace=namespace, name=name)
    if not facts.module and (module := module_stream(_first(told, _MODULES))):
        facts = replace(facts, module=module)
    source, version = _source(facts.type, told)
    if not source or facts.source_version or facts.source_name not in ("", facts.name, source):
        return facts
    if facts.type == "rpm":
        return replace(facts, source_name=source, source_version=version)
    # dpkg and apk name a source's version only where it differs, and dpkg its name likewise.
    version = "" if version == facts.version else version
    unsaid = facts.type == "deb" and source == facts.name and not version
    return replace(facts, source_name="" if unsaid else source, source_version=version)


def _source(kind: str, told: Mapping[str, tuple[str, ...]]) -> tuple[str, str]:
    """Name and version of the source package by Trivy's and Syft's properties."""
    source, version = _first(told, _SOURCE_NAMES), _first(told, _SOURCE_VERSIONS)
    if not source:
        return source_package(_first(told, (_SOURCE_FILE,)))
    if version and (release := _first(told, (_SOURCE_RELEASE,))):
        version = f"{version}-{release}"
    if version and kind == "deb" and (epoch := _first(told, (_SOURCE_EPOCH,))) not in ("", "0"):
        version = f"{epoch}:{version}"
    return source, version


def _first(told: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> str:
    return next((values[0] for name in names if (values := told.get(name)) and values[0]), "")


def _platform(
    named: Iterable[Distribution], seen: Iterable[Distribution], remarks: list[tuple[str, str]]
) -> Distribution:
    """The one platform of a document: what it names, else what its packages agree on. Two are none: that would be a guess."""
    found: list[Distribution] = []
    releases: dict[tuple[str, str], Distribution] = {}
    for distribution in [*named] or [*seen]:
        if distribution.id:
            releases.setdefault((distribution.id, distribution.version), distribution)
    if len(releases) > _MOST_RELEASES:
        remarks.append(("several-platforms", f"names {len(releases):,} releases of distributions"))
        return NO_DISTRIBUTION
    for distribution in releases.values():
        same = next((known for known in found if _same(known, distribution)), None)
        if same is None:
            found.append(distribution)
        elif len(distribution.version) > len(same.version):
            found[found.index(same)] = distribution
    if len(found) > 1:
        names = sorted(f"{one.id} {one.version}".strip() for one in found)
        remarks.append(("several-platforms", f"names {len(found)} distributions: {', '.join(names[:5])}"))
        return NO_DISTRIBUTION
    return found[0] if found else NO_DISTRIBUTION


def _same(one: Distribution, other: Distribution) -> bool:
    """Whether two texts may name one release: `debian 12` and `debian 12.5`, or one without a version."""
    if one.id != other.id:
        return False
    short, long = sorted((one.version, other.version), key=len)
    return not short or long == short or long.startswith(f"{short}.")


def _label(entry: Entry) -> str:
    return " ".join(filter(None, (plain_text(entry.name), plain_text(entry.version)))) or "a component without a name"


def _problems(remarks: Iterable[tuple[str, str]]) -> Iterable[Problem]:
    """Each remark a problem, in an order that does not depend on the document's; of each reason some are named, all counted."""
    by_reason: dict[str, list[str]] = {}
    for reason, line in remarks:
        by_reason.setdefault(reason, []).append(line)
    for reason, lines in sorted(by_reason.items()):
        lines.sort()
        yield from (Problem("", ANALYSER, reason, line) for line in lines[:_MOST_NAMED])
        if len(lines) > _MOST_NAMED:
            yield Problem("", ANALYSER, reason, f"{len(lines) - _MOST_NAMED:,} more, {len(lines):,} in all")
