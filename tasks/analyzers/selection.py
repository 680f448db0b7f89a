"""Which analysers run, and the lookup tables by which the walker finds their files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.identities import fingerprint_set_id
from catalog.limits import Limits
from tasks.analyzers.alpm import Alpm
from tasks.analyzers.apk import Apk
from tasks.analyzers.bitnami import Bitnami
from tasks.analyzers.conda import Conda
from tasks.analyzers.dotnet import DotNet
from tasks.analyzers.dpkg import Dpkg
from tasks.analyzers.erlang import Erlang
from tasks.analyzers.go_binary import GoBinary
from tasks.analyzers.interface import Analyser
from tasks.analyzers.java import Java
from tasks.analyzers.jvm import Jvm
from tasks.analyzers.lua import Lua
from tasks.analyzers.npm import Npm
from tasks.analyzers.opkg import Opkg
from tasks.analyzers.os_release import OsRelease
from tasks.analyzers.php import Php
from tasks.analyzers.portage import Portage
from tasks.analyzers.product_binary import ProductBinary
from tasks.analyzers.python import Python
from tasks.analyzers.r_language import RLanguage
from tasks.analyzers.rpm import Rpm, RpmManifest
from tasks.analyzers.ruby import Ruby
from tasks.analyzers.rust_binary import RustBinary
from tasks.analyzers.sbom import Sbom
from tasks.analyzers.secrets import Secrets
from tasks.analyzers.wordpress import WordPress

SUFFIX_LENGTH = 4
"""Bytes at a base name's end by which suffixes are looked up."""

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FingerprintSet:
    """The behaviours that produce a layer's records.

    Args:
        id: 16 bytes over the members.
        names: the members as `<analyser>/<version>/<hex>`, sorted.
    """

    id: bytes
    names: tuple[str, ...]


