"""SPDX 2.2 and 2.3 in JSON: its packages, and the operating system among them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from catalog.distributions import Distribution, plain_text
from catalog.purls import distribution_id
from tasks.analyzers.documents import mapping, sequence, text
from tasks.sbom.inventory import Contents, Entry
from tasks.sbom.properties import DISTRIBUTION_NAME, MISSING
from tasks.sbom.spdx import ANNOTATION

_NO_PACKAGES = frozenset({"CONTAINER", "FILE", "DEVICE"})
_NO_PACKAGE_NAMES = ("SPDXRef-ContainerImage", "SPDXRef-Application-", "SPDXRef-Filesystem", "SPDXRef-Repository")
_SYSTEM_NAME = "SPDXRef-OperatingSystem"
# How Trivy names what it had no purpose for before SPDX 2.3.
_IMAGE_PURLS = ("pkg:oci/", "pkg:docker/")
_UNSAID = frozenset({"", "NOASSERTION", "NONE"})
_TRIVY = "aquasecurity:trivy:"
_TRIVY_LINE = re.compile(r"([A-Z][A-Za-z]+): (.+)")
_BUILT_FROM = re.compile(r"built package from: (\S+) (\S+)")
_LICENCE_NAME = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")


def read_spdx(document: dict[str, object]) -> Contents:
    """The packages of a document.

    Args:
        document: its top.
    """
    contents = Contents()
    listed = document.get("packages", [])
    if not isinstance(listed, list):
        contents.remarks.append(("wrong-type", "packages that are no list"))
        return contents
    names = dict(_extracted(document))
    subjects = set(_subjects(document))
    for item in listed:
        if isinstance(item, dict):
            _take(item, contents, names, is_subject=text(item.get("SPDXID")) in subjects)
        else:
            contents.remarks.append(("wrong-type", "a package that is no object"))
    return contents


def _take(item: dict[str, object], contents: Contents, names: Mapping[str, str], *, is_subject: bool) -> None:
    purpose, identifier = text(item.get("primaryPackagePurpose")).upper(), text(item.get("SPDXID"))
    name, version, purl = text(item.get("name")), text(item.get("versionInfo")), _purl(item)
    told = _told(item)
    if purpose.replace("_", "-") == "OPERATING-SYSTEM" or identifier.startswith(_SYSTEM_NAME):
        people = next(iter(told.get(DISTRIBUTION_NAME, ())), "")
        contents.platforms.append(Distribution(distribution_id(name), version, people))
        return
    lines = told.get(MISSING, ())
    contents.remarks += [("incomplete", f"not in the document: {plain_text(line)}") for line in lines]
    holds_others = purpose in _NO_PACKAGES or identifier.startswith(_NO_PACKAGE_NAMES) or is_subject
    if purl.startswith(_IMAGE_PURLS) or (not purl and (holds_others or f"{_TRIVY}Class" in told)):
        return
    declared = text(item.get("licenseDeclared"))
    licence = _LICENCE_NAME.sub(lambda found: names.get(found[0], found[0]), declared)
    licences = () if licence in _UNSAID else (licence,)
    contents.entries.append(Entry(name, version, purl, licences, told))


def _purl(item: dict[str, object]) -> str:
    for reference in map(mapping, sequence(item.get("externalRefs"))):
        if text(reference.get("referenceType")) == "purl":
            return text(reference.get("referenceLocator"))
    return ""


def _told(item: dict[str, object]) -> dict[str, tuple[str, ...]]:
    """Properties: ours in an annotation, Trivy's as lines in annotations or attribution texts, Syft's of the source package."""
    told: dict[str, list[str]] = {}
    comments = [text(mapping(one).get("comment")) for one in sequence(item.get("annotations"))]
    for comment in (*comments, *map(text, sequence(item.get("attributionTexts")))):
        if comment.startswith(ANNOTATION):
            pairs = list(_pairs(comment[len(ANNOTATION) :]))
        else:
            line = _TRIVY_LINE.fullmatch(comment)
            pairs = [(_TRIVY + line[1], line[2])] if line else []
        for name, value in pairs:
            told.setdefault(name, []).append(value)
    built = _BUILT_FROM.fullmatch(text(item.get("sourceInfo")))
    if built:
        told.setdefault(f"{_TRIVY}SrcName", [built[1]])
        told.setdefault(f"{_TRIVY}SrcVersion", [built[2]])
    return {name: tuple(values) for name, values in told.items()}


def _pairs(written: str) -> Iterator[tuple[str, str]]:
    try:
        values = json.loads(written)
    except (ValueError, RecursionError):
        return
    for pair in sequence(values):
        match pair:
            case [str(name), str(value)]:
                yield name, value


def _extracted(document: dict[str, object]) -> Iterator[tuple[str, str]]:
    for licence in map(mapping, sequence(document.get("hasExtractedLicensingInfos"))):
        name = text(licence.get("name"))
        yield text(licence.get("licenseId")), name if name not in _UNSAID else text(licence.get("extractedText"))


def _subjects(document: dict[str, object]) -> Iterator[str]:
    yield from map(text, sequence(document.get("documentDescribes")))
    for relationship in map(mapping, sequence(document.get("relationships"))):
        if relationship.get("relationshipType") == "DESCRIBES":
            yield text(relationship.get("relatedSpdxElement"))
