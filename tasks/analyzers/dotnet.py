""".NET packages: an application's or shared framework's `*.deps.json`, and the `*.nuspec` of an unpacked NuGet package.

A deps.json names every library that was there when the application was built, also those of which nothing is needed at run
time (analysers, reference assemblies, what the shared framework replaces). Where it says which files its run-time target
takes from a library, one that gives no file is not there. Libraries of type `project` are the application's own code.
Format: the .NET documentation "deps.json" (runtime configuration files) and NuGet's nuspec reference. NuGet keeps the case of
names and does not compare it.
"""

from __future__ import annotations

import html
import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts, Role
from tasks.analyzers.documents import BYTE_ORDER_MARK, load_json, mapping, text
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most

_ROLES = {"package": Role.INSTALLED, "runtimepack": Role.INSTALLED, "project": Role.APPLICATION}
_RUNTIME_PACK = "runtimepack."
_FILE_GROUPS = ("runtime", "native", "resources", "runtimeTargets")
_PLACEHOLDER = "_._"
"""The file of a NuGet package that has nothing for a framework."""
_METADATA = re.compile(rb"<metadata\b[^<>]*>(.*?)(?:</metadata>|<dependencies\b|\Z)", re.DOTALL)
_ELEMENT = re.compile(rb"<(id|version|license)\b[^<>]*>([^<]{1,500})</\1\s*>")
_LICENCE_IN_A_FILE = re.compile(rb"""<license\b[^<>]*\btype\s*=\s*["']file["']""")


class DotNet(Analyser):
    """NuGet packages as applications, frameworks and package folders hold them."""

    name = "dotnet"
    version = 1
    wanted = Wanted(suffixes=(".deps.json", ".nuspec"))

    def confirm(self, path: str) -> bool:
        """Any deps.json; a nuspec where NuGet unpacks one: `<id>/<version>/<id>.nuspec`."""
        parts = path.split("/")
        return parts[-1].endswith(".deps.json") or (
            len(parts) > 2 and f"{parts[-3]}.nuspec".lower() == parts[-1].lower()
        )

    def size_cap(self, limits: Limits) -> int:
        """A JSON or XML document."""
        return limits.json_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read one file.

        Raises:
            ParseError: no JSON, a deps.json without libraries, or a nuspec without id or version.
        """
        if path.endswith(".nuspec"):
            return _nuspec(data)
        document = load_json(data, "deps.json")
        if document is None:
            return Findings()
        libraries = mapping(document).get("libraries")
        if not isinstance(libraries, dict):
            raise ParseError("deps.json without libraries")
        target = _runtime_target(mapping(document))
        findings = Findings()
        broken = 0
        for key, library in at_most(libraries.items(), findings):
            role = _ROLES.get(text(mapping(library).get("type")).lower())
            if role is None or (target is not None and not _has_files(target.get(key))):
                continue
            name, _, version = key.removeprefix(_RUNTIME_PACK).rpartition("/")
            if name and version:
                findings.packages.append(PackageFacts("nuget", name, version, role=role))
            else:
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} libraries without a name or version"))
        return findings


def _runtime_target(document: dict[str, object]) -> dict[str, object] | None:
    """What the run-time target takes from each library; None where the document does not say."""
    named = document.get("runtimeTarget")
    name = text(mapping(named).get("name")) if isinstance(named, dict) else text(named)
    target = mapping(document.get("targets")).get(name)
    return target if isinstance(target, dict) and target else None


def _has_files(taken: object) -> bool:
    files = (file for group in _FILE_GROUPS for file in mapping(mapping(taken).get(group)))
    return any(file.rpartition("/")[2] != _PLACEHOLDER for file in files)


def _nuspec(data: Data) -> Findings:
    data = bytes(data).removeprefix(BYTE_ORDER_MARK)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode()
    if not data.strip():
        return Findings()
    metadata = _METADATA.search(data)
    fields: dict[bytes, str] = {}
    for found in _ELEMENT.finditer(metadata[1] if metadata else b""):
        if found[1] not in fields:
            fields[found[1]] = html.unescape(found[2].decode("utf-8", "replace")).strip()
    name, version = fields.get(b"id", ""), fields.get(b"version", "")
    if not name or not version:
        raise ParseError("a nuspec without id or version")
    licence = "" if _LICENCE_IN_A_FILE.search(data) else fields.get(b"license", "")
    return Findings(packages=[PackageFacts("nuget", name, version, licences=(licence,) if licence else ())])