class Selection:
    """A set of analysers as lookup tables over raw tar names (bytes).

    Args:
        analysers: those that run, each name once.

    Raises:
        ValueError: two analysers of one name, or a suffix or magic of the wrong length.
    """

    def __init__(self, analysers: Iterable[Analyser]) -> None:
        self.analysers = tuple(sorted(analysers, key=lambda analyser: analyser.name))
        self.names: dict[bytes, tuple[Analyser, ...]] = {}
        self.suffixes: dict[bytes, tuple[Analyser, ...]] = {}
        self.folders: dict[bytes, tuple[Analyser, ...]] = {}
        self.magics: dict[bytes, tuple[Analyser, ...]] = {}
        self._endings: dict[bytes, tuple[bytes, ...]] = {}
        self._within: dict[bytes, tuple[bytes, ...]] = {}
        self.searches_secrets = any(isinstance(analyser, Secrets) for analyser in self.analysers)
        """Whether every text file is searched for secrets."""
        self._by_name = {analyser.name: analyser for analyser in self.analysers}
        if len(self._by_name) != len(self.analysers):
            raise ValueError("two analysers of one name")
        for analyser in self.analysers:
            self._enter(analyser)
        self._by_base = {name.decode(): analysers for name, analysers in self.names.items()}
        self._by_suffix = {suffix.decode(): analysers for suffix, analysers in self.suffixes.items()}
        self._by_folder = {folder.decode(): analysers for folder, analysers in self.folders.items()}

    def _enter(self, analyser: Analyser) -> None:
        wanted = analyser.wanted
        if any(len(suffix) < SUFFIX_LENGTH for suffix in wanted.suffixes) or any(len(m) != 4 for m in wanted.magics):
            raise ValueError(f"{analyser.name}: a suffix is too short or a magic has not four bytes")
        for name in wanted.names:
            _add(self.names, name.encode(), analyser)
        for suffix in wanted.suffixes:
            key = suffix.encode()[-SUFFIX_LENGTH:]
            _add(self.suffixes, key, analyser)
            self._within[key] = self._within.get(key, ()) + tuple(text.encode() for text in wanted.within)
            self._endings[key] = self._endings.get(key, ()) + (() if wanted.within else (suffix.encode(),))
        for folder in wanted.folders:
            # Tars spell one folder in three ways; others are so odd that the walker looks at them singly.
            for prefix in ("", "./", "/"):
                _add(self.folders, f"{prefix}{folder}".encode(), analyser)
        for magic in wanted.magics:
            _add(self.magics, magic, analyser)

    def seen_as(self, path: str) -> str:
        """The path under which the analysers are shown the file at this path."""
        return path

    def analyser(self, name: str) -> Analyser:
        """The analyser of that name; KeyError if there is none."""
        return self._by_name[name]

    def plausible(self, name: bytes) -> bool:
        """Whether a file whose base name ends as one of `suffixes` is worth a closer look: cheap, and never wrongly False.

        Args:
            name: its raw tar name.
        """
        key = name[-SUFFIX_LENGTH:]
        return name.endswith(self._endings[key]) or any(text in name for text in self._within[key])

    def wanting(self, path: str) -> tuple[Analyser, ...]:
        """The analysers that want the file at this path by its name, whatever its content.

        Args:
            path: as `catalog.schemas` writes it.
        """
        folder, _, base = path.rpartition("/")
        found = self._by_base.get(base, ()) + self._by_folder.get(folder, ())
        if base[-SUFFIX_LENGTH:] in self._by_suffix:
            found += tuple(a for a in self._by_suffix[base[-SUFFIX_LENGTH:]] if base.endswith(a.wanted.suffixes))
        return tuple(analyser for analyser in dict.fromkeys(found) if analyser.confirm(path)) if found else ()

    def names_wanting(self, path: str) -> frozenset[str]:
        """The names of the analysers that want the file at this path by its name.

        Args:
            path: as `catalog.schemas` writes it.
        """
        found = self.wanting(path)
        return frozenset(analyser.name for analyser in found) if found else _NOBODY

    def names_recognising(self, path: str, readers: Iterable[str]) -> frozenset[str]:
        """Those who read a file for its first bytes and would read it at another place too.

        Args:
            path: that place, as `catalog.schemas` writes it.
            readers: names of those who read the file where it lies, analysers of another version perhaps among them.
        """
        known = (self._by_name.get(name) for name in readers)
        return frozenset(a.name for a in known if a is not None and a.wanted.magics and a.confirm(path))

    def fingerprints(self, limits: Limits, reader: bytes = b"", reader_name: str = "") -> FingerprintSet:
        """What these analysers do under these limits.

        Args:
            limits: caps that change what is found.
            reader: fingerprint of what feeds them, a member like any other; empty for none.
            reader_name: that member's `<name>/<version>`.
        """
        members = {a.fingerprint(limits): f"{a.name}/{a.version}" for a in self.analysers}
        if reader:
            members[reader] = reader_name
        names = sorted(f"{name}/{digest.hex()}" for digest, name in members.items())
        return FingerprintSet(fingerprint_set_id(members), tuple(names))


def _add(table: dict[bytes, tuple[Analyser, ...]], key: bytes, analyser: Analyser) -> None:
    present = table.get(key, ())
    if analyser not in present:
        table[key] = (*present, analyser)


DEFAULT = Selection(
    (
        OsRelease(),
        Dpkg(),
        Apk(),
        Rpm(),
        RpmManifest(),
        Alpm(),
        Portage(),
        Opkg(),
        Python(),
        Npm(),
        Bitnami(),
        Conda(),
        DotNet(),
        Erlang(),
        GoBinary(),
        Java(),
        Jvm(),
        Lua(),
        Php(),
        ProductBinary(),
        RLanguage(),
        Ruby(),
        RustBinary(),
        Sbom(),
        WordPress(),
    )
)
"""The analysers of this version."""


SEARCHING = Selection((*DEFAULT.analysers, Secrets()))
"""The same, and the search for secrets."""


def selection_of(*, secrets: bool) -> Selection:
    """The analysers of this version, with or without the search for secrets."""
    return SEARCHING if secrets else DEFAULT


def wants(path: str) -> bool:
    """Whether some analyser wants the file at this path by its name.

    Args:
        path: relative, as `catalog.schemas` writes it.
    """
    return bool(DEFAULT.wanting(path))
