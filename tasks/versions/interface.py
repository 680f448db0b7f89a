"""What every version scheme keeps to.

A scheme is one function from a version's text to its key:

- `key(a) < key(b)` as byte strings exactly where the scheme orders a before b, and equal where it calls them equal;
- None for what the scheme cannot parse: such a version is not comparable, and nobody guesses;
- no key starts with a byte above 0x3f, so that `PLUS_INFINITY` lies above all of them, and none is empty.
"""

from __future__ import annotations

from collections.abc import Callable

KeyFunction = Callable[[str], bytes | None]
"""A scheme: the key of a version, or None where it cannot be parsed."""

MINUS_INFINITY = b""
"""Lower bound of an interval that starts before every version (OSV's `introduced: "0"`)."""

PLUS_INFINITY = b"\xff\xff"
"""Upper bound of an interval that never ends."""

LONGEST_VERSION = 1024
"""Characters: what is longer is no version, and is not parsed."""


def just_after(key: bytes) -> bytes:
    """The least byte string above a key: the open end of an interval that includes the key's own version."""
    return key + b"\x00"
