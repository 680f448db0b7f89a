"""apk's database of installed packages, in both places (apk-tools 2 and 3).

Format: the "installed" database of the Alpine wiki's page on the apk specification: stanzas of `letter:value` lines. Behind a
package's own fields stand its folders (`F:`), each with its files (`R:`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.file_lists import LONGEST_PATH, ClaimList
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most
from tasks.analyzers.stanzas import behind_breaks
from tasks.layers.paths import normalised, text

PATHS = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})

_FIELDS = re.compile(rb"^([PVAoL]):(.*)$", re.MULTILINE)


class Apk(Analyser):
    """Alpine packages, with the origin (source package) that advisories speak of."""

    name = "apk"
    version = 2
    wanted = Wanted(names=("installed",))
    claims = True

    def confirm(self, path: str) -> bool:
        """Only apk's own two places."""
        return path in PATHS

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every stanza; a stanza without a name or version is remarked and costs its neighbours nothing."""
        findings = Findings()
        claims = ClaimList(findings)
        broken = 0
        for stanza in at_most(_stanzas(data), findings):
            values = {found[1]: found[2] for found in _FIELDS.finditer(stanza)}
            fields = {key: value.strip(b" \t\r").decode("utf-8", "replace") for key, value in values.items()}
            name, version = fields.get(b"P", ""), fields.get(b"V", "")
            if not name or not version:
                broken += 1
            else:
                package = _package(name, version, fields)
                findings.packages.append(package)
                claims.add(f"apk/{name}", package.package_id, _owned_paths(stanza))
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} stanzas without a package name or version"))
        return findings


def _stanzas(data: Data) -> Iterator[Data]:
    start = behind_breaks(data, 0)
    while start < len(data):
        end = data.find(b"\n\n", start)
        stanza = data[start : end if end >= 0 else len(data)]
        start = behind_breaks(data, start + len(stanza))
        if not stanza.isspace():
            yield stanza


def _owned_paths(stanza: Data) -> Iterator[str]:
    folder = b""
    for line in BytesIO(stanza):
        if line.startswith(b"F:"):
            # Cut so that it stays too long: it stands before each of its files.
            folder = line[2 : LONGEST_PATH + 3].rstrip(b"\n") + b"/"
        elif line.startswith(b"R:") and (path := normalised(folder + line[2:].rstrip(b"\n"))):
            yield text(path)


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
