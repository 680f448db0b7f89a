"""apk's database of installed packages, in both places (apk-tools 2 and 3).

Format: the "installed" database of the Alpine wiki's page on the apk specification: stanzas of `letter:value` lines.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted

PATHS = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})

_FIELDS = re.compile(rb"^([PVAoL]):[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)


class Apk(Analyser):
    """Alpine packages, with the origin (source package) that advisories speak of."""

    name = "apk"
    version = 1
    wanted = Wanted(names=("installed",))

    def confirm(self, path: str) -> bool:
        """Only apk's own two places."""
        return path in PATHS

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every stanza; a stanza without a name or version is remarked and costs its neighbours nothing."""
        findings = Findings()
        broken = 0
        for stanza in data.split(b"\n\n"):
            fields = {key: value.decode("utf-8", "replace") for key, value in _FIELDS.findall(stanza)}
            name, version = fields.get(b"P", ""), fields.get(b"V", "")
            if name and version:
                findings.packages.append(_package(name, version, fields))
            elif stanza.strip():
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _package(name: str, version: str, fields: dict[bytes, str]) -> PackageFacts:
    licence = fields.get(b"L", "")
    return PackageFacts(
        type="apk",
        name=name,
        version=version,
        architecture=fields.get(b"A", ""),
        source_name=fields.get(b"o", ""),
        licences=(licence,) if licence else (),
    )
