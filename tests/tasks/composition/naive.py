"""A naive model of composition: unpack every layer into a file system in memory, then look what is left.

Everything is kept, plain files and directories too, and nothing is shared or skipped; it is slow and easy to believe.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.packages import OPERATING_SYSTEM_TYPES, PackageFacts
from tasks.composition.evidence import DIRECTORY, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT
from tests.tasks.composition.building import Layer


@dataclass(eq=False)
class Inode:
    layer: str = ""
    packages: tuple[PackageFacts, ...] | None = None
    claims: tuple[tuple[str, bytes, str], ...] = ()
    reader: str = ""
    path: str = ""
    """Where its bytes lie in its layer's archive."""

    def seen_at(self, path: str) -> tuple[PackageFacts, ...]:
        """What counts of it under one of its names."""
        wanted = ANALYSERS.names_wanting(path) | ANALYSERS.names_recognising(path, frozenset({self.reader}))
        return (self.packages or ()) if self.reader in wanted else ()


Rights = tuple[int, int, int, str]


@dataclass
class Regular:
    inode: Inode
    rights: Rights | None = None


@dataclass
class Symlink:
    target: str


@dataclass
class Directory:
    children: dict[str, Directory | Regular | Symlink] = field(default_factory=dict)


Found = Directory | Regular | Symlink | None


class ImaginaryAnalysers:
    """One reads what is called `db`, one `pkg`, and one whatever begins as its files do, but for what is called `b`."""

    def names_wanting(self, path: str) -> frozenset[str]:
        return frozenset({path.rpartition("/")[2]} & {"db", "pkg"})

    def names_recognising(self, path: str, readers: frozenset[str]) -> frozenset[str]:
        return readers & {BY_CONTENT} if path.rpartition("/")[2] != "b" else frozenset()


BY_CONTENT = "program"
ANALYSERS = ImaginaryAnalysers()


def wants(path: str) -> bool:
    """What the imaginary analysers of these tests look for."""
    return bool(ANALYSERS.names_wanting(path))


class FileSystem:
    """A root directory, and how a kernel finds its way in it."""

    def __init__(self) -> None:
        self.root = Directory()

    def real(self, path: str, *, follow: bool = False) -> list[str] | None:
        """The real path: links in folders followed, at the end only if asked; None for too many."""
        real: list[str] = []
        todo = [part for part in path.split("/") if part not in ("", ".")]
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                real = real[:-1]
                continue
            found = self.at([*real, part])
            if isinstance(found, Symlink) and (todo or follow):
                links += 1
                if links > 40 or not found.target:
                    return None
                if found.target.startswith("/"):
                    real = []
                todo = [p for p in found.target.split("/") if p not in ("", ".")] + todo
            else:
                real.append(part)
        return real

    def at(self, real: list[str]) -> Found:
        found: Found = self.root
        for part in real:
            if not isinstance(found, Directory):
                return None
            found = found.children.get(part)
        return found

    def put(self, real: list[str], node: Directory | Regular | Symlink) -> None:
        folder = self.root
        for part in real[:-1]:
            child = folder.children.get(part)
            if not isinstance(child, Directory):
                child = folder.children[part] = Directory()
            folder = child
        folder.children[real[-1]] = node

    def remove(self, real: list[str]) -> None:
        folder = self.at(real[:-1])
        if real and isinstance(folder, Directory):
            folder.children.pop(real[-1], None)

    def files(self) -> dict[str, Regular]:
        return {path: node for path, node in self.nodes().items() if isinstance(node, Regular)}

    def links(self) -> dict[str, Symlink]:
        return {path: node for path, node in self.nodes().items() if isinstance(node, Symlink)}

    def nodes(self) -> dict[str, Regular | Symlink]:
        found: dict[str, Regular | Symlink] = {}
        waiting: list[tuple[str, Directory]] = [("", self.root)]
        while waiting:
            prefix, folder = waiting.pop()
            for name, child in folder.children.items():
                if isinstance(child, Directory):
                    waiting.append((f"{prefix}{name}/", child))
                else:
                    found[prefix + name] = child
        return found


