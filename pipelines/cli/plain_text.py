"""Text from images, registries and advisories made safe to show.

A package's name may hold anything: escape sequences that move the cursor or set the window's title, line breaks that forge
a line of a table, marks that reverse the reading order. All of it is shown escaped, never obeyed. JSON needs none of this:
it is written in ASCII, with everything else escaped by its own rules.
"""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that show nothing or act on what is around: controls, formats, surrogates, unassigned, separators."""


def plain(text: str) -> str:
    r"""The text on one line, with whatever a terminal could obey as `\x1b`, `\u202e`, `\U000e0001`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character]
    if unicodedata.category(character) not in _UNSEEN:
        return " " if unicodedata.category(character) == "Zs" else character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
