"""opkg's status file, in OpenWrt's place and in Yocto's.

Format: opkg's `pkg_formatter` and `pkg_parse`: stanzas like dpkg's. The third word of `Status` is one of opkg's own states.
`Source`, where a build writes it, is a recipe's file (`name_version.bb`) with Yocto and the path of a feed's folder with OpenWrt.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most
from tasks.analyzers.stanzas import ARCHITECTURE, LICENCE, PACKAGE, SOURCE, STATUS, VERSION, field, stanzas

PATHS = frozenset({"usr/lib/opkg/status", "var/lib/opkg/status"})

_STATES_WITH_FILES = frozenset({"installed", "unpacked", "half-configured", "post-inst-failed", "removal-failed"})
_RECIPE = re.compile(r"([^_/]+)_([^_/]+)\.bb")


class Opkg(Analyser):
    """Packages of OpenWrt, Yocto and other small systems."""

    name = "opkg"
    version = 1
    wanted = Wanted(names=("status",))

    def confirm(self, path: str) -> bool:
        """Only opkg's own two places."""
        return path in PATHS

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every stanza; a stanza without a name or version is remarked and costs its neighbours nothing."""
        findings = Findings()
        broken = 0
        for stanza in at_most(stanzas(data), findings):
            name, version = field(stanza, PACKAGE), field(stanza, VERSION)
            status = field(stanza, STATUS).rsplit(maxsplit=1)
            if status and status[-1] not in _STATES_WITH_FILES:
                continue
            if name and version:
                findings.packages.append(_package(name, version, stanza))
            else:
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _package(name: str, version: str, stanza: bytes) -> PackageFacts:
    source_name, source_version = _source(field(stanza, SOURCE))
    licence = field(stanza, LICENCE)
    return PackageFacts(
        type="opkg",
        name=name,
        version=version,
        architecture=field(stanza, ARCHITECTURE),
        source_name=source_name,
        source_version=source_version,
        licences=(licence,) if licence else (),
    )


def _source(value: str) -> tuple[str, str]:
    last = value.split(" ", 1)[0].rstrip("/").rpartition("/")[2]
    recipe = _RECIPE.fullmatch(last)
    return (recipe[1], recipe[2]) if recipe else (last, "")
