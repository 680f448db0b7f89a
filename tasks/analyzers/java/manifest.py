"""The main section of `META-INF/MANIFEST.MF`, and the names, versions and licences that builders put there.

Format: the JAR file specification of the Java SE documentation, "Name-Value pairs and Sections": `Name: value` lines up to
the first empty one, a blank at a line's begin continues the one before, names in any case. Bundle-* headers: OSGi Core,
chapter 3.2 (symbolic name and licence carry `;attributes`). Others: Jenkins's hpi plugin (Plugin-Version, Short-Name,
Group-Id), NiFi's nar plugin (Nar-Id, Nar-Group, Nar-Version), Gradle plugins that write `group#artifact;version` as a title.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"^(implementation-(?:title|version|vendor-id)|bundle-(?:symbolicname|version|license)|specification-version"
    r"|plugin-version|short-name|extension-name|group-id|nar-(?:id|group|version)):(.*)$",
    re.MULTILINE | re.IGNORECASE | re.ASCII,
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9_][\w.+-]*\Z", re.ASCII)
_GRADLE_TITLE = re.compile(r"([\w.-]+)#([\w.-]+);(\S*)\Z")
_DOMAIN = re.compile(r"[a-z][\w-]*(?:\.[\w-]+)+\Z", re.ASCII)
_LICENCE_CLAUSE = re.compile(r'(?:[^,;"]|"[^"]*")+')
_CLAUSES = re.compile(r'(?:[^,"]|"[^"]*")+')
_LONGEST_HEADER = 4_096
_LONGEST_LICENCE = 200
"""Characters; what is longer is a licence's text and not its name."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says of its archive; empty where it says nothing usable.

    Args:
        name: what it calls the artifact, an identifier.
        group: the group that it names outright.
        version: of the artifact.
        symbolic_name: OSGi's name of the bundle.
        vendor: `Implementation-Vendor-Id`, where it looks like a group.
        title: `Implementation-Title` as written.
        licences: as declared.
    """

    name: str = ""
    group: str = ""
    version: str = ""
    symbolic_name: str = ""
    vendor: str = ""
    title: str = ""
    licences: tuple[str, ...] = ()


def read_manifest(data: bytes) -> Manifest:
    """Read the main section; whatever cannot be understood is passed over."""
    section = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n").partition(b"\n\n")[0]
    fields: dict[str, str] = {}
    # Lines are broken by bytes, within a character too: they are joined before they are text.
    for found in _LINE.finditer(section.replace(b"\n ", b"").decode("utf-8", "replace")):
        key, text = found[1], found[2].strip()
        if text and "${" not in text:
            fields.setdefault(key.lower(), text)
    title = fields.get("implementation-title", "")
    group, name, version = _outright(fields, title)
    vendor = fields.get("implementation-vendor-id", "")
    return Manifest(
        name=name,
        group=group,
        version=version or _version(fields),
        symbolic_name=_identifier(fields.get("bundle-symbolicname", "").partition(";")[0].strip()),
        vendor=vendor if _DOMAIN.match(vendor) else "",
        title=title,
        licences=read_licences(fields.get("bundle-license", "")),
    )


def read_licences(header: str) -> tuple[str, ...]:
    """The licences of a Bundle-License header: names or addresses, without their attributes.

    Args:
        header: clauses between commas, or (from before OSGi had them) one name that may hold a comma itself.
    """
    if len(header) > _LONGEST_HEADER:
        return ()
    header = header.strip()
    clauses = [clause.strip() for clause in _CLAUSES.findall(header)]
    if not all("://" in clause or ";" in clause or _IDENTIFIER.match(clause.strip('"')) for clause in clauses):
        clauses = [header]
    names = []
    for clause in clauses:
        first = _LICENCE_CLAUSE.match(clause)
        whole = clause if ";" not in clause or first is None else first[0]
        names.append(whole.strip().strip('"').strip())
    return tuple(name for name in dict.fromkeys(names) if name and name[0] != "<" and len(name) <= _LONGEST_LICENCE)


def _outright(fields: dict[str, str], title: str) -> tuple[str, str, str]:
    """Group, name and version where the manifest is one of a builder that names them, else perhaps a name alone."""
    if "plugin-version" in fields and ("short-name" in fields or "extension-name" in fields):
        name = _identifier(fields.get("short-name", "")) or _identifier(fields.get("extension-name", ""))
        return fields.get("group-id", ""), name, fields["plugin-version"].partition(" ")[0]
    if "nar-id" in fields:
        return fields.get("nar-group", ""), _identifier(fields["nar-id"]), fields.get("nar-version", "")
    gradle = _GRADLE_TITLE.match(title)
    if gradle:
        return gradle[1], gradle[2], gradle[3]
    return "", _identifier(title), ""


def _version(fields: dict[str, str]) -> str:
    for key in ("implementation-version", "bundle-version", "specification-version"):
        version = fields.get(key, "").partition(" ")[0].strip('"')
        if any(character.isdigit() for character in version):
            return version
    return ""


def _identifier(text: str) -> str:
    return text if _IDENTIFIER.match(text) else ""
