"""dpkg's status file, and the one-file-per-package form of distroless images (`status.d`).

Format: deb-control(5) stanzas. The third word of `Status` says whether a package's files are there; `status.d` files carry no
`Status` and are there by being there.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted

STATUS_FILE = "var/lib/dpkg/status"
STATUS_FOLDER = "var/lib/dpkg/status.d"

_FIELDS = re.compile(
    rb"^(package|status|version|architecture|source)[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE
)
_STANZA_END = re.compile(rb"\n[ \t\r]*\n")
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
        start = 0
        for end in _stanza_ends(data):
            fields = {key.lower(): value.decode("utf-8", "replace") for key, value in _FIELDS.findall(data, start, end)}
            start = end
            if not _is_unpacked(fields):
                continue
            name, version = fields.get(b"package", ""), fields.get(b"version", "")
            if name and version:
                findings.packages.append(_package(name, version, fields))
            else:
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _stanza_ends(data: Data) -> list[int]:
    ends = [match.end() for match in _STANZA_END.finditer(data)]
    return [*ends, len(data)]


def _is_unpacked(fields: dict[bytes, str]) -> bool:
    if not fields:
        return False
    status = fields.get(b"status")
    if status is None:
        return True
    words = status.split()
    return bool(words) and words[-1] in _UNPACKED_STATES


def _package(name: str, version: str, fields: dict[bytes, str]) -> PackageFacts:
    source = _SOURCE.match(fields.get(b"source", ""))
    return PackageFacts(
        type="deb",
        name=name,
        version=version,
        architecture=fields.get(b"architecture", ""),
        source_name=source[1] if source else "",
        source_version=(source[2] or "").strip() if source else "",
    )
