"""What one layer says: its entries as rows, and what was read in the files that analysers wanted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

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


class Interest(Protocol):
    """Who wants which files, as `tasks.analyzers.selection.Selection` knows it."""

    def names_wanting(self, path: str) -> frozenset[str]:
        """The analysers that want the file at a path by its name."""

    def names_recognising(self, path: str, readers: frozenset[str]) -> frozenset[str]:
        """Those of a file's readers that only looked for its first bytes and would at this path too."""


NOBODY: frozenset[str] = frozenset()
"""No analyser."""


class Evidence(NamedTuple):
    """What was read in one file of one layer.

    Args:
        packages: id → key of each package found.
        content: the file's bytes, where they were kept.
        read: whether its bytes were looked at, even in vain; False for a link that only the composed image can follow.
        database: it lists an operating system's packages: one database, by however many names it is reached.
        language: it names packages, of which none is an operating system's.
        readers: names of the analysers that looked at its bytes.
        shares: reader → the packages that it found, where there are several readers.
    """

    packages: Mapping[bytes, PackageKey] = MappingProxyType({})
    content: bytes | None = None
    read: bool = True
    database: bool = False
    language: bool = False
    readers: frozenset[str] = NOBODY
    shares: Mapping[str, Mapping[bytes, PackageKey]] = MappingProxyType({})

    def seen_by(self, names: frozenset[str]) -> Evidence | None:
        """What some analysers see of it; None where none of them read it."""
        if self.readers <= names:
            return self
        left = self.readers & names
        if not left:
            return None
        packages = {package: key for name in left for package, key in self.shares.get(name, {}).items()}
        shares = {name: self.shares[name] for name in left if name in self.shares}
        return make_evidence(packages, self.content, readers=left, shares=shares if len(left) > 1 else {})

    def joined(self, further: Evidence) -> Evidence:
        """It with what other analysers found in the same file."""
        both = ((self, self.readers), (further, further.readers))
        shares = {name: found.shares.get(name, found.packages) for found, names in both for name in names}
        content = self.content if further.content is None else further.content
        readers = self.readers | further.readers
        packages = {**self.packages, **further.packages}
        return make_evidence(packages, content, readers=readers, shares=shares if len(readers) > 1 else {})


def make_evidence(
    packages: dict[bytes, PackageKey],
    content: bytes | None,
    *,
    readers: frozenset[str],
    shares: Mapping[str, Mapping[bytes, PackageKey]] | None = None,
) -> Evidence:
    """Evidence with its marks set from the packages' types."""
    database = any(key[0] in OPERATING_SYSTEM_TYPES for key in packages.values())
    language = bool(packages) and not database
    return Evidence(packages, content, bool(readers), database, language, readers, shares or {})
