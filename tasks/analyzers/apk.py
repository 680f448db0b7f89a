"""apk's database of installed packages, in both places (apk-tools 2 and 3).

Format: the "installed" database of the Alpine wiki's page on the apk specification: stanzas of `letter:value` lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most

PATHS = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})

_FIELDS = re.compile(rb"^([PVAoL]):(.*)$", re.MULTILINE)


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
        for stanza in at_most(_stanzas(data), findings):
            values = {found[1]: found[2] for found in _FIELDS.finditer(stanza)}
            fields = {key: value.strip(b" \t\r").decode("utf-8", "replace") for key, value in values.items()}
            name, version = fields.get(b"P", ""), fields.get(b"V", "")
            if not name or not version:
                broken += 1
            else:
                findings.packages.append(_package(name, version, fields))
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _stanzas(data: Data) -> Iterator[Data]:
    start = 0
    while start < len(data):
        end = data.find(b"\n\n", start)
        stanza = data[start : end if end >= 0 else len(data)]
        start += len(stanza) + 2
        if stanza and not stanza.isspace():
            yield stanza


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
