"""JSON documents as analysers take them: parsed once, and every value asked for its type before it is used."""

from __future__ import annotations

import re
from itertools import islice

import orjson

from catalog.errors import ParseError
from tasks.analyzers.interface import MOST_LICENCES, Data

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MOST_VALUES = 1_000_000
"""Values of one document, about: each takes some dozen bytes of memory where its text may take two."""

_QUALIFIER = re.compile(r"[A-Za-z0-9._+~:@/-]{1,128}")


def load_json(data: Data, what: str) -> object:
    """Parse a JSON document; None where the file is empty, as a layer leaves it that empties a lower one.

    Args:
        data: the file's bytes.
        what: the file's kind, for the error.

    Raises:
        ParseError: no JSON, nested too deeply, or of too many values.
    """
    bound(data, what)
    data = data.removeprefix(BYTE_ORDER_MARK)
    if not data.strip():
        return None
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"{what} is no JSON") from error


def bound(data: Data, what: str) -> None:
    """Refuse a document of more values than any real one has, before they are objects.

    Args:
        data: the file's bytes.
        what: the file's kind, for the error.

    Raises:
        ParseError: it has more.
    """
    # Each value begins with a bracket, or stands beside a comma; those within texts count too, and do not matter.
    if len(data) > MOST_VALUES and sum(map(data.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise ParseError(f"{what} of more than {MOST_VALUES} values")


def mapping(value: object) -> dict[str, object]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[object]:
    """The value where it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """The value where it is a string, without blanks around it, else an empty one."""
    return value.strip() if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    """The value as some non-empty strings: of an array its first strings, of a string itself."""
    return tuple(islice(filter(None, map(text, value if isinstance(value, list) else [value])), MOST_LICENCES))


def qualifiers(**values: str) -> tuple[tuple[str, str], ...]:
    """Sorted purl qualifiers; a value that is empty or no plain word is left out, because it would not survive being joined."""
    return tuple(sorted((key, value) for key, value in values.items() if _QUALIFIER.fullmatch(value)))
