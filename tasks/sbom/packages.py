"""A package as one line of JSON: how a document's packages lie in its synthetic layer."""

from __future__ import annotations

import re

import orjson

from catalog.errors import ParseError
from catalog.packages import PackageFacts, Role
from catalog.purls import LARGEST_EPOCH

_TYPE = re.compile(r"[a-z][a-z0-9.+-]{0,63}")
_TEXTS = ("type", "name", "version", "namespace", "architecture", "source_name", "source_version", "module")
_LONGEST_TEXTS = 16_384
_LONGEST_QUALIFIERS = 4_096
_QUALIFIER = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_UNFIT = re.compile("[\0\ud800-\udfff]")


def is_storable(facts: PackageFacts) -> bool:
    """Whether a package can be kept: a type and qualifiers as purls have them, a name, a version, no NUL, no surrogate, no excess."""
    if not _TYPE.fullmatch(facts.type) or not facts.name or not facts.version:
        return False
    if facts.epoch is not None and not 0 <= facts.epoch <= LARGEST_EPOCH:
        return False
    if not all(_QUALIFIER.fullmatch(key) for key, _ in facts.qualifiers):
        return False
    qualifiers = facts.qualifier_text
    texts = "".join((*(getattr(facts, name) for name in _TEXTS), *facts.licences))
    if len(texts) > _LONGEST_TEXTS or len(qualifiers) > _LONGEST_QUALIFIERS:
        return False
    return not _UNFIT.search(texts) and not _UNFIT.search(qualifiers)


def package_line(facts: PackageFacts) -> bytes:
    """The line of a storable package; the same package has the same."""
    fields: dict[str, object] = {name: value for name in _TEXTS if (value := getattr(facts, name))}
    if facts.epoch is not None:
        fields["epoch"] = facts.epoch
    if facts.qualifiers:
        fields["qualifiers"] = sorted(facts.qualifiers)
    if facts.licences:
        fields["licences"] = facts.licences
    if facts.role is not Role.INSTALLED:
        fields["role"] = facts.role.value
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


def read_line(line: bytes) -> PackageFacts:
    """The package of a line.

    Raises:
        ParseError: it is no such line.
    """
    try:
        fields = orjson.loads(line)
        facts = PackageFacts(
            **{name: _text(fields.get(name, "")) for name in _TEXTS},
            epoch=_epoch(fields.get("epoch")),
            qualifiers=tuple((_text(key), _text(value)) for key, value in fields.get("qualifiers", ())),
            licences=tuple(map(_text, fields.get("licences", ()))),
            role=Role(fields.get("role", Role.INSTALLED)),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ParseError("no line of a package") from error
    if not is_storable(facts):
        raise ParseError("no line of a package")
    return facts


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _epoch(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    raise TypeError
