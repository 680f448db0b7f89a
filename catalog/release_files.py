"""Distributions that say what they are elsewhere than in os-release: those older than it, and those that never had it.

Each wrote a file of its own below `etc`. The files of kin lie side by side (Oracle's says Oracle, while its `redhat-release` says
Red Hat; Ubuntu's `debian_version` says Debian), so the order in which they are asked decides: the most particular comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from catalog.distributions import NO_DISTRIBUTION, Distribution, plain_text, read_assignments

_RED_HAT_FILES = tuple(
    f"{name}-release"
    for name in (
        *("oracle", "centos", "rocky", "almalinux", "fedora", "mageia", "mandriva", "openEuler", "photon", "system"),
        "redhat",
    )
)

RELEASE_FILES = (
    "etc/lsb-release",
    "etc/openwrt_release",
    *(f"etc/{name}" for name in _RED_HAT_FILES),
    "etc/SuSE-release",
    "etc/alpine-release",
    "etc/arch-release",
    "etc/gentoo-release",
    "etc/slackware-version",
    "etc/debian_version",
)
"""Where to look when no os-release names a distribution, in this order."""

LINKED_RELEASE_FILES = tuple(f"usr/lib/{name}" for name in _RED_HAT_FILES)
"""Where newer releases keep some of them, with a link below `etc`."""

_RELEASE_NUMBER = re.compile(r"\b(?:release|Photon Linux|Photon OS|Slackware)\s+v?([0-9]+(?:\.[0-9]+)*)")
_SUSE_FIELD = re.compile(r"^(VERSION|PATCHLEVEL)\s*=\s*([0-9.]+)", re.MULTILINE)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_NAMES = (
    ("almalinux", "almalinux"),
    ("amazon linux", "amzn"),
    ("centos", "centos"),
    ("enterprise linux enterprise linux", "ol"),
    ("fedora", "fedora"),
    ("gentoo", "gentoo"),
    ("mageia", "mageia"),
    ("mandriva", "mandriva"),
    ("openeuler", "openeuler"),
    ("oracle linux", "ol"),
    ("red hat enterprise linux", "rhel"),
    ("rocky linux", "rocky"),
    ("scientific linux", "scientific"),
    ("slackware", "slackware"),
    ("vmware photon", "photon"),
)
# How a release's line begins, and the ID that its os-release has.


def parse_release_file(path: str, data: bytes) -> Distribution:
    """Read one of these files.

    Args:
        path: where it lies, one of RELEASE_FILES.
        data: its bytes; whatever cannot be understood is passed over.

    Returns:
        The release it names; NO_DISTRIBUTION where it names none that is known.
    """
    reader = _READERS.get(path, _read_release_line)
    return reader(data.decode("utf-8", "replace"))


def _read_release_line(text: str) -> Distribution:
    """`CentOS release 6.10 (Final)` and its like."""
    line = _first_line(text)
    known = next((name for start, name in _NAMES if line.lower().startswith(start)), "")
    if not known:
        return NO_DISTRIBUTION
    found = _RELEASE_NUMBER.search(line)
    return Distribution(known, found[1] if found else "", line)


def _read_lsb(text: str) -> Distribution:
    fields = read_assignments(text)
    name = fields.get("DISTRIB_ID", "").lower()
    if not name or not name.isascii() or not name.isalnum():
        return NO_DISTRIBUTION
    return Distribution(name, fields.get("DISTRIB_RELEASE", ""), fields.get("DISTRIB_DESCRIPTION", ""))


def _read_suse(text: str) -> Distribution:
    line = _first_line(text)
    fields = dict(_SUSE_FIELD.findall(text))
    version, level = fields.get("VERSION", ""), fields.get("PATCHLEVEL", "0")
    if line.startswith("openSUSE"):
        return Distribution("opensuse", version, line)
    if not line.startswith("SUSE Linux Enterprise"):
        return NO_DISTRIBUTION
    desktop = line.startswith("SUSE Linux Enterprise Desktop")
    return Distribution("sled" if desktop else "sles", version if level == "0" else f"{version}.{level}", line)


def _read_alpine(text: str) -> Distribution:
    version = _first_line(text)
    if "_alpha" in version or version == "edge":
        return Distribution("alpine", "edge", "Alpine Linux edge")
    return Distribution("alpine", version, f"Alpine Linux {version}") if _NUMBERS.match(version) else NO_DISTRIBUTION


def _read_debian(text: str) -> Distribution:
    """`6.0.10`, of which os-release would say `6`, or `wheezy/sid` for testing and unstable."""
    version = _first_line(text)
    numbers = _NUMBERS.match(version)
    if numbers:
        return Distribution("debian", numbers[0].partition(".")[0], f"Debian GNU/Linux {version}")
    return Distribution("debian", "sid", f"Debian GNU/Linux {version}") if version.endswith("/sid") else NO_DISTRIBUTION


def _read_arch(_text: str) -> Distribution:
    """Empty: that it is there says it all."""
    return Distribution("arch", "rolling", "Arch Linux")


def _first_line(text: str) -> str:
    return plain_text(text.strip().partition("\n")[0])


_READERS: dict[str, Callable[[str], Distribution]] = {
    "etc/SuSE-release": _read_suse,
    "etc/alpine-release": _read_alpine,
    "etc/arch-release": _read_arch,
    "etc/debian_version": _read_debian,
    "etc/lsb-release": _read_lsb,
    "etc/openwrt_release": _read_lsb,
}
