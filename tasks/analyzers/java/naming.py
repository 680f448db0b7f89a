"""What an archive is called: by Maven's own files, else by manifest and file name together.

Each `pom.properties` names a package: a shaded archive has several. Where none of them is the archive's own, its manifest and
its file name are weighed. Neither alone is right always: titles are made for people, and files are renamed. A file name in
Maven's form counts where the manifest does not contradict it in both name and version; else the manifest does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from catalog.packages import PackageFacts
from tasks.analyzers.java.filename import split_file_name
from tasks.analyzers.java.groups import known_group, tomcat_artifact
from tasks.analyzers.java.manifest import Manifest
from tasks.analyzers.java.properties import Coordinates

_NAMES_OF_ANY = frozenset({"app", "application", "main", "root", "server", "service", "boot", "classes", "runner"})
"""File names that say nothing of what is inside."""
_JOINTS = str.maketrans("-_", "..")


@dataclass(slots=True)
class ArchiveFacts:
    """What names an archive.

    Args:
        base: its file name.
        manifest: of its manifest.
        poms: of its `pom.properties`, with group and artifact from their folders where they say nothing.
        folders: (group, artifact) of its folders below `META-INF/maven`.
    """

    base: str
    manifest: Manifest = field(default_factory=Manifest)
    poms: list[Coordinates] = field(default_factory=list)
    folders: list[tuple[str, str]] = field(default_factory=list)


def packages_of(facts: ArchiveFacts) -> list[PackageFacts]:
    """The packages that an archive itself holds, those in archives within it aside."""
    name, version = split_file_name(facts.base)
    stem = facts.base.rpartition(".")[0] or facts.base
    version = version or facts.manifest.version
    own = _own_pom(facts.poms, stem, name, version)
    found = [
        _package(
            pom.group,
            pom.artifact,
            pom.version or (version if pom is own else ""),
            facts.manifest.licences if pom is own else (),
        )
        for pom in facts.poms
    ]
    if own is None:
        found.append(_named_otherwise(facts))
    return [package for package in found if package.name and package.version]


def _own_pom(poms: Sequence[Coordinates], stem: str, name: str, version: str) -> Coordinates | None:
    """Which of Maven's files is the archive's own: of its name, else of its version, else the only one of an unnamed file."""
    for pom in sorted(poms, key=lambda pom: len(pom.artifact), reverse=True):
        artifact = pom.artifact
        if stem == artifact or stem.startswith((f"{artifact}-", f"{pom.group}.{artifact}-")) or name == artifact:
            return pom
    for pom in poms:
        if pom.version and version and agree(pom.version, version):
            return pom
    # Without a version of another name, nothing says that the archive is anything else.
    return poms[0] if len(poms) == 1 and not version else None


def _named_otherwise(facts: ArchiveFacts) -> PackageFacts:
    manifest = facts.manifest
    name, version = split_file_name(facts.base)
    contradicted = (
        bool(version and manifest.version and manifest.name)
        and not agree(version, manifest.version)
        and not _related(name, manifest)
    )
    if not version or contradicted or manifest.group:
        name = manifest.name if manifest.group or contradicted else _name_without_version(name, manifest)
        version = manifest.version or version
    group = manifest.group or _group(name, version, facts)
    return _package(group, name, version, manifest.licences)


def agree(left: str, right: str) -> bool:
    """Whether two versions may be the same: one begins the other, at a border between words or numbers."""
    short, long = sorted((left, right), key=len)
    if not short or not long.startswith(short):
        return False
    rest = long[len(short) :]
    return not rest or not (short[-1].isdigit() and rest[0].isdigit())


def _related(name: str, manifest: Manifest) -> bool:
    """Whether the manifest speaks of something of this name, its words joined by whatever."""
    own = name.translate(_JOINTS)
    names = (other.translate(_JOINTS) for other in (manifest.name, manifest.symbolic_name) if other)
    return any(other == own or other.endswith(f".{own}") for other in names)


def _name_without_version(stem: str, manifest: Manifest) -> str:
    """The name where the file has no version: the title, unless the file's name is in it or the title is none."""
    if _related(stem, manifest):
        return stem
    tomcat = tomcat_artifact(manifest.title, stem)
    if tomcat != stem:
        return tomcat
    title = manifest.name or (manifest.symbolic_name if stem.lower() in _NAMES_OF_ANY else "")
    return title or stem


def _group(name: str, version: str, facts: ArchiveFacts) -> str:
    """The group, from what the archive says, the least ambiguous first."""
    for group, artifact in facts.folders:
        if artifact == name:
            return group
    known = known_group(name, version)
    if known or facts.manifest.vendor:
        return known or facts.manifest.vendor
    # The Maven bundle plugin names a bundle by group and artifact.
    group = facts.manifest.symbolic_name.removesuffix(f".{name}")
    return group if "." in group and group != facts.manifest.symbolic_name else ""


def _package(group: str, name: str, version: str, licences: tuple[str, ...]) -> PackageFacts:
    return PackageFacts(type="maven", namespace=group, name=name, version=version, licences=licences)
