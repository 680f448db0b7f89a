"""Distributions: what an image's os-release says, and which advisories speak of it.

Identity is read from os-release (freedesktop's os-release(5)) on the composed image; what is older than that file, `release_files`
knows, and how long a release is looked after, `end_of_life`. Which OSV ecosystem covers a release is
a table of ours and never a guess: a derivative (`ID_LIKE`), a development branch such as Debian sid or Alpine edge, and
whatever else is not in the table has no ecosystem, so its packages are *not covered*.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

OS_RELEASE_PATHS = ("etc/os-release", "usr/lib/os-release")
"""Where os-release lies, the preferred place first."""

_LONGEST_FIELD = 256
_ID = re.compile(r"[A-Za-z0-9._-]{1,256}")
"""What may be an `ID` (os-release(5)), capital letters forgiven; it becomes a purl's namespace and chooses the advisories."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution's release.

    Args:
        id: os-release `ID`, lower case; empty where there is none, or none that os-release allows.
        version: `VERSION_ID`; for a release without a number the branch's name (`sid`, `edge`, `rolling`), or empty.
        name: `PRETTY_NAME`, for people.
    """

    id: str = ""
    version: str = ""
    name: str = ""


NO_DISTRIBUTION = Distribution()
"""What an image without a usable os-release has."""


def parse_os_release(data: bytes) -> Distribution:
    """Read an os-release file.

    Args:
        data: its bytes; whatever cannot be understood is passed over.

    Returns:
        The release it names; NO_DISTRIBUTION where it has no `ID`, and nothing but a name where its `ID` cannot be one.
    """
    written = _assignments(data.decode("utf-8", "replace"))
    fields = {key: plain_text(value) for key, value in written.items()}
    # As it is written: nothing is left out of it until it looks like another.
    distribution = written["ID"].lower() if _ID.fullmatch(written.get("ID", "")) else ""
    if not fields.get("ID"):
        return NO_DISTRIBUTION
    name = fields.get("PRETTY_NAME") or fields.get("NAME", "")
    if not distribution:
        return Distribution(name=name or fields["ID"])
    return Distribution(distribution, _version(distribution, fields, name), name)


def read_assignments(text: str) -> dict[str, str]:
    """The variables that a file of shell assignments sets; of a variable set twice the last value.

    Args:
        text: the file; lines that are no assignments are passed over.
    """
    return {key: plain_text(value) for key, value in _assignments(text).items()}


def _assignments(text: str) -> dict[str, str]:
    """The variables with their values as they are written, quotes taken away."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and key.isidentifier():
            fields[key] = _unquote(value)
    return fields


def plain_text(value: str) -> str:
    """One line that a table or a database can hold, whatever the image's author put there."""
    return "".join(letter for letter in value[:_LONGEST_FIELD] if letter.isprintable()).strip()


def ecosystem_of(distribution: str, version: str) -> str | None:
    """The OSV ecosystem, with its release, whose advisories speak of a distribution's packages.

    Args:
        distribution: os-release ID.
        version: as in `Distribution.version`.

    Returns:
        For example `Debian:12` or `Ubuntu:22.04:LTS` (OSV schema, "Defined ecosystems"); None where none covers it.
    """
    rule = _ECOSYSTEMS.get(distribution)
    return None if rule is None else rule(version)


def _unquote(value: str) -> str:
    try:
        words = shlex.split(value)
    except ValueError:
        return value.strip("\"' ")
    # An unquoted value with blanks is against the specification, yet it is what its author meant.
    return " ".join(words)


def _version(distribution: str, fields: dict[str, str], name: str) -> str:
    version = fields.get("VERSION_ID", "")
    if distribution == "fedora" and fields.get("REDHAT_BUGZILLA_PRODUCT_VERSION", "").lower() == "rawhide":
        return "rawhide"
    if distribution == "alpine" and ("_alpha" in version or name.endswith(" edge")):
        return "edge"
    if version:
        return version
    if distribution == "debian" and name.endswith("/sid"):
        # Testing and unstable cannot be told apart: both say "<next>/sid" and have no number.
        return "sid"
    return "rolling" if distribution in _ROLLING else fields.get("BUILD_ID", "")


_ROLLING = frozenset({"arch", "archarm", "artix", "cachyos", "endeavouros", "garuda", "manjaro", "solus", "void"})
"""Distributions without releases. Their build's name, where they have one, says no more."""

_NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


def _by_major(ecosystem: str) -> Callable[[str], str | None]:
    def rule(version: str) -> str | None:
        found = _NUMBER.match(version)
        return f"{ecosystem}:{found[1]}" if found else None

    return rule


def _unversioned(ecosystem: str) -> Callable[[str], str | None]:
    return lambda _version: ecosystem


def _exactly(ecosystem: str, *, prefix: str = "") -> Callable[[str], str | None]:
    return lambda version: f"{ecosystem}:{prefix}{version}" if _NUMBER.fullmatch(version) else None


def _alpine(version: str) -> str | None:
    found = re.fullmatch(r"([0-9]+)\.([0-9]+)(?:\.[0-9]+)?", version)
    return f"Alpine:v{found[1]}.{found[2]}" if found else None


def _ubuntu(version: str) -> str | None:
    found = re.fullmatch(r"([0-9]{2})\.([0-9]{2})", version)
    if not found:
        return None
    long_term = int(found[1]) % 2 == 0 and found[2] == "04" and int(found[1]) >= 6
    return f"Ubuntu:{version}:LTS" if long_term else f"Ubuntu:{version}"


_ECOSYSTEMS: dict[str, Callable[[str], str | None]] = {
    "almalinux": _by_major("AlmaLinux"),
    "alpaquita": _exactly("Alpaquita"),
    "alpine": _alpine,
    "azurelinux": _by_major("Azure Linux"),
    "chainguard": _unversioned("Chainguard"),
    "debian": _by_major("Debian"),
    "echo": _unversioned("Echo"),
    "mageia": _by_major("Mageia"),
    "mariner": _by_major("Azure Linux"),
    "minimos": _unversioned("MinimOS"),
    "opensuse-leap": _exactly("openSUSE", prefix="Leap "),
    "opensuse-tumbleweed": _unversioned("openSUSE:Tumbleweed"),
    "photon": _exactly("Photon OS"),
    "rocky": _by_major("Rocky Linux"),
    "ubuntu": _ubuntu,
    "wolfi": _unversioned("Wolfi"),
}
# Red Hat's and SUSE's enterprise releases are named by products of which one image has several: not decided by os-release.
