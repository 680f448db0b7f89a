r"""`pom.properties`, by which Maven tells in each archive what it holds.

Format: java.util.Properties.load of the Java SE API: `key=value`, `key:value` or `key value`, `#` and `!` begin comments, a
backslash at a line's end continues it, `\uXXXX` and other escapes. Maven's archiver writes groupId, artifactId and version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"^[ \t\f]*(groupId|artifactId|version)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+)(.*)$", re.MULTILINE)
_CONTINUATION = re.compile(r"(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Coordinates:
    """What Maven calls an artifact; each part empty where it is not known.

    Args:
        group: groupId.
        artifact: artifactId.
        version: as written.
    """

    group: str
    artifact: str
    version: str


def read_coordinates(data: bytes) -> Coordinates:
    """The coordinates in a `pom.properties`; what is a placeholder that nobody filled in counts as missing."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\\" in text:
        text = _CONTINUATION.sub(r"\1", text)
    values = {key: _plain(value) for key, value in _LINE.findall(text.replace("\r", "\n"))}
    return Coordinates(values.get("groupId", ""), values.get("artifactId", ""), values.get("version", ""))


def _plain(value: str) -> str:
    if "\\" in value:
        value = _ESCAPE.sub(_unescaped, value)
    value = value.strip()
    return "" if "${" in value or value.startswith("@") else value


def _unescaped(match: re.Match[str]) -> str:
    code, letter = match[1], match[2]
    return chr(int(code, 16)) if code else _CONTROL.get(letter, letter)
