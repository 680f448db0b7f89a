"""Python's version order.

Source: the Python packaging specification "Version specifiers" (PEP 440), with the spellings of its appendix. Within a
release: development releases, then alpha, beta, candidate, then the release, then its post-releases; each of them after
its own development releases. Trailing zeros of a release mean nothing, and a local label sorts after none.
"""

from __future__ import annotations

import re

from tasks.versions.integers import ZERO, encode_digits

_VERSION = re.compile(
    r"""v?
    (?:(?P<epoch>[0-9]+)!)?
    (?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]+)?)?
    (?P<post>-(?P<bare_post>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]+)?)?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]+)?)?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_LOCAL_SEPARATOR = re.compile(r"[-_.]")

_RELEASE_END = b"\x02"

# What follows the release, at the same place: development release < alpha < beta < candidate < the release and its posts.
_ONLY_DEV = b"\x01"
_PRE = {"a": b"\x02", "alpha": b"\x02", "b": b"\x03", "beta": b"\x03"}
_CANDIDATE = b"\x04"
_FINAL = b"\x05"

_NO_POST, _POST = b"\x01", b"\x02"
_DEV, _NO_DEV = b"\x01", b"\x02"
_NO_LOCAL, _LOCAL_END, _LOCAL_TEXT, _LOCAL_NUMBER = b"\x01", b"\x02", b"\x03", b"\x04"


def key(version: str) -> bytes | None:
    """The key of a Python version, or None where it is none."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return None
    pieces = [encode_digits(found["epoch"] or ""), _release(found["release"]), _RELEASE_END]
    if found["pre"]:
        pieces.append(_PRE.get(found["pre"].lower(), _CANDIDATE) + encode_digits(found["pre_number"] or ""))
    else:
        pieces.append(_ONLY_DEV if found["dev"] and not found["post"] else _FINAL)
    if found["post"]:
        pieces.append(_POST + encode_digits(found["bare_post"] or found["post_number"] or ""))
    else:
        pieces.append(_NO_POST)
    pieces.append(_DEV + encode_digits(found["dev_number"] or "") if found["dev"] else _NO_DEV)
    pieces.append(_local(found["local"]))
    return b"".join(pieces)


def _release(text: str) -> bytes:
    numbers = [encode_digits(number) for number in text.split(".")]
    while numbers and numbers[-1] == ZERO:
        numbers.pop()
    return b"".join(numbers)


def _local(text: str | None) -> bytes:
    if not text:
        return _NO_LOCAL
    parts = (
        _LOCAL_NUMBER + encode_digits(part) if part.isdigit() else _LOCAL_TEXT + part.encode("ascii")
        for part in _LOCAL_SEPARATOR.split(text.lower())
    )
    return b"".join(parts) + _LOCAL_END
