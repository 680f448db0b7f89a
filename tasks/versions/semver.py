"""Semantic versions: npm, Rust's crates, Hex, Bitnami.

Source: Semantic Versioning 2.0.0, section 11. Build metadata means nothing; a pre-release sorts before its release, its
identifiers one by one, numbers before words.

Read a little more loosely than the specification writes it, as npm itself and OSV's own tools do, because advisories and old
packages need it: a leading `v` or `=`, leading zeros, missing minor and patch numbers (then 0), and a pre-release without
its hyphen (`3.0.0alpha`).
"""

from __future__ import annotations

import re

from tasks.versions.integers import encode_digits

_VERSION = re.compile(
    r"""[v=\s]*(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+)(?:\.(?P<patch>[0-9]+))?)?
    (?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)|(?P<bare_pre>[A-Za-z][0-9A-Za-z-]*(?:\.[0-9A-Za-z-]+)*))?
    (?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?""",
    re.VERBOSE | re.ASCII,
)

_PRE, _RELEASE = b"\x01", b"\x07"
_PRE_END, _PRE_NUMBER, _PRE_WORD = b"\x02", b"\x03", b"\x04"


def key(version: str) -> bytes | None:
    """The key of a semantic version, or None where it is none."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return None
    numbers = (encode_digits(found[part] or "") for part in ("major", "minor", "patch"))
    pre = found["pre"] or found["bare_pre"]
    return b"".join(numbers) + (_pre_release(pre) if pre else _RELEASE)


def _pre_release(text: str) -> bytes:
    identifiers = (
        _PRE_NUMBER + encode_digits(identifier) if identifier.isdigit() else _PRE_WORD + identifier.encode("ascii")
        for identifier in text.split(".")
    )
    return _PRE + b"".join(identifiers) + _PRE_END
