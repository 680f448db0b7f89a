"""Java archives in every wrapping: jar, war, ear, par, sar, jpi, hpi, kar, nar, lpkg, and those within them.

What lies in an archive belongs to the path of the layer's own file, whatever its depth: a file is replaced or removed as a
whole, and with it goes all it holds. Members are found by the central directory (`tasks.analyzers.zip`), and only Maven's
files, manifests and archives are read. One budget spans a file and all within it; what it cuts off is remarked.

An exploded archive leaves Maven's `pom.properties` as a file of the layer: that is read too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted
from tasks.analyzers.java.manifest import read_manifest
from tasks.analyzers.java.naming import ArchiveFacts, packages_of
from tasks.analyzers.java.properties import Coordinates, read_coordinates
from tasks.analyzers.zip import ZipDirectory, ZipEntry
from tasks.analyzers.zip.location import is_archive

SUFFIXES = (".jar", ".war", ".ear", ".par", ".sar", ".jpi", ".hpi", ".kar", ".nar", ".lpkg")
_NESTED_SUFFIXES = tuple(suffix.encode() for suffix in (*SUFFIXES, ".rar"))
_PROPERTIES = "pom.properties"
_MANIFEST = b"META-INF/MANIFEST.MF"
_NAMING = (_MANIFEST.lower(), b"/pom.properties", b"/pom.xml")
_MAVEN_FILE = re.compile(rb"(?:.*/)?META-INF/maven/([^/]+)/([^/]+)/pom\.(properties|xml)\Z", re.DOTALL)
_MAVEN_PLACE = re.compile(r"(?:.*/)?META-INF/maven/([^/]+)/([^/]+)/pom\.properties\Z", re.DOTALL)
_MANIFEST_BYTES = 1 << 20
_PROPERTIES_BYTES = 1 << 16
_TEXT_BYTES = 32 << 20
"""Of manifests and Maven's files that are read in one file, whatever their depth: each byte costs far more than inflating it."""
_MOST_FOLDERS = 10_000
"""Maven's folders of one archive that are looked at."""
_REMARKS = 50
"""Remarks on one file; further ones are counted."""
_LONGEST_DETAIL = 200


class Java(Analyser):
    """Maven's packages in Java archives."""

    name = "java"
    version = 1
    wanted = Wanted(names=(_PROPERTIES,), suffixes=SUFFIXES)

    def confirm(self, path: str) -> bool:
        """Archives anywhere, `pom.properties` only where Maven puts it."""
        return path.endswith(SUFFIXES) or _MAVEN_PLACE.match(path) is not None

    def size_cap(self, limits: Limits) -> int:
        """An archive, held in memory."""
        return limits.archive_bytes

    def configuration(self, limits: Limits) -> str:
        """All caps of archives."""
        return (
            f"size_cap={limits.archive_bytes} directory={limits.archive_directory_bytes} depth={limits.archive_depth} "
            f"members={limits.archive_members} member={limits.archive_member_bytes} "
            f"unpacked={limits.archive_unpacked_bytes}"
        )

    def analyse(self, path: str, data: Data) -> Findings:
        """Read one file under the caps as they are by default.

        Raises:
            ParseError: a broken archive.
        """
        return self.analyse_within(path, data, Limits())

    def analyse_within(self, path: str, data: Data, limits: Limits) -> Findings:
        """Read one archive and all within it.

        Args:
            path: where it lies.
            data: its bytes.
            limits: the caps.

        Raises:
            ParseError: it begins or ends as an archive does, and cannot be read at all.
        """
        if path.endswith(_PROPERTIES):
            return _exploded(path, data)
        if not data:
            return Findings()
        if not is_archive(data):
            return Findings(remarks=[Remark("not-an-archive", "no zip archive, so no Java can open it", partial=False)])
        opened = _Opened(limits)
        opened.archive(path.rpartition("/")[2], "", data, 0)
        return opened.findings()


