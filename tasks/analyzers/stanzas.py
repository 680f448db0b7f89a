"""Stanzas of `Name: value` lines, as dpkg and opkg write them.

Format: deb-control(5). Both write the names of fields in one case, whatever they read, so fields are found by their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.analyzers.interface import Data

PACKAGE, STATUS, VERSION, ARCHITECTURE, SOURCE, LICENCE = (
    b"\nPackage:",
    b"\nStatus:",
    b"\nVersion:",
    b"\nArchitecture:",
    b"\nSource:",
    b"\nLicense:",
)
"""Keys of fields, each with the line break before it."""

# A run of blanks is looked at once, from its beginning: whoever writes a megabyte of them must not cost a trillion steps.
_BLANKS_AT_END = re.compile(rb"(?<![ \t\r])[ \t\r]++(?=\n)")


def stanzas(data: Data) -> Iterator[bytes]:
    """The stanzas, each with a line break before it, so that every field can be found by the break before its name.

    Args:
        data: the file; blank lines may hold blanks, and lines may end as Windows ends them.
    """
    if b"\r" in data or b"\n \n" in data or b"\n\t\n" in data:
        data = _BLANKS_AT_END.sub(b"", data)
    start = 0
    while start < len(data):
        end = data.find(b"\n\n", start)
        stanza = b"\n" + data[start : end if end >= 0 else len(data)]
        start += len(stanza) + 1
        if not stanza.isspace():
            yield stanza


def field(stanza: bytes, key: bytes) -> str:
    """The first line of a field's value; empty where the stanza has no such field.

    Args:
        stanza: one of `stanzas`.
        key: the field's name between a line break and a colon.
    """
    at = stanza.find(key)
    if at < 0:
        return ""
    at += len(key)
    end = stanza.find(b"\n", at)
    return stanza[at : end if end >= 0 else len(stanza)].strip().decode("utf-8", "replace")
