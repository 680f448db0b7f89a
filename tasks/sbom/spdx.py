"""An image's bill of materials as SPDX 2.3 in JSON (ISO/IEC 5962's successor).

The document describes the image, a package with the purpose of a container, which contains the operating system and the packages.
The format has no properties: they stand in one annotation of each package, as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Required, TypedDict

from catalog.packages import PackageFacts
from catalog.version import __version__
from tasks.sbom.bill import Bill, Component
from tasks.sbom.licences import expression_of, reference_of
from tasks.sbom.naming import image_name, image_purl, image_version
from tasks.sbom.properties import DISTRIBUTION_NAME, Pair, component_properties, image_properties
from tasks.sbom.text import document_text, document_uuid, sound

ANNOTATION = "longshore properties: "
"""How the comment of an annotation begins that holds properties: an array of names and values follows."""

_DOCUMENT = "SPDXRef-DOCUMENT"
_IMAGE = "SPDXRef-Image"
_SYSTEM = "SPDXRef-OperatingSystem"
_TOOL = f"Tool: longshore-{__version__}"
_UNSAID = "NOASSERTION"


class _Annotation(TypedDict):
    annotationType: str
    annotator: str
    annotationDate: str
    comment: str


class _Checksum(TypedDict):
    algorithm: str
    checksumValue: str


class _ExternalReference(TypedDict):
    referenceCategory: str
    referenceType: str
    referenceLocator: str


class _Package(TypedDict, total=False):
    SPDXID: Required[str]
    name: Required[str]
    versionInfo: str
    primaryPackagePurpose: str
    downloadLocation: Required[str]
    filesAnalyzed: bool
    licenseConcluded: str
    licenseDeclared: str
    copyrightText: str
    checksums: list[_Checksum]
    externalRefs: list[_ExternalReference]
    annotations: list[_Annotation]


class _Relationship(TypedDict):
    spdxElementId: str
    relationshipType: str
    relatedSpdxElement: str


class _ExtractedLicence(TypedDict):
    licenseId: str
    name: str
    extractedText: str


class _CreationInfo(TypedDict):
    created: str
    creators: list[str]


class _Document(TypedDict, total=False):
    spdxVersion: Required[str]
    dataLicense: str
    SPDXID: str
    name: str
    documentNamespace: str
    comment: str
    creationInfo: _CreationInfo
    packages: list[_Package]
    relationships: list[_Relationship]
    hasExtractedLicensingInfos: list[_ExtractedLicence]


def spdx_text(bill: Bill) -> str:
    """The document, JSON in ASCII; the same bill gives the same bytes.

    Args:
        bill: what it says.
    """
    system = [_system_package(bill)] if bill.distribution.id else []
    extracted = list(_extracted_licences(bill.components))
    document: _Document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": sound(bill.reference) or bill.digest,
        "documentNamespace": "",
        "creationInfo": {"created": bill.analysed_at, "creators": [_TOOL]},
        "packages": [
            _image_package(bill),
            *system,
            *(_component_package(component, bill.analysed_at) for component in bill.components),
        ],
        "relationships": list(_relationships(bill)),
    }
    if bill.is_partial:
        lines = [f"This document is incomplete: the image is {bill.outcome}.", *map(sound, bill.missing)]
        document["comment"] = "\n".join(lines)
    if extracted:
        document["hasExtractedLicensingInfos"] = extracted
    document["documentNamespace"] = f"https://longshore.invalid/spdx/{document_uuid(document)}"
    return document_text(document)


def _image_package(bill: Bill) -> _Package:
    package = _package(_IMAGE, image_name(bill), image_version(bill), "CONTAINER")
    algorithm, _, content = bill.digest.partition(":")
    if algorithm == "sha256":
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": content}]
    if purl := image_purl(bill):
        package["externalRefs"] = [_purl(purl)]
    package["annotations"] = [_annotation(image_properties(bill), bill.analysed_at)]
    return package


def _system_package(bill: Bill) -> _Package:
    distribution = bill.distribution
    package = _package(_SYSTEM, distribution.id, distribution.version, "OPERATING-SYSTEM")
    if distribution.name:
        package["annotations"] = [_annotation([(DISTRIBUTION_NAME, distribution.name)], bill.analysed_at)]
    return package


def _component_package(component: Component, when: str) -> _Package:
    facts = component.facts
    name = f"{facts.namespace}/{facts.name}" if facts.namespace else facts.name
    purpose = "APPLICATION" if component.is_application else "LIBRARY"
    package = _package(_reference(component), name, facts.version, purpose)
    package["licenseDeclared"] = " AND ".join(_licence_terms(facts)) or _UNSAID
    package["externalRefs"] = [_purl(sound(component.purl))]
    if properties := list(component_properties(component)):
        package["annotations"] = [_annotation(properties, when)]
    return package


def _package(reference: str, name: str, version: str, purpose: str) -> _Package:
    package: _Package = {
        "SPDXID": reference,
        "name": sound(name) or _UNSAID,
        "primaryPackagePurpose": purpose,
        "downloadLocation": _UNSAID,
        "filesAnalyzed": False,
        "licenseConcluded": _UNSAID,
        "licenseDeclared": _UNSAID,
        "copyrightText": _UNSAID,
    }
    if version:
        package["versionInfo"] = sound(version)
    return package


def _declared(facts: PackageFacts) -> list[str]:
    return list(dict.fromkeys(filter(None, (sound(text).strip() for text in facts.licences))))


def _licence_terms(facts: PackageFacts) -> Iterator[str]:
    declared = _declared(facts)
    for text in declared:
        expression = expression_of(text)
        yield f"({expression})" if " " in expression and len(declared) > 1 else expression or reference_of(text)


def _extracted_licences(components: Iterable[Component]) -> Iterator[_ExtractedLicence]:
    texts = {text for component in components for text in _declared(component.facts) if not expression_of(text)}
    for text in sorted(texts):
        yield {"licenseId": reference_of(text), "name": text, "extractedText": text}


def _relationships(bill: Bill) -> Iterator[_Relationship]:
    yield _related(_DOCUMENT, "DESCRIBES", _IMAGE)
    if bill.distribution.id:
        yield _related(_IMAGE, "CONTAINS", _SYSTEM)
    yield from (_related(_IMAGE, "CONTAINS", _reference(component)) for component in bill.components)


def _related(one: str, kind: str, other: str) -> _Relationship:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def _reference(component: Component) -> str:
    return f"SPDXRef-Package-{component.key}"


def _purl(locator: str) -> _ExternalReference:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}


def _annotation(pairs: Iterable[Pair], when: str) -> _Annotation:
    values = [[sound(name), sound(value)] for name, value in pairs]
    return {
        "annotationType": "OTHER",
        "annotator": _TOOL,
        "annotationDate": when,
        "comment": ANNOTATION + json.dumps(values, separators=(",", ":")),
    }
