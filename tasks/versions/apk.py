"""Alpine's version order, `number{.number}[letter]{_suffix[number]}[~hash][-r number]`.

Source: apk-package(5) and the behaviour of apk-tools 3. The first number compares as a number; of the later ones two
compare as text as soon as one of them starts with 0 (`1.05 < 1.5`). A version that goes on is the greater one, except with a
suffix that means "before": alpha, beta, pre, rc. After it come the release itself, its revision (`-r1`), then the suffixes
cvs, svn, git, hg, p, then a letter, then a further number.

Digits after the letter (`1.9.5p2`) are apk-tools 2's; packages of older Alpine releases have them.
"""

from __future__ import annotations

import re

from tasks.versions.integers import encode_digits

_SUFFIX = r"_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*"
_VERSION = re.compile(
    rf"""(?P<first>[0-9]+) (?P<numbers>(?:\.[0-9]+)*) (?:(?P<letter>[a-z])(?P<after>[0-9]*))?
         (?P<suffixes>(?:{_SUFFIX})*) (?:~(?P<hash>[0-9a-f]+))? (?:-r(?P<revision>[0-9]+))?""",
    re.VERBOSE | re.ASCII,
)
_ONE_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")

# One tag byte before each token, in the order in which different tokens at the same place compare.
_SUFFIX_TAGS = {
    "alpha": b"\x01",
    "beta": b"\x02",
    "pre": b"\x03",
    "rc": b"\x04",
    "cvs": b"\x0a",
    "svn": b"\x0b",
    "git": b"\x0c",
    "hg": b"\x0d",
    "p": b"\x0e",
}
_END = b"\x06"
_REVISION = b"\x07"
_HASH = b"\x08"
_SUFFIX_NUMBER = b"\x09"
_LETTER = b"\x0f"
_TEXT_NUMBER = b"\x10"
_NUMBER = b"\x11"


def key(version: str) -> bytes | None:
    """The key of an Alpine package version, or None where it is none."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return None
    pieces = [encode_digits(found["first"])]
    pieces.extend(_later_number(number) for number in found["numbers"].split(".")[1:])
    if found["letter"]:
        pieces.append(_LETTER + found["letter"].encode("ascii"))
        if found["after"]:
            pieces.append(_NUMBER + encode_digits(found["after"]))
    for word, number in _ONE_SUFFIX.findall(found["suffixes"]):
        pieces.append(_SUFFIX_TAGS[word])
        if number:
            pieces.append(_SUFFIX_NUMBER + encode_digits(number))
    if found["hash"]:
        pieces.append(_HASH + found["hash"].encode("ascii"))
    if found["revision"]:
        pieces.append(_REVISION + encode_digits(found["revision"]))
    pieces.append(_END)
    return b"".join(pieces)


def _later_number(digits: str) -> bytes:
    if digits.startswith("0"):
        return _TEXT_NUMBER + digits.encode("ascii")
    return _NUMBER + encode_digits(digits)
