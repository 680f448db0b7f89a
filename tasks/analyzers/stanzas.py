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
_BLANK_LINE = re.compile(rb"^[ \t]++$", re.MULTILINE)
_BREAKS = re.compile(rb"\n*+")


def stanzas(data: Data) -> Iterator[bytes]:
    """The stanzas, each with a line break before it, so that every field can be found by the break before its name.

    Args:
        data: the file; blank lines may hold blanks, and lines may end as Windows ends them.
    """
    data = data.replace(b"\r\n", b"\n")
    if b"\r" in data or _BLANK_LINE.search(data):
        data = _BLANKS_AT_END.sub(b"", data)
    start = behind_breaks(data, 0)
    while start < len(data):
        end = data.find(b"\n\n", start)
        end = end if end >= 0 else len(data)
        stanza = b"\n" + data[start:end]
        start = behind_breaks(data, end)
        if not stanza.isspace():
            yield stanza


def behind_breaks(data: Data, at: int) -> int:
    """Where a run of line breaks that begins here ends: however many there are, they cost one step.

    Args:
        data: the file.
        at: the run's beginning; where there is none, it ends here.
    """
    found = _BREAKS.match(data, at)
    return found.end() if found else at


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