@dataclass
class Unpacked:
    """What an image has: (package, path) → (introducing layer, evidence layer); path → rights; (path, package) → owner."""

    packages: dict[tuple[bytes, str], tuple[str, str]] = field(default_factory=dict)
    privileged: dict[str, Rights] = field(default_factory=dict)
    owned: dict[tuple[str, bytes], str] = field(default_factory=dict)


def lacking(layers: list[Layer]) -> set[tuple[str, str, str]]:
    """(layer, path, analyser) of the files that symlinks of an image show to analysers that did not read them."""
    system = FileSystem()
    for layer in layers:
        system = apply(system, layer)
    found = set()
    for path in system.links():
        real = system.real(path, follow=True)
        node = system.at(real) if real else None
        if isinstance(node, Regular) and node.inode.layer:
            missing = ANALYSERS.names_wanting(path) - {node.inode.reader}
            found.update((node.inode.layer, node.inode.path, name) for name in missing)
    return found


def unpack(layers: list[Layer]) -> list[Unpacked]:
    """After each layer, what there is."""
    system = FileSystem()
    since: dict[tuple[object, ...], int] = {}
    born: dict[int, tuple[Inode, int]] = {}
    states = []
    for position, layer in enumerate(layers):
        system = apply(system, layer)
        here: dict[tuple[object, ...], int] = {}
        state = Unpacked()
        names: dict[int, str] = {}
        for path, regular in sorted(system.files().items()):
            inode = regular.inode
            born.setdefault(id(inode), (inode, position))
            if regular.rights:
                state.privileged[path] = regular.rights
            packages = inode.seen_at(path)
            for found in packages:
                here[_key(found, path)] = since.get(_key(found, path), position)
            database = any(found.type in OPERATING_SYSTEM_TYPES for found in packages)
            if database and names.setdefault(id(inode), path) != path:
                continue
            for found in packages:
                state.packages[found.package_id, path] = (layers[here[_key(found, path)]].digest, inode.layer)
        since = here
        state.owned = _owned(system, since, {number: when for number, (_, when) in born.items()})
        states.append(state)
    return states


def _key(found: PackageFacts, path: str) -> tuple[object, ...]:
    return (found.type, found.namespace, found.name, found.version, found.architecture, path)


def _owned(
    system: FileSystem, since: dict[tuple[object, ...], int], born: dict[int, int]
) -> dict[tuple[str, bytes], str]:
    """Ask every claim of every file for every other file whether it means that one."""
    files = system.files()
    installed = {
        f"{found.type}/{found.name}"
        for path, regular in files.items()
        for found in regular.inode.seen_at(path)
        if found.type in OPERATING_SYSTEM_TYPES
    }
    owners: dict[tuple[str, bytes], str] = {}
    for path, regular in files.items():
        packages = regular.inode.seen_at(path)
        if not packages or any(found.type in OPERATING_SYSTEM_TYPES for found in packages):
            continue
        newest = max(since[_key(found, path)] for found in packages)
        for database, other in files.items():
            for owner, package, claimed in other.inode.claims:
                if not ANALYSERS.names_wanting(database) & {other.inode.reader}:
                    continue
                listed = [found for found in other.inode.packages or () if found.package_id == package]
                when = since[_key(listed[0], database)] if listed else born[id(other.inode)]
                if newest <= when and owner in installed and claimed in _spellings(system, path):
                    for found in packages:
                        key = (path, found.package_id)
                        owners[key] = min(owner, owners.get(key, owner))
    return owners


