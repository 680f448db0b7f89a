"""CycloneDX 1.2 to 1.6 in JSON: its components, however deep they lie within each other, and the operating system among them."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.distributions import Distribution, plain_text
from catalog.purls import distribution_id
from tasks.analyzers.documents import mapping, sequence, text
from tasks.sbom.inventory import Contents, Entry
from tasks.sbom.properties import DISTRIBUTION_NAME, MISSING

_NO_PACKAGES = frozenset({"container", "file", "data", "device", "machine-learning-model", "cryptographic-asset"})
_IMAGE_PURLS = ("pkg:oci/", "pkg:docker/")
_GROUP = "aquasecurity:trivy:Class"
# With Trivy, an application of this mark is a list that holds packages, and none itself.
_INCOMPLETE = "incomplete"


def read_cyclonedx(document: dict[str, object]) -> Contents:
    """The components of a document.

    Args:
        document: its top.
    """
    contents = Contents()
    subject = mapping(mapping(document.get("metadata")).get("component"))
    pending = [document, subject]
    while pending:
        outer = pending.pop()
        listed = outer.get("components", [])
        if not isinstance(listed, list):
            contents.remarks.append(("wrong-type", "components that are no list"))
            continue
        for item in listed:
            if not isinstance(item, dict):
                contents.remarks.append(("wrong-type", "a component that is no object"))
                continue
            pending.append(item)
            _take(item, contents)
    told = _properties(subject)
    contents.remarks += [("incomplete", f"not in the document: {plain_text(line)}") for line in told.get(MISSING, ())]
    if not told.get(MISSING) and any(
        text(mapping(one).get("aggregate")).startswith(_INCOMPLETE) for one in sequence(document.get("compositions"))
    ):
        contents.remarks.append(("incomplete", "the document says that it is incomplete"))
    return contents


def _take(item: dict[str, object], contents: Contents) -> None:
    kind, purl, told = text(item.get("type")), text(item.get("purl")), _properties(item)
    name, version = text(item.get("name")), text(item.get("version"))
    if kind == "operating-system":
        contents.platforms.append(_platform(name, version, told))
    elif purl.startswith(_IMAGE_PURLS) or (not purl and (kind in _NO_PACKAGES or _GROUP in told)):
        return
    else:
        group = text(item.get("group"))
        whole = f"{group}/{name}" if group else name
        contents.entries.append(Entry(whole, version, purl, tuple(_licences(item)), told))


def _platform(name: str, version: str, told: dict[str, tuple[str, ...]]) -> Distribution:
    identifier = _value(told, "syft:distro:id") or name
    version = _value(told, "syft:distro:versionID") or version
    people = _value(told, DISTRIBUTION_NAME) or _value(told, "syft:distro:prettyName")
    return Distribution(distribution_id(identifier), version, people)


def _value(told: dict[str, tuple[str, ...]], name: str) -> str:
    return next(iter(told.get(name, ())), "")


def _properties(item: dict[str, object]) -> dict[str, tuple[str, ...]]:
    told: dict[str, list[str]] = {}
    for pair in map(mapping, sequence(item.get("properties"))):
        name, value = pair.get("name"), pair.get("value")
        if isinstance(name, str) and isinstance(value, str):
            told.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in told.items()}


def _licences(item: dict[str, object]) -> Iterator[str]:
    for choice in map(mapping, sequence(item.get("licenses"))):
        licence = mapping(choice.get("license"))
        found = text(choice.get("expression")) or text(licence.get("id")) or text(licence.get("name"))
        if found:
            yield found
