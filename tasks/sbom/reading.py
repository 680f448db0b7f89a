"""A document as bytes to the packages it lists: CycloneDX 1.2 to 1.6 and SPDX 2.2 and 2.3, in JSON.

The file is somebody else's: its size, its values and its depth are bounded, a key that stands twice in one object is refused
because two readers would read two documents, and every value is asked for its type.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import NoReturn

from catalog.distributions import plain_text
from catalog.errors import LimitExceeded, NotFound, ParseError, SourceError
from tasks.analyzers.documents import mapping, text
from tasks.sbom.cyclonedx_reading import read_cyclonedx
from tasks.sbom.inventory import Contents, Inventory, take_stock
from tasks.sbom.spdx_reading import read_spdx

LARGEST_DOCUMENT = 256 << 20
"""Bytes of a document at most."""
MOST_VALUES = 8_000_000
"""Values of a document, about: each takes some dozen bytes of memory where its text may take two."""

_CYCLONEDX_VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6")
_SPDX_VERSIONS = ("SPDX-2.2", "SPDX-2.3")
_READ = "CycloneDX 1.2 to 1.6 and SPDX 2.2 and 2.3 are read, as JSON"


def read_inventory(path: Path) -> Inventory:
    """Read a file.

    Args:
        path: of the document.

    Raises:
        NotFound: there is no such file.
        SourceError: it cannot be read.
        LimitExceeded: it is larger than any document.
        ParseError: it is no document of these formats.
    """
    return take_stock(parse_document(_read(path)))


def parse_document(data: bytes) -> Contents:
    """What a document's bytes list.

    Raises:
        LimitExceeded: more values than any document has.
        ParseError: no document of these formats.
    """
    if len(data) > MOST_VALUES and sum(map(data.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise LimitExceeded(f"has more than {MOST_VALUES:,} values")
    if data.lstrip()[:1] == b"<":
        raise ParseError(f"is XML; {_READ}")
    try:
        document = json.loads(data, object_pairs_hook=_unambiguous, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ParseError("is nested too deeply") from error
    except ValueError as error:
        raise ParseError("is no JSON") from error
    fields = mapping(document)
    if fields.get("bomFormat") == "CycloneDX":
        if fields.get("specVersion") not in _CYCLONEDX_VERSIONS:
            raise ParseError(f"is CycloneDX {_shown(fields.get('specVersion'))}; {_READ}")
        return read_cyclonedx(fields)
    if "spdxVersion" in fields:
        if fields["spdxVersion"] not in _SPDX_VERSIONS:
            raise ParseError(f"is {_shown(fields['spdxVersion'])}; {_READ}")
        return read_spdx(fields)
    raise ParseError(f"is no bill of materials; {_READ}")


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound("there is no such file", where=str(path)) from error
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from error
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise SourceError("is no file", where=str(path))
    try:
        with os.fdopen(handle, "rb") as file:
            data = file.read(LARGEST_DOCUMENT + 1) if facts.st_size <= LARGEST_DOCUMENT else b""
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if facts.st_size > LARGEST_DOCUMENT or len(data) > LARGEST_DOCUMENT:
        raise LimitExceeded(f"has {facts.st_size:,} bytes, and {LARGEST_DOCUMENT:,} are read at most", where=str(path))
    return data


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("has a key twice in one object")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)


def _shown(value: object) -> str:
    return plain_text(text(value))[:40] or "of no version"
