"""Documents as text: the same value gives the same bytes.

They are ASCII, so that what an image's author wrote reaches a terminal escaped only.
"""

from __future__ import annotations

import re
import uuid

import orjson

from catalog.identities import hash_fields

_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_PLAIN = re.compile("[^\x00-\x7e]")
_RECIPE = "sbom-document/1"


def sound(text: str) -> str:
    """The text without lone surrogates, which no encoding of Unicode can carry."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def document_text(document: object) -> str:
    """A document as JSON, indented, keys in their own order.

    Args:
        document: of dictionaries, lists and sound texts.
    """
    return _NOT_PLAIN.sub(_escaped, orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def document_uuid(document: object) -> uuid.UUID:
    """A UUID that a document's content gives it: equal documents have the same."""
    return uuid.UUID(bytes=hash_fields(_RECIPE, orjson.dumps(document)), version=5)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
