"""What neither format has a field for, as names and values: where a package lies, and what its purl cannot tell of it.

A purl loses things: the source package that has the package's own name, the capital letters of a Go module. What is lost is
written beside it, field by field, so that a document of ours read again gives the very same package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from catalog.errors import ParseError
from catalog.packages import PackageFacts, Role
from catalog.purls import LARGEST_EPOCH, parse_purl
from tasks.sbom.bill import Bill, Component
from tasks.sbom.licences import expression_of

Pair = tuple[str, str]
"""A property's name and value."""

PREFIX = "longshore:"
PACKAGE_FIELD = f"{PREFIX}package:"
"""Before a field of `PackageFacts` that the purl does not give."""
LAYER = f"{PREFIX}layer"
EVIDENCE_LAYER = f"{PREFIX}evidence_layer"
PATH = f"{PREFIX}path"
LICENCE = f"{PREFIX}licence"
OWNED_BY = f"{PREFIX}owned_by"
OUTCOME = f"{PREFIX}outcome"
MISSING = f"{PREFIX}missing"
DISTRIBUTION_NAME = f"{PREFIX}distribution_name"

_TEXTS = ("type", "namespace", "name", "version", "architecture", "source_name", "source_version", "module")
_FIELDS = (*_TEXTS, "epoch", "qualifiers", "role")


def component_properties(component: Component) -> Iterator[Pair]:
    """A package's layers, paths and owner, and what its purl does not tell."""
    yield from ((LAYER, layer) for layer in dict.fromkeys(place.introduced for place in component.places))
    yield from ((EVIDENCE_LAYER, layer) for layer in dict.fromkeys(place.evidence for place in component.places))
    yield from ((PATH, path) for path in dict.fromkeys(place.path for place in component.places))
    if component.owner:
        yield OWNED_BY, component.owner
    licences = component.facts.licences
    if licences and (len(licences) > 1 or not licences[0] or expression_of(licences[0]) != licences[0]):
        yield from ((LICENCE, text) for text in licences)
    yield from _untold(component.facts, component.purl)


def image_properties(bill: Bill) -> Iterator[Pair]:
    """What is known of the image as such, its layers and configuration."""
    return (pair for pair in _image_pairs(bill) if pair[1])


def _image_pairs(bill: Bill) -> Iterator[Pair]:
    configuration = bill.configuration
    yield f"{PREFIX}image:digest", bill.digest
    yield f"{PREFIX}image:reference", bill.reference
    yield f"{PREFIX}image:platform", str(bill.image_platform)
    yield f"{PREFIX}image:created", bill.created
    yield f"{PREFIX}image:user", configuration.user
    yield f"{PREFIX}image:entrypoint", _joined(configuration.entrypoint)
    yield f"{PREFIX}image:command", _joined(configuration.command)
    yield f"{PREFIX}image:health_check", _joined(configuration.health_check)
    yield from ((f"{PREFIX}image:environment_name", name) for name in configuration.environment_names)
    yield from ((f"{PREFIX}image:port", port) for port in configuration.ports)
    yield from ((f"{PREFIX}image:label:{key}", value) for key, value in sorted(configuration.labels))
    for number, layer in enumerate(bill.layers):
        yield f"{PREFIX}image:layer:{number}", layer
        if number < len(configuration.history):
            yield f"{PREFIX}image:instruction:{number}", configuration.history[number]
    yield OUTCOME, bill.outcome
    yield from ((MISSING, line) for line in bill.missing)


def restored(purl: str, version: str, told: Mapping[str, tuple[str, ...]]) -> PackageFacts:
    """The package that a purl and the properties beside it name.

    Args:
        purl: as the document has it.
        version: the component's, for a purl without one.
        told: values by property name; other names than `PACKAGE_FIELD`'s do not matter.

    Raises:
        ParseError: they name none.
    """
    fields = {name: values[0] for name in _FIELDS if (values := told.get(PACKAGE_FIELD + name))}
    try:
        base = parse_purl(purl, version).package
    except ParseError:
        if not {"type", "name", "version"} <= fields.keys():
            raise
        base = PackageFacts("", "", "")
    for name in _TEXTS:
        if name in fields:
            base = replace(base, **{name: fields[name]})  # type: ignore[arg-type]
    if "epoch" in fields:
        base = replace(base, epoch=_epoch(fields["epoch"]))
    if "qualifiers" in fields:
        base = replace(base, qualifiers=_qualifiers(fields["qualifiers"]))
    if fields.get("role") == Role.APPLICATION.value:
        base = replace(base, role=Role.APPLICATION)
    return base


def _untold(facts: PackageFacts, purl: str) -> Iterator[Pair]:
    try:
        told = _texts_of(parse_purl(purl).package)
    except ParseError:
        told = {"role": Role.INSTALLED.value}
    for name, value in _texts_of(facts).items():
        if told.get(name) != value:
            yield PACKAGE_FIELD + name, value


def _texts_of(facts: PackageFacts) -> dict[str, str]:
    texts: dict[str, str] = {name: getattr(facts, name) for name in _TEXTS}
    texts["epoch"] = "" if facts.epoch is None else str(facts.epoch)
    texts["qualifiers"] = _joined(sorted(facts.qualifiers))
    texts["role"] = facts.role.value
    return texts


def _epoch(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 10) or int(text) > LARGEST_EPOCH:
        raise ParseError("an epoch that is no number")
    return int(text)


def _qualifiers(text: str) -> tuple[Pair, ...]:
    if not text:
        return ()
    try:
        pairs = json.loads(text)
        return tuple((str(key), str(value)) for key, value in pairs)
    except (ValueError, TypeError, RecursionError) as error:
        raise ParseError("qualifiers that are no pairs") from error


def _joined(words: Sequence[str] | Sequence[Pair]) -> str:
    return json.dumps(words, separators=(",", ":")) if words else ""
