"""dpkg's status file, and the one-file-per-package form of distroless images (`status.d`).

Format: deb-control(5) stanzas. The third word of `Status` says whether a package's files are there; `status.d` files carry no
`Status` and are there by being there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import MOST_PACKAGES, TOO_MANY_PACKAGES, Analyser, Data, Findings, Remark, Wanted

STATUS_FILE = "var/lib/dpkg/status"
STATUS_FOLDER = "var/lib/dpkg/status.d"

# dpkg and opkg write the names of fields in this case, whatever they read.
_PACKAGE, _STATUS, _VERSION, _ARCHITECTURE, _SOURCE_FIELD = (
    b"\nPackage:",
    b"\nStatus:",
    b"\nVersion:",
    b"\nArchitecture:",
    b"\nSource:",
)
# A run of blanks is looked at once, from its beginning: whoever writes a megabyte of them must not cost a trillion steps.
_BLANKS_AT_END = re.compile(rb"(?<![ \t\r])[ \t\r]++(?=\n)")
_SOURCE = re.compile(r"^(\S+)(?:[ \t]*\(([^)]*)\))?")
_UNPACKED_STATES = frozenset({"installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending"})


class Dpkg(Analyser):
    """Debian packages; all architectures and versions of a name are kept."""

    name = "dpkg"
    version = 1
    wanted = Wanted(names=("status",), folders=(STATUS_FOLDER,))

    def confirm(self, path: str) -> bool:
        """The one status file, and the files of `status.d` other than the checksum lists beside them."""
        if path == STATUS_FILE:
            return True
        folder, _, base = path.rpartition("/")
        return folder == STATUS_FOLDER and not base.endswith(".md5sums")

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every stanza; a stanza without a name or version is remarked and costs its neighbours nothing."""
        findings = Findings()
        broken = 0
        for stanza in _stanzas(data):
            name, version = _field(stanza, _PACKAGE), _field(stanza, _VERSION)
            if not _is_unpacked(stanza):
                continue
            if not name or not version:
                broken += 1
            elif len(findings.packages) == MOST_PACKAGES:
                findings.remarks.append(TOO_MANY_PACKAGES)
                break
            else:
                findings.packages.append(_package(name, version, stanza))
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _stanzas(data: Data) -> Iterator[bytes]:
    """The stanzas, each with a line break before it, so that every field can be found by the break before its name."""
    if b"\r" in data or b"\n \n" in data or b"\n\t\n" in data:
        data = _BLANKS_AT_END.sub(b"", data)
    start = 0
    while start < len(data):
        end = data.find(b"\n\n", start)
        stanza = b"\n" + data[start : end if end >= 0 else len(data)]
        start += len(stanza) + 1
        if not stanza.isspace():
            yield stanza


def _field(stanza: bytes, key: bytes) -> str:
    at = stanza.find(key)
    if at < 0:
        return ""
    at += len(key)
    end = stanza.find(b"\n", at)
    return stanza[at : end if end >= 0 else len(stanza)].strip().decode("utf-8", "replace")


def _is_unpacked(stanza: bytes) -> bool:
    status = _field(stanza, _STATUS).rsplit(maxsplit=1)
    return not status or status[-1] in _UNPACKED_STATES


def _package(name: str, version: str, stanza: bytes) -> PackageFacts:
    source = _SOURCE.match(_field(stanza, _SOURCE_FIELD))
    return PackageFacts(
        type="deb",
        name=name,
        version=version,
        architecture=_field(stanza, _ARCHITECTURE),
        source_name=source[1] if source else "",
        source_version=(source[2] or "").strip() if source else "",
    )
