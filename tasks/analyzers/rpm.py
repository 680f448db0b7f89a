"""rpm's database in its three formats and three places, and the text manifest of images that carry no database.

The formats are `tasks.rpm`'s. Fedora and its kin keep the database in `var/lib/rpm` or, with a link between them, in
`usr/lib/sysimage/rpm`; ostree-based systems in `usr/share/rpm`. `gpg-pubkey` entries are keys that rpm trusts, not packages.

The manifest (`container-manifest-2` of Azure Linux's and Mariner's distroless images) is a line for each package, its fields
separated by tabs: name, version-release, install time, build time, vendor, epoch, size, architecture, epoch as a number, source.
It says nothing of files; a database says of each file whose it is, documents and those that only running programs make included.
"""

from __future__ import annotations

import re
from io import BytesIO

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.file_lists import ClaimList
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most
from tasks.rpm.databases import header_blobs
from tasks.rpm.header import Header, Tag, owned_paths, parse_header
from tasks.rpm.reading import Reading

FOLDERS = ("usr/lib/sysimage/rpm", "usr/share/rpm", "var/lib/rpm")
DATABASES = ("Packages", "Packages.db", "rpmdb.sqlite")
PATHS = frozenset(f"{folder}/{base}" for folder in FOLDERS for base in DATABASES)
MANIFEST = "var/lib/rpmmanifest/container-manifest-2"

_WRITE_AHEAD_LOG = "rpmdb.sqlite-wal"
_LOG_PATHS = frozenset(f"{folder}/{_WRITE_AHEAD_LOG}" for folder in FOLDERS)
_LOG_HEADER_SIZE, _FRAME_HEADER_SIZE = 32, 24
_TRUSTED_KEY = "gpg-pubkey"
_SOURCE = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")
_LARGEST_EPOCH = (1 << 31) - 1
_MANIFEST_FIELDS = 10


class Rpm(Analyser):
    """Packages of an rpm database."""

    name = "rpm"
    version = 2
    wanted = Wanted(names=(*DATABASES, _WRITE_AHEAD_LOG))
    claims = True

    def confirm(self, path: str) -> bool:
        """The places of rpm's own, the write-ahead log beside an SQLite database included."""
        return path in PATHS or path in _LOG_PATHS

    def size_cap(self, limits: Limits) -> int:
        """A database."""
        return limits.database_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read every header; what is broken costs its neighbours nothing.

        Raises:
            ParseError: no rpm database, or nothing in it can be read.
        """
        if path in _LOG_PATHS:
            return _analyse_log(data)
        findings = Findings()
        claims = ClaimList(findings)
        reading = Reading(len(data))
        broken = ""
        try:
            for blob in at_most(header_blobs(data, reading), findings):
                _add(findings, claims, blob, reading)
        except ParseError as error:
            if not findings.packages:
                raise
            broken = error.what
        damage = "; ".join(part for part in (broken, reading.damage) if part)
        if damage:
            findings.remarks.append(Remark("parse-error", damage))
        return findings


class RpmManifest(Analyser):
    """Packages of the manifest that stands for an rpm database."""

    name = "rpm-manifest"
    version = 1
    wanted = Wanted(names=("container-manifest-2",))

    def confirm(self, path: str) -> bool:
        """The one place."""
        return path == MANIFEST

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read every line; a line with too few fields is remarked and costs its neighbours nothing."""
        findings = Findings()
        broken = 0
        for line in at_most(BytesIO(data), findings):
            fields = line.decode("utf-8", "replace").rstrip("\r\n").split("\t", _MANIFEST_FIELDS)
            if len(fields) >= _MANIFEST_FIELDS and fields[0] and fields[1]:
                if fields[0] != _TRUSTED_KEY:
                    findings.packages.append(_manifest_package(fields))
            elif line.strip():
                broken += 1
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} lines that are no package"))
        return findings


def _analyse_log(data: Data) -> Findings:
    """Remark a write-ahead log with committed changes: the database beside it may lack them."""
    header, salts = data[:4], data[16:24]
    if len(data) < _LOG_HEADER_SIZE or header[:3] != b"\x37\x7f\x06" or header[3] not in (0x82, 0x83):
        return Findings()
    frame = int.from_bytes(data[8:12], "big") + _FRAME_HEADER_SIZE
    for at in range(_LOG_HEADER_SIZE, len(data) - frame + 1, frame):
        if data[at + 8 : at + 16] != salts:
            break
        if any(data[at + 4 : at + 8]):
            remark = Remark("write-ahead-log", "changes that were never written into the database are not read")
            return Findings(remarks=[remark])
    return Findings()


def _add(findings: Findings, claims: ClaimList, blob: bytes, reading: Reading) -> None:
    try:
        header = parse_header(blob)
    except ParseError as error:
        reading.damaged(error.what)
        return
    name = header.string(Tag.NAME)
    if name == _TRUSTED_KEY:
        return
    version, release = header.string(Tag.VERSION), header.string(Tag.RELEASE)
    epoch = next(header.numbers(Tag.EPOCH), None)
    if not name or not version or not release or (epoch or 0) > _LARGEST_EPOCH:
        reading.damaged("a header without a name, version or release")
        return
    package = _package(header, name, f"{version}-{release}", epoch)
    findings.packages.append(package)
    claims.add(f"rpm/{name}", package.package_id, owned_paths(header))


def _package(header: Header, name: str, version: str, epoch: int | None) -> PackageFacts:
    source_name, source_version = _source(header.string(Tag.SOURCE_RPM))
    licence = header.string(Tag.LICENSE)
    # name:stream:version:context; the first two name what advisories speak of.
    module = header.string(Tag.MODULARITY_LABEL).split(":", 2)[:2]
    return PackageFacts(
        type="rpm",
        name=name,
        version=version,
        epoch=epoch,
        architecture=header.string(Tag.ARCH),
        source_name=source_name,
        source_version=source_version,
        module=":".join(module) if len(module) == 2 else "",
        licences=(licence,) if licence else (),
    )


def _manifest_package(fields: list[str]) -> PackageFacts:
    source_name, source_version = _source(fields[9])
    epoch = fields[5]
    known = epoch.isascii() and epoch.isdecimal() and len(epoch) < 10
    return PackageFacts(
        type="rpm",
        name=fields[0],
        version=fields[1],
        epoch=int(epoch) if known else None,
        architecture=_unless_none(fields[7]),
        source_name=source_name,
        source_version=source_version,
    )


def _source(file: str) -> tuple[str, str]:
    found = _SOURCE.fullmatch(file)
    return (found[1], found[2]) if found else ("", "")


def _unless_none(field: str) -> str:
    """A field as rpm prints it, which writes `(none)` for what is not there."""
    return "" if field == "(none)" else field
