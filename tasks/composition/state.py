"""What is known of a chain: its tree, its packages and privileged files, and what its top layer changed.

`settle` compares the tree after a layer with the one below it, path by path and only where the layer touched something. It
gives every package its introducing layer, yields the rows of the chain's delta, and counts the packages of each type.

An operating system's database that hard links reach by several names is listed once, at the least of its names; packages of
a language are installed wherever their evidence lies, so two names are two places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from catalog.identities import ROOT_CHAIN
from tasks.composition.apply import Applied
from tasks.composition.evidence import PackageKey
from tasks.composition.sharing import SharedMapping
from tasks.composition.tree import File, Folder, empty_tree, node_at

Listed = TypeVar("Listed")

DeltaRow = tuple[bytes, str, int, str, str]
"""(package, path, change, introducing layer, evidence layer), as in `catalog.schemas.OCCURRENCES`."""


class PackageCount:
    """The packages of one type that a chain has.

    Args:
        occurrences: package → number of paths it is at; never zero.
    """

    __slots__ = ("occurrences", "set_ids")

    def __init__(self, occurrences: SharedMapping[bytes, int]) -> None:
        self.occurrences = occurrences
        self.set_ids: dict[tuple[bytes, frozenset[bytes]], bytes] = {}
        """(platform, packages left out) → id of the package set, where it was computed."""


@dataclass(frozen=True, slots=True)
class ChainState:
    """A chain of layers, composed.

    Args:
        chain: its id; ROOT_CHAIN before the lowest layer.
        parent: the id of the chain below.
        layer: digest of the top layer; empty before the lowest.
        root: the tree.
        packages: type → packages.
        names: those of files that hard links gave several; True where a database is not listed, because it is at another.
        layers: digests of its layers, bottom first.
        languages: path → file of the evidence that names a language's packages.
        databases: path → file of the evidence that names an operating system's.
        privileged: path → file that runs with other rights than its caller's.
        moved: path → file of evidence that lies elsewhere than its layer's archive says: behind a linked folder, or under a
            further name.
    """

    chain: bytes = ROOT_CHAIN
    parent: bytes = ROOT_CHAIN
    layer: str = ""
    root: Folder = field(default_factory=empty_tree)
    packages: Mapping[str, PackageCount] = field(default_factory=dict)
    names: SharedMapping[str, bool] = field(default_factory=SharedMapping)
    layers: tuple[str, ...] = ()
    languages: SharedMapping[str, File] = field(default_factory=SharedMapping)
    databases: SharedMapping[str, File] = field(default_factory=SharedMapping)
    privileged: SharedMapping[str, File] = field(default_factory=SharedMapping)
    moved: SharedMapping[str, File] = field(default_factory=SharedMapping)


BOTTOM = ChainState()
"""The state before the lowest layer."""


def settle(below: ChainState, chain: bytes, layer: str, applied: Applied) -> tuple[ChainState, list[DeltaRow]]:
    """Finish a chain.

    Args:
        below: the state of the chain below.
        chain: the id of this one.
        layer: digest of its top layer.
        applied: the tree with that layer.

    Returns:
        The chain's state, and the rows of its delta in the order of path and package.
    """
    old_root, new_root = below.root, applied.root
    layers = (*below.layers, layer)
    renamed = _renamed(below.names, applied)
    paths = sorted({*applied.touched, *renamed})
    hidden = {path for path in paths if below.names.get(path)}
    rows: list[DeltaRow] = []
    counting = _Counting(below.packages)
    changes = _Changes()
    fresh = applied.fresh if not renamed else {}
    position = len(below.layers)
    for path in paths:
        come = fresh.get(path)
        if come is not None and come.evidence is not None:
            packages = come.evidence.packages
            come.introduced, come.position = dict.fromkeys(packages, position), position
            changes.note(path, None, come)
            listed = sorted(packages) if len(packages) > 1 else packages
            rows.extend((package, path, 1, layer, come.layer) for package in listed)
            counting.add(packages)
            continue
        old, new = _file(old_root, path), _file(new_root, path)
        if new is not None and new.introduced is None:
            new.introduced = _introduce(old, new, position)
            if new.position < 0:
                new.position = position
        if new is not old:
            changes.note(path, old, new)
        shown = None if path in hidden else old
        shows = None if renamed.get(path, path in hidden) else new
        if shown is not shows:
            rows.extend(_compare(path, shown, shows, layers))
            counting.change(shown, shows)
    state = ChainState(
        chain=chain,
        parent=below.chain,
        layer=layer,
        root=new_root,
        packages=counting.packages(),
        names=_changed(below.names, renamed),
        layers=layers,
        languages=_changed(below.languages, changes.languages),
        databases=_changed(below.databases, changes.databases),
        privileged=_changed(below.privileged, changes.privileged),
        moved=_changed(below.moved, changes.moved),
    )
    return state, rows


@dataclass(slots=True)
class _Changes:
    """What a layer changes of the files that a state lists; None for those it lists no more."""

    languages: dict[str, File | None] = field(default_factory=dict)
    databases: dict[str, File | None] = field(default_factory=dict)
    privileged: dict[str, File | None] = field(default_factory=dict)
    moved: dict[str, File | None] = field(default_factory=dict)

    def note(self, path: str, old: File | None, new: File | None) -> None:
        before, after = old.evidence if old else None, new.evidence if new else None
        if after is not None and after.language:
            self.languages[path] = new
        elif before is not None and before.language:
            self.languages[path] = None
        if after is not None and after.database:
            self.databases[path] = new
        elif before is not None and before.database:
            self.databases[path] = None
        if new is not None and new.rights is not None:
            self.privileged[path] = new
        elif old is not None and old.rights is not None:
            self.privileged[path] = None
        if after is not None and new is not None and new.path != path:
            self.moved[path] = new
        elif before is not None and old is not None and old.path != path:
            self.moved[path] = None


def _changed(known: SharedMapping[str, Listed], changes: Mapping[str, Listed | None]) -> SharedMapping[str, Listed]:
    return known.changed(changes) if changes else known


def _file(root: Folder, path: str) -> File | None:
    node = node_at(root, path)
    return node if type(node) is File else None


def _renamed(names: SharedMapping[str, bool], applied: Applied) -> dict[str, bool | None]:
    """What a layer changes of `ChainState.names`; None for what is no such name any more."""
    if not applied.aliases and not any(path in names for path in applied.touched):
        return {}
    files: dict[object, list[str]] = {}
    for path in sorted({*names, *applied.aliases}):
        node = _file(applied.root, path)
        if node is not None:
            files.setdefault(node.inode, []).append(path)
    now: dict[str, bool | None] = dict.fromkeys(names)
    for paths in files.values():
        if len(paths) > 1:
            listed = next((path for path in paths if _is_database(applied.root, path)), "")
            now.update((path, _is_database(applied.root, path) and path != listed) for path in paths)
    return {path: hides for path, hides in now.items() if names.get(path) is not hides}


def _is_database(root: Folder, path: str) -> bool:
    node = _file(root, path)
    return node is not None and node.evidence is not None and node.evidence.database


def _introduce(old: File | None, new: File, position: int) -> dict[bytes, int]:
    """Package → position of its introducing layer: the one below keeps it where the package's key is the same."""
    if new.evidence is None:
        return {}
    if old is None or old.evidence is None or not old.introduced:
        return dict.fromkeys(new.evidence.packages, position)
    since = {key: old.introduced[package] for package, key in old.evidence.packages.items()}
    return {package: since.get(key, position) for package, key in new.evidence.packages.items()}


