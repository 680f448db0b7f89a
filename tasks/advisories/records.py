"""An advisory as OSV writes it, read into plain values.

Source: OSV schema 1.7 (JSON). Unknown fields are passed over, absent ones are empty; a field of the wrong type makes the
record unreadable as a whole, because half an advisory is a wrong advisory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import orjson

from catalog.errors import ParseError

_EVENT_KINDS = ("introduced", "fixed", "last_affected", "limit")

_LONGEST_NAME = 512
"""Characters of an id, an ecosystem or a package's name: what is longer, or no line of text, is none."""

MOST_ALIASES = 256
"""Aliases of one record; real ones have a few. Each CVE among them is a match for every package that is affected."""
MOST_SUBJECTS = 1_024
"""Ids in a record's `upstream` or `related`: an update of a distribution's kernel is about some hundred CVEs."""

_NOTHING: dict[str, object] = {}

Event = tuple[str, str]
"""Kind (`introduced`, `fixed`, `last_affected`, `limit`) and version."""

Vector = tuple[str, str]
"""A severity's type (`CVSS_V3`, `Ubuntu`, …) and its score: a CVSS vector, or the distribution's word."""


@dataclass(frozen=True, slots=True)
class AffectedRange:
    """A range of versions: its type (SEMVER, ECOSYSTEM, GIT) and its events, in the order written."""

    type: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Affected:
    """What an advisory says of one package.

    Args:
        ecosystem: with its release.
        name: of the package, as written.
        ranges: the ranges.
        versions: versions listed one by one.
        severities: vectors and words for this package alone.
        word: severity word of `database_specific` or `ecosystem_specific`, else empty.
        urgency: Debian's word, else empty.
        status: Ubuntu's word for how it stands with the fix (`needed`, `ignored:…`), else empty.
        fix_needs_subscription: the fix that the ranges name is not in the release's public archive.
    """

    ecosystem: str
    name: str
    ranges: tuple[AffectedRange, ...]
    versions: tuple[str, ...] = ()
    severities: tuple[Vector, ...] = ()
    word: str = ""
    urgency: str = ""
    status: str = ""
    fix_needs_subscription: bool = False


@dataclass(frozen=True, slots=True)
class AdvisoryRecord:
    """One advisory.

    Args:
        id: the database's id for it.
        modified: RFC 3339.
        published: RFC 3339, or empty.
        withdrawn: RFC 3339 where it was withdrawn, else empty.
        summary: one line.
        aliases: ids of the same vulnerability in other databases.
        upstream: ids of the vulnerabilities that it is about.
        related: ids of what has to do with it.
        severities: vectors and words.
        word: severity word of `database_specific`, else empty.
        urgency: Debian's word for the whole advisory, else empty.
        affected: packages.
    """

    id: str
    modified: str
    published: str
    withdrawn: str
    summary: str
    aliases: tuple[str, ...]
    upstream: tuple[str, ...]
    related: tuple[str, ...]
    severities: tuple[Vector, ...]
    word: str
    urgency: str
    affected: tuple[Affected, ...]


def parse_record(data: bytes) -> AdvisoryRecord:
    """Read one OSV record.

    Args:
        data: JSON.

    Raises:
        ParseError: it is no JSON, no OSV record, a field has the wrong type, or it names more ids than any real one.
    """
    try:
        document = _mapping(orjson.loads(data), "the record")
    except orjson.JSONDecodeError as error:
        raise ParseError(f"not JSON: {error}") from error
    specific = _specific(document, "database_specific")
    return AdvisoryRecord(
        id=_required(document, "id"),
        modified=_required(document, "modified"),
        published=_text(document, "published"),
        withdrawn=_text(document, "withdrawn"),
        summary=_text(document, "summary"),
        aliases=_ids(document, "aliases", MOST_ALIASES),
        upstream=_ids(document, "upstream", MOST_SUBJECTS),
        related=_ids(document, "related", MOST_SUBJECTS),
        severities=_severities(document),
        word=_word("severity", specific),
        urgency=_word("urgency", specific),
        affected=tuple(
            _affected(_mapping(entry, "affected"))
            for entry in _sequence(document, "affected")
            if isinstance(entry, dict) and "package" in entry  # without one it speaks of commits alone
        ),
    )


def _affected(entry: dict[str, object]) -> Affected:
    package = _mapping(entry["package"], "package")
    in_database = _specific(entry, "database_specific")
    in_ecosystem = _specific(entry, "ecosystem_specific")
    return Affected(
        ecosystem=_required(package, "ecosystem"),
        name=_required(package, "name"),
        ranges=tuple([_range(_mapping(found, "ranges")) for found in _sequence(entry, "ranges")]),
        versions=_texts(entry, "versions"),
        severities=_severities(entry),
        word=_word("severity", in_database, in_ecosystem),
        urgency=_word("urgency", in_ecosystem, in_database),
        status=_word("ubuntu_status", in_ecosystem),
    )


def _range(found: dict[str, object]) -> AffectedRange:
    events = []
    for event in _sequence(found, "events"):
        for kind, version in _mapping(event, "events").items():
            if kind not in _EVENT_KINDS or not isinstance(version, str):
                raise ParseError(f"an event of kind {kind!r:.40} with {version!r:.40}")
            events.append((kind, version))
    return AffectedRange(_required(found, "type"), tuple(events))


def _severities(entry: dict[str, object]) -> tuple[Vector, ...]:
    found = _sequence(entry, "severity")
    if not found:
        return ()
    mappings = [_mapping(severity, "severity") for severity in found]
    return tuple([(_text(severity, "type"), _text(severity, "score")) for severity in mappings])


def _word(key: str, *specifics: dict[str, object]) -> str:
    # What is specific to a database may be anything: only a text is a word.
    for specific in specifics:
        if specific and isinstance(value := specific.get(key), str) and value:
            return value
    return ""


def _mapping(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ParseError(f"{name} is no object")
    return cast("dict[str, object]", value)


def _specific(mapping: dict[str, object], key: str) -> dict[str, object]:
    value = mapping.get(key)
    return _NOTHING if value is None else _mapping(value, key)


def _sequence(mapping: dict[str, object], key: str) -> list[object]:
    value = mapping.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ParseError(f"{key} is no array")
    return value


def _texts(mapping: dict[str, object], key: str) -> tuple[str, ...]:
    values = _sequence(mapping, key)
    if not values:
        return ()
    if not all(isinstance(value, str) for value in values):
        raise ParseError(f"{key} holds something that is no text")
    return tuple(cast("list[str]", values))


def _ids(mapping: dict[str, object], key: str, most: int) -> tuple[str, ...]:
    values = _texts(mapping, key)
    if len(values) > most:
        raise ParseError(f"{key} holds {len(values)} ids, at most {most} are read")
    return tuple([_name(value, key) for value in values])


def _name(value: str, key: str) -> str:
    if len(value) > _LONGEST_NAME or not value.isprintable():
        raise ParseError(f"{key} is no name")
    return value


def _text(mapping: dict[str, object], key: str) -> str:
    value = mapping.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ParseError(f"{key} is no text")
    return value


def _required(mapping: dict[str, object], key: str) -> str:
    value = _text(mapping, key)
    if not value:
        raise ParseError(f"there is no {key}")
    return _name(value, key)
