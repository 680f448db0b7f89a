"""opkg's status file, in OpenWrt's place and in Yocto's.

Format: opkg's `pkg_formatter` and `pkg_parse`: stanzas like dpkg's. The third word of `Status` is one of opkg's own states.
`Source`, where a build writes it, is a recipe's file (`name_version.bb`) with Yocto and the path of a feed's folder with OpenWrt.
Which files are whose stands in `info/<package>.list`, an absolute path a line; newer ones have mode and link target behind a tab.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.file_lists import claim_absolute, claim_lines
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most
from tasks.analyzers.stanzas import ARCHITECTURE, LICENCE, PACKAGE, SOURCE, STATUS, VERSION, field, stanzas

FOLDERS = ("usr/lib/opkg", "var/lib/opkg")
PATHS = frozenset(f"{folder}/status" for folder in FOLDERS)

_LIST = ".list"
LIST_FOLDERS = frozenset(f"{folder}/info" for folder in FOLDERS)
_STATES_WITH_FILES = frozenset({"installed", "unpacked", "half-configured", "post-inst-failed", "removal-failed"})
_RECIPE = re.compile(r"([^_/]+)_([^_/]+)\.bb")


class Opkg(Analyser):
    """Packages of OpenWrt, Yocto and other small systems."""

    name = "opkg"
    version = 2
    claims = True
    wanted = Wanted(names=("status",), suffixes=(_LIST,), within=tuple(f"{folder}/" for folder in sorted(LIST_FOLDERS)))

    def confirm(self, path: str) -> bool:
        """Only opkg's own two places, and the file lists beside them."""
        return path in PATHS or (path.endswith(_LIST) and path.rpartition("/")[0] in LIST_FOLDERS)

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read every stanza, or every path of a file list; what is broken is remarked and costs its neighbours nothing."""
        if path.endswith(_LIST):
            return _file_list(path, data)
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


def _file_list(path: str, data: Data) -> Findings:
    findings = Findings()
    owner = f"opkg/{path.rpartition('/')[2].removesuffix(_LIST)}"
    if b"\t" in data:
        claim_lines(findings, owner, data, _path_before_tab)
    else:
        claim_absolute(findings, owner, data)
    return findings


def _path_before_tab(line: bytes) -> bytes | None:
    return line.partition(b"\t")[0] if line.startswith(b"/") else None


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