def _compare(path: str, old: File | None, new: File | None, layers: Sequence[str]) -> Iterable[DeltaRow]:
    before = (old.introduced or {}) if old else {}
    after = (new.introduced or {}) if new else {}
    moved = old is None or new is None or old.layer != new.layer
    for package in sorted({**before, **after}):
        introduced = after.get(package)
        if introduced is None:
            yield package, path, -1, layers[before[package]], old.layer if old else ""
        elif moved or before.get(package) != introduced:
            yield package, path, 1, layers[introduced], new.layer if new else ""


class _Counting:
    """Counts of packages by type, made anew only for the types that change."""

    def __init__(self, packages: Mapping[str, PackageCount]) -> None:
        self._below = packages
        self._changes: dict[str, dict[bytes, int]] = {}

    def add(self, packages: Mapping[bytes, PackageKey]) -> None:
        for package, key in packages.items():
            changes = self._changes.get(key[0])
            if changes is None:
                changes = self._changes[key[0]] = {}
            changes[package] = changes.get(package, 0) + 1

    def change(self, old: File | None, new: File | None) -> None:
        before = old.evidence.packages if old and old.evidence else {}
        after = new.evidence.packages if new and new.evidence else {}
        for package in before.keys() - after.keys():
            self._add(before[package][0], package, -1)
        for package in after.keys() - before.keys():
            self._add(after[package][0], package, 1)

    def packages(self) -> Mapping[str, PackageCount]:
        counts = dict(self._below)
        for kind, changes in self._changes.items():
            known = self._below[kind].occurrences if kind in self._below else SharedMapping()
            now = known.view()
            further = {package: (now.get(package, 0) + change) or None for package, change in changes.items() if change}
            counts[kind] = PackageCount(known.changed(further))
        return counts

    def _add(self, kind: str, package: bytes, change: int) -> None:
        changes = self._changes.setdefault(kind, {})
        changes[package] = changes.get(package, 0) + change
