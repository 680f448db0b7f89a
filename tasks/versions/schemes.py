"""The version schemes by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from tasks.versions import apk, dpkg, pep440, semver
from tasks.versions.interface import LONGEST_VERSION, KeyFunction

SCHEMES: Mapping[str, KeyFunction] = {
    "apk": apk.key,
    "dpkg": dpkg.key,
    "pep440": pep440.key,
    "semver": semver.key,
}
"""Every scheme whose versions can be compared."""


@lru_cache(maxsize=1 << 16)
def version_key(scheme: str, version: str) -> bytes | None:
    """The byte string that stands for a version in its scheme's order.

    Args:
        scheme: a name in `SCHEMES`.
        version: the version as the package or the advisory writes it.

    Returns:
        The key; None where the scheme cannot parse the version, or where there is no such scheme.
    """
    key = SCHEMES.get(scheme)
    if key is None or len(version) > LONGEST_VERSION:
        return None
    return key(version)