def _spellings(system: FileSystem, path: str) -> set[str]:
    """A file's own path, and those through linked folders in the root and in its folders."""
    found = {path}
    links = [(name, child) for name, child in system.root.children.items()]
    links += [
        (f"{name}/{below}", node)
        for name, child in links
        if isinstance(child, Directory)
        for below, node in child.children.items()
    ]
    for link, node in links:
        real = system.real(link, follow=True) if isinstance(node, Symlink) else None
        prefix = "".join(f"{part}/" for part in real or ())
        if real is not None and isinstance(system.at(real), Directory) and path.startswith(prefix):
            found.add(f"{link}/{path[len(prefix) :]}")
    return found


def apply(below: FileSystem, layer: Layer) -> FileSystem:
    """The file system with a layer on top."""
    system = FileSystem()
    system.root = _copy(below.root)
    for path, kind, _ in sorted(layer.entries):
        real = system.real(path)
        if kind == DIRECTORY and real and not isinstance(system.at(real), Directory):
            system.remove(real)
    for path, kind, _ in sorted(layer.entries):
        real = system.real(path, follow=kind == OPAQUE)
        if kind == WHITEOUT and real:
            system.remove(real)
        if kind == OPAQUE and real is not None and isinstance(folder := system.at(real), Directory):
            folder.children.clear()
    own_links: list[tuple[list[str], str]] = []
    for path, kind, target in layer.entries:
        real = system.real(path)
        if not real or kind in (WHITEOUT, OPAQUE):
            continue
        read = layer.evidence.get(path) == "read"
        claims = tuple(layer.claims.get(path, ()))
        reader = layer.readers_of(path)[0]
        own = layer.rights.get(path)
        rights = (*own, layer.digest) if own else None
        if kind == DIRECTORY:
            if not isinstance(system.at(real), Directory):
                system.put(real, Directory())
        elif kind == SYMLINK:
            system.put(real, Symlink(target))
        elif kind == HARDLINK:
            source = system.at(system.real(target) or []) if system.real(target) else None
            if source is None:
                source = below.at(below.real(target) or []) if below.real(target) else source
            rights = rights or (source.rights if isinstance(source, Regular) else None)
            known = isinstance(source, Regular) and ANALYSERS.names_recognising(path, frozenset({source.inode.reader}))
            if read or (not wants("/".join(real)) and path not in layer.evidence and not known):
                inode = Inode(
                    layer.digest, layer.packages.get(path) if read else None, claims, reader if read else "", path
                )
                system.put(real, Regular(inode, rights))
                if read:
                    own_links.append((real, target))
            elif isinstance(source, Symlink):
                system.put(real, Symlink(source.target))
            else:
                system.put(real, Regular(source.inode if isinstance(source, Regular) else Inode(), rights))
        else:
            packages = layer.packages.get(path) if read and kind == FILE else None
            system.put(real, Regular(Inode(layer.digest, packages, claims, reader if read else "", path), rights))
    _join(system, layer, own_links)
    return system


def _join(system: FileSystem, layer: Layer, links: list[tuple[list[str], str]]) -> None:
    """Hard links to evidence of their own layer have its inode; so have those whose first name is gone."""
    named = {"/".join(real): "/".join(system.real(target) or [target]) for real, target in links}
    same: dict[str, list[Regular]] = {}
    for name in named:
        end = name
        while end in named:
            end = named[end]
        same.setdefault(end, [])
        for path in (end, name):
            node = system.at(path.split("/"))
            own = isinstance(node, Regular) and node.inode.layer == layer.digest and node.inode.packages is not None
            if isinstance(node, Regular) and own:
                same[end].append(node)
    for nodes in same.values():
        for node in nodes:
            node.inode = nodes[0].inode


def _copy(folder: Directory) -> Directory:
    copied = Directory()
    for name, child in folder.children.items():
        if isinstance(child, Directory):
            copied.children[name] = _copy(child)
        else:
            copied.children[name] = (
                Regular(child.inode, child.rights) if isinstance(child, Regular) else Symlink(child.target)
            )
    return copied
