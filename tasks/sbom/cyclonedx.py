"""An image's bill of materials as CycloneDX 1.6 in JSON (ECMA-424).

The image is the document's subject, a container; the operating system and the packages are its components. Which layer brought
a package stands in its properties, where it lies in its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Required, TypedDict

from catalog.packages import PackageFacts
from catalog.version import __version__
from tasks.sbom.bill import Bill, Component
from tasks.sbom.licences import expression_of
from tasks.sbom.naming import image_name, image_purl, image_version
from tasks.sbom.properties import DISTRIBUTION_NAME, Pair, component_properties, image_properties
from tasks.sbom.text import document_text, document_uuid, sound

_IMAGE = "image"
_SYSTEM = "operating-system"


class _Property(TypedDict):
    name: str
    value: str


class _Hash(TypedDict):
    alg: str
    content: str


class _Licence(TypedDict, total=False):
    license: dict[str, str]
    expression: str


class _Occurrence(TypedDict):
    location: str
    additionalContext: str


class _Evidence(TypedDict):
    occurrences: list[_Occurrence]


_Node = TypedDict(
    "_Node",
    {
        "type": Required[str],
        "bom-ref": Required[str],
        "group": str,
        "name": Required[str],
        "version": str,
        "hashes": list[_Hash],
        "licenses": list[_Licence],
        "purl": str,
        "properties": list[_Property],
        "evidence": _Evidence,
    },
    total=False,
)


class _Dependency(TypedDict):
    ref: str
    dependsOn: list[str]


class _Composition(TypedDict):
    aggregate: str
    assemblies: list[str]


class _Metadata(TypedDict):
    timestamp: str
    tools: dict[str, list[dict[str, str]]]
    component: _Node


class _Document(TypedDict, total=False):
    bomFormat: Required[str]
    specVersion: Required[str]
    serialNumber: str
    version: int
    metadata: _Metadata
    components: list[_Node]
    dependencies: list[_Dependency]
    compositions: list[_Composition]


def cyclonedx_text(bill: Bill) -> str:
    """The document, JSON in ASCII; the same bill gives the same bytes.

    Args:
        bill: what it says.
    """
    system = [_system_node(bill)] if bill.distribution.id else []
    tool = {"type": "application", "name": "longshore", "version": __version__}
    document: _Document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "",
        "version": 1,
        "metadata": {
            "timestamp": bill.analysed_at,
            "tools": {"components": [tool]},
            "component": _image_node(bill),
        },
        "components": [*system, *map(_component_node, bill.components)],
        "dependencies": list(_dependencies(bill)),
    }
    if bill.is_partial:
        # What is in the image and not in here: no reader may take the list for the whole.
        document["compositions"] = [{"aggregate": "incomplete", "assemblies": [_IMAGE]}]
    document["serialNumber"] = document_uuid(document).urn
    return document_text(document)


def _image_node(bill: Bill) -> _Node:
    node: _Node = {"type": "container", "bom-ref": _IMAGE, "name": sound(image_name(bill)) or _IMAGE}
    if version := image_version(bill):
        node["version"] = sound(version)
    algorithm, _, content = bill.digest.partition(":")
    if algorithm == "sha256":
        node["hashes"] = [{"alg": "SHA-256", "content": content}]
    if purl := image_purl(bill):
        node["purl"] = purl
    node["properties"] = _properties(image_properties(bill))
    return node


def _system_node(bill: Bill) -> _Node:
    distribution = bill.distribution
    node: _Node = {"type": "operating-system", "bom-ref": _SYSTEM, "name": sound(distribution.id)}
    if distribution.version:
        node["version"] = sound(distribution.version)
    if distribution.name:
        node["properties"] = _properties([(DISTRIBUTION_NAME, distribution.name)])
    return node


def _component_node(component: Component) -> _Node:
    facts = component.facts
    node: _Node = {
        "type": "application" if component.is_application else "library",
        "bom-ref": _reference(component),
        "name": sound(facts.name),
        "version": sound(facts.version),
    }
    if facts.namespace:
        node["group"] = sound(facts.namespace)
    if licences := list(_licences(facts)):
        node["licenses"] = licences
    node["purl"] = sound(component.purl)
    if properties := _properties(component_properties(component)):
        node["properties"] = properties
    if component.places:
        node["evidence"] = {
            "occurrences": [
                {
                    "location": sound(place.path),
                    "additionalContext": f"brought by layer {place.introduced}, read in layer {place.evidence}",
                }
                for place in component.places
            ]
        }
    return node


def _licences(facts: PackageFacts) -> Iterator[_Licence]:
    # The format has room for one expression alone, or for any number of names.
    declared = list(dict.fromkeys(filter(None, (sound(text).strip() for text in facts.licences))))
    if len(declared) == 1 and (expression := expression_of(declared[0])):
        yield {"expression": expression}
    else:
        for text in declared:
            yield {"license": {"name": expression_of(text) or text}}


def _dependencies(bill: Bill) -> Iterator[_Dependency]:
    system = [_reference(component) for component in bill.components if component.of_the_system]
    others = [_reference(component) for component in bill.components if not component.of_the_system]
    if bill.distribution.id:
        yield {"ref": _IMAGE, "dependsOn": [_SYSTEM, *others]}
        yield {"ref": _SYSTEM, "dependsOn": system}
    else:
        yield {"ref": _IMAGE, "dependsOn": [*system, *others]}


def _reference(component: Component) -> str:
    return f"package:{component.key}"


def _properties(pairs: Iterable[Pair]) -> list[_Property]:
    return [{"name": sound(name), "value": sound(value)} for name, value in pairs]