@dataclass(slots=True)
class _Opened:
    """One file of a layer, its archives opened one within the other, and what is left of its budget."""

    limits: Limits
    packages: dict[PackageFacts, None] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    members: int = 0
    unpacked: int = 0
    texts: int = 0
    nameless: int = 0
    untold: int = 0

    def archive(self, base: str, place: str, data: Data, depth: int) -> None:
        """Read one archive; place is its path within the layer's file, empty for that itself.

        Raises:
            ParseError: its directory cannot be found.
        """
        directory = ZipDirectory(data, self.limits.archive_directory_bytes)
        if directory.cut:
            self.remark("limit-exceeded", place, "its directory is too long to be read to its end")
        if directory.broken:
            self.remark("parse-error", place, "its directory is broken")
        facts = ArchiveFacts(base)
        for entry in directory.ending(*_NAMING):
            self._read_name(directory, entry, place, facts)
        found = packages_of(facts)
        self.packages.update(dict.fromkeys(found))
        named = bool(found)
        for entry in directory.ending(*_NESTED_SUFFIXES):
            named = True  # by what it holds
            self._nested(directory, entry, place, depth + 1)
        self.nameless += not named

    def findings(self) -> Findings:
        """What was found, and what was not."""
        if self.nameless:
            what = f"archives without a name and a version: {self.nameless}"
            self.remarks.append(Remark("no-coordinates", what, partial=False))
        if self.untold:
            self.remarks.append(Remark("more-remarks", f"{self.untold} more"))
        return Findings(packages=list(self.packages), remarks=self.remarks)

    def remark(self, reason: str, place: str, detail: str) -> None:
        """Note something missing."""
        if len(self.remarks) < _REMARKS:
            text = f"{place}: {detail}" if place else detail
            self.remarks.append(Remark(reason, text[-_LONGEST_DETAIL:]))
        else:
            self.untold += 1

    def _read_name(self, directory: ZipDirectory, entry: ZipEntry, place: str, facts: ArchiveFacts) -> None:
        """Read what may be the manifest or one of Maven's files."""
        if entry.name.upper() == _MANIFEST:
            content = self._head(directory, entry, place, _MANIFEST_BYTES)
            facts.manifest = read_manifest(content) if content else facts.manifest
            return
        maven = _MAVEN_FILE.match(entry.name)
        if maven is None:
            return
        group, artifact = (_text(part) for part in maven.groups()[:2])
        if len(facts.folders) < _MOST_FOLDERS:
            facts.folders.append((group, artifact))
        if maven[3] == b"properties":
            content = self._head(directory, entry, place, _PROPERTIES_BYTES)
            facts.poms.append(_completed(read_coordinates(content), group, artifact))

    def _nested(self, directory: ZipDirectory, entry: ZipEntry, place: str, depth: int) -> None:
        limits = self.limits
        inner = f"{place}!{_text(entry.name)}" if place else _text(entry.name)
        if depth > limits.archive_depth:
            self.remark("limit-exceeded", inner, f"archives are opened to a depth of {limits.archive_depth}")
        elif entry.size > limits.archive_member_bytes:
            self.remark("limit-exceeded", inner, f"{entry.size} bytes, at most {limits.archive_member_bytes} are read")
        elif entry.size and self._affordable(entry.size, inner):
            try:
                data = directory.read(entry, entry.size)
                if is_archive(data):
                    self.archive(inner.rpartition("/")[2].rpartition("!")[2], inner, data, depth)
                else:
                    self.nameless += 1
            except ParseError as error:
                self.remark("encrypted" if entry.encrypted else error.reason, inner, error.what)

    def _head(self, directory: ZipDirectory, entry: ZipEntry, place: str, count: int) -> bytes:
        size = min(entry.size, count)
        if self.texts + size > _TEXT_BYTES:
            self.remark("limit-exceeded", place, f"more than {_TEXT_BYTES} bytes of manifests and Maven's files")
            return b""
        if not self._affordable(size, place):
            return b""
        self.texts += size
        try:
            return directory.head(entry, count) if entry.size > count else directory.read(entry, count)
        except ParseError as error:
            where = f"{place}!{_text(entry.name)}" if place else _text(entry.name)
            self.remark("encrypted" if entry.encrypted else error.reason, where, error.what)
            return b""

    def _affordable(self, size: int, place: str) -> bool:
        """Take a member from the budget; False, and remarked, where it is used up."""
        limits = self.limits
        if self.members >= limits.archive_members:
            self.remark("limit-exceeded", place, f"more than {limits.archive_members} members to read")
        elif self.unpacked + size > limits.archive_unpacked_bytes:
            self.remark("limit-exceeded", place, f"more than {limits.archive_unpacked_bytes} bytes unpacked")
        else:
            self.members += 1
            self.unpacked += size
            return True
        return False


def _exploded(path: str, data: Data) -> Findings:
    place = _MAVEN_PLACE.match(path)
    pom = _completed(read_coordinates(bytes(data[:_PROPERTIES_BYTES])), *(place.groups() if place else ("", "")))
    return Findings(packages=packages_of(ArchiveFacts(pom.artifact, poms=[pom])))


def _completed(pom: Coordinates, group: str, artifact: str) -> Coordinates:
    return Coordinates(pom.group or group, pom.artifact or artifact, pom.version)


def _text(name: bytes) -> str:
    """A member's name on one line."""
    text = name.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
