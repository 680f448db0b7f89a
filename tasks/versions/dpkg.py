"""Debian's version order, `[epoch:]upstream[-revision]`.

Sources: Debian Policy 5.6.12 and deb-version(7). Each part is read as pairs of a non-digit and a digit run. In the
non-digit run a tilde sorts before everything, even the end of the part; then come letters, then all other characters.
Digit runs compare as numbers, and a missing one is 0; so is a missing epoch, and a missing revision equals `0`.

dpkg warns about a version that does not start with a digit, and compares it nevertheless: so do we.
"""

from __future__ import annotations

import re

from tasks.versions.integers import encode_digits

_UPSTREAM = re.compile(r"[A-Za-z0-9.+~:_-]+", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9.+~_]+", re.ASCII)
_PAIR = re.compile(r"([^0-9]*)([0-9]*)")
_LARGEST_EPOCH = 2**31 - 1

_PART_END = b"\x02"


def _character_order() -> bytes:
    table = bytearray(range(256))
    for code in range(256):
        if not bytes((code,)).isalnum():
            table[code] = 0x80 | code
    table[ord("~")] = 0x01
    return bytes(table)


_ORDER = _character_order()
"""A tilde below the end of the part (0x02) and every number (0x08..0x3f); letters as themselves; the others above them."""


def key(version: str) -> bytes | None:
    """The key of a Debian package version, or None where it is none."""
    before_colon, colon, rest = version.strip().partition(":")
    epoch = before_colon if colon else "0"
    if not (epoch.isascii() and epoch.isdigit()) or int(epoch) > _LARGEST_EPOCH:
        return None
    upstream, hyphen, revision = (rest if colon else before_colon).rpartition("-")
    if not hyphen:
        upstream, revision = revision, "0"
    if not _UPSTREAM.fullmatch(upstream) or not _REVISION.fullmatch(revision):
        return None
    return encode_digits(epoch) + _part(upstream) + _part(revision)


def _part(text: str) -> bytes:
    pieces = []
    for other, digits in _PAIR.findall(text):
        if other:
            pieces.append(other.encode("ascii").translate(_ORDER))
            pieces.append(encode_digits(digits))
        elif digits:
            pieces.append(encode_digits(digits))
    pieces.append(_PART_END)
    return b"".join(pieces)
