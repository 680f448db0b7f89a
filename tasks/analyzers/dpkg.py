"""dpkg's status file, the one-file-per-package form of distroless images (`status.d`), and the file lists of both.

Format: deb-control(5) stanzas. The third word of `Status` says whether a package's files are there; `status.d` files carry no
`Status` and are there by being there. Beside them lie the package's other control files (dpkg(1), "Files"; deb(5)), which
are no stanzas. Package names have dots of their own, so that only known endings tell them apart. Which files are whose stands
in `info/<package>[:<architecture>].list`, a path a line, and of distroless packages in `<package>.md5sums`, a sum and a relative
path a line.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.file_lists import claim_absolute, claim_lines
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most
from tasks.analyzers.stanzas import ARCHITECTURE, PACKAGE, SOURCE, STATUS, VERSION, field, stanzas

STATUS_FILE = "var/lib/dpkg/status"
STATUS_FOLDER = "var/lib/dpkg/status.d"
LIST_FOLDER = "var/lib/dpkg/info"

_OTHER_CONTROL_FILES = tuple(
    f".{ending}"
    for ending in (
        *("conffiles", "config", "list", "md5sums", "postinst", "postrm", "preinst", "prerm", "shlibs", "symbols"),
        *("templates", "triggers"),
    )
)
_LIST, _SUMS = ".list", ".md5sums"
_SUM_AND_PATH = re.compile(rb"[0-9a-f]{32}  (.+)")
_SOURCE_WORDS = re.compile(r"^(\S+)(?:[ \t]*\(([^)]*)\))?")
_UNPACKED_STATES = frozenset({"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})


class Dpkg(Analyser):
    """Debian packages; all architectures and versions of a name are kept."""

    name = "dpkg"
    version = 3
    wanted = Wanted(names=("status",), suffixes=(_LIST,), folders=(STATUS_FOLDER,), within=(f"{LIST_FOLDER}/",))
    claims = True

    def confirm(self, path: str) -> bool:
        """The one status file, the stanzas of `status.d`, and file lists."""
        if path == STATUS_FILE:
            return True
        folder, _, base = path.rpartition("/")
        if folder == LIST_FOLDER:
            return base.endswith(_LIST)
        return folder == STATUS_FOLDER and (base.endswith(_SUMS) or not base.endswith(_OTHER_CONTROL_FILES))

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read every stanza, or every path of a file list; what is broken is remarked and costs its neighbours nothing."""
        if path.endswith((_LIST, _SUMS)):
            return _file_list(path, data)
        findings = Findings()
        broken = 0
        for stanza in at_most(stanzas(data), findings):
            name, version = field(stanza, PACKAGE), field(stanza, VERSION)
            if not _is_unpacked(stanza):
                continue
            if not name or not version:
                broken += 1
            else:
                findings.packages.append(_package(name, version, stanza))
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _file_list(path: str, data: Data) -> Findings:
    findings = Findings()
    base = path.rpartition("/")[2]
    if base.endswith(_SUMS):
        claim_lines(findings, f"deb/{base.removesuffix(_SUMS)}", data, _path_behind_sum)
    else:
        claim_absolute(findings, f"deb/{base.removesuffix(_LIST).partition(':')[0]}", data)
    return findings


def _path_behind_sum(line: bytes) -> bytes | None:
    found = _SUM_AND_PATH.fullmatch(line)
    return found[1] if found else None


def _is_unpacked(stanza: bytes) -> bool:
    status = field(stanza, STATUS).rsplit(maxsplit=1)
    return not status or status[-1] in _UNPACKED_STATES


def _package(name: str, version: str, stanza: bytes) -> PackageFacts:
    source = _SOURCE_WORDS.match(field(stanza, SOURCE))
    return PackageFacts(
        type="deb",
        name=name,
        version=version,
        architecture=field(stanza, ARCHITECTURE),
        source_name=source[1] if source else "",
        source_version=(source[2] or "").strip() if source else "",
    )
