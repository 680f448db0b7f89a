"""What one layer says: its entries as rows, and what was read in the files that analysers wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from catalog.packages import OPERATING_SYSTEM_TYPES
from catalog.schemas import ENTRY_KINDS

FILE, DIRECTORY, SYMLINK, HARDLINK, DEVICE, FIFO, WHITEOUT, OPAQUE = range(len(ENTRY_KINDS))
"""Codes of `catalog.schemas.ENTRY_KINDS`."""

PACKAGE_KEY_COLUMNS = ("type", "namespace", "name", "version", "architecture")
"""The columns of `packages` that are a package's key."""

PackageKey = tuple[str, str, str, str, str]
"""(type, namespace, name, version, architecture): with its path, what makes a package the same one from layer to layer."""

Row = tuple[str, int, str | None]
"""(path, kind, target) of an entry."""


class Rights(NamedTuple):
    """With whose rights a file runs, whoever starts it.

    Args:
        mode: its permission bits, set-user-id or set-group-id among them.
        uid: its owner.
        gid: its group.
        layer: digest of the layer that says so.
    """

    mode: int
    uid: int
    gid: int
    layer: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read in one file of one layer.

    Args:
        packages: id → key of each package found.
        content: the file's bytes, where they were kept.
        read: whether its bytes were looked at, even in vain; False for a link that only the composed image can follow.
        database: it lists an operating system's packages: one database, by however many names it is reached.
        language: it names packages, of which none is an operating system's.
    """

    packages: dict[bytes, PackageKey] = field(default_factory=dict)
    content: bytes | None = None
    read: bool = True
    database: bool = False
    language: bool = False


class Claim(NamedTuple):
    """What a package database says of one path.

    Args:
        database: the database's path in its layer's archive.
        owner: `<purl type>/<package name>`.
        package: the owner's id where the same database lists it, else empty.
    """

    database: str
    owner: str
    package: bytes


def make_evidence(packages: dict[bytes, PackageKey], content: bytes | None, *, read: bool) -> Evidence:
    """Evidence with its marks set from the packages' types."""
    database = any(key[0] in OPERATING_SYSTEM_TYPES for key in packages.values())
    return Evidence(packages, content, read, database, language=bool(packages) and not database)
