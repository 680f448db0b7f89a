"""Names of the Distribution specification: hosts, repositories, tags. What does not match never becomes part of a path or URL."""

from __future__ import annotations

import re

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(
    r"(?:(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])(?:\.(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]))*|\[[0-9A-Fa-f:.]+\])"
    r"(?::[0-9]{1,5})?"
)
_LONGEST_REPOSITORY = 255
_LONGEST_HOST = 260


def is_repository(text: str) -> bool:
    """Whether it is a repository name (distribution-spec, "Pulling manifests")."""
    return len(text) <= _LONGEST_REPOSITORY and _REPOSITORY.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether it is a tag."""
    return _TAG.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """Whether it is a host with an optional port."""
    return len(text) <= _LONGEST_HOST and _HOST.fullmatch(text) is not None


def shown(text: str) -> str:
    """A server's text made fit for one line: control characters and what is not ASCII escaped, cut at 200 characters."""
    return text.encode("unicode_escape").decode("ascii")[:200]
