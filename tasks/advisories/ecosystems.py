"""Ecosystems as OSV names them: which version scheme each has, and how each writes its packages' names.

Source: OSV schema, "Defined ecosystems". An ecosystem that is not listed here is kept in the snapshot and never matched.
"""

from __future__ import annotations

import re

from catalog.advisories import feed_of

RUST_FEED = "crates" + ".io"
"""OSV's name for Rust's packages."""

_DIRECTORIES = {"crates": RUST_FEED}
"""Directories of exports that are not called like their ecosystem."""

_SCHEMES = {
    "apk": ("Alpaquita", "Alpine", "BellSoft Hardened Containers", "Chainguard", "MinimOS", "Wolfi"),
    "composer": ("Packagist",),
    "dpkg": ("Debian", "Echo", "Ubuntu"),
    "gem": ("RubyGems",),
    "go": ("Go",),
    "maven": ("Maven",),
    "nuget": ("NuGet",),
    "pep440": ("PyPI",),
    "rpm": (
        "AlmaLinux",
        "Azure Linux",
        "Mageia",
        "Photon OS",
        "Red Hat",
        "Rocky Linux",
        "SUSE",
        "openEuler",
        "openSUSE",
    ),
    "semver": ("Bitnami", "GitHub Actions", "Hex", "Pub", "SwiftURL", "npm", RUST_FEED),
}
_SCHEME_OF_FEED = {feed: scheme for scheme, feeds in _SCHEMES.items() for feed in feeds}

_CASELESS = frozenset({"NuGet", "Packagist"})
_NAME_SEPARATORS = re.compile(r"[-_.]+")


def scheme_of(ecosystem: str) -> str:
    """The version scheme of an ecosystem string; empty where the ecosystem is not known."""
    return _SCHEME_OF_FEED.get(feed_of(ecosystem), "")


def package_name(ecosystem: str, name: str) -> str:
    """A package's name as its ecosystem compares names.

    Python as its specification "Names and normalization" says; NuGet and Packagist do not tell upper from lower case.
    """
    if ecosystem == "PyPI":
        return _NAME_SEPARATORS.sub("-", name).lower()
    return name.lower() if ecosystem in _CASELESS else name


def feed_of_directory(directory: str) -> str:
    """The feed that a directory of an export in OSV's layout (`<Ecosystem>/all.zip`) is named after."""
    return feed_of(_DIRECTORIES.get(directory, directory))
