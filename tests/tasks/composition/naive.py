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


@dataclass
class Regular:
    inode: Inode


@dataclass
class Symlink:
    target: str


@dataclass
class Directory:
    children: dict[str, Directory | Regular | Symlink] = field(default_factory=dict)


Found = Directory | Regular | Symlink | None


def wants(path: str) -> bool:
    """What the imaginary analysers of these tests look for."""
    return path.rpartition("/")[2] in ("db", "pkg")


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

    def files(self) -> dict[str, Inode]:
        found: dict[str, Inode] = {}
        waiting: list[tuple[str, Directory]] = [("", self.root)]
        while waiting:
            prefix, folder = waiting.pop()
            for name, child in folder.children.items():
                if isinstance(child, Directory):
                    waiting.append((f"{prefix}{name}/", child))
                elif isinstance(child, Regular):
                    found[prefix + name] = child.inode
        return found


def unpack(layers: list[Layer]) -> list[dict[tuple[bytes, str], tuple[str, str]]]:
    """After each layer: (package, path) → (introducing layer, evidence layer)."""
    system = FileSystem()
    since: dict[tuple[object, ...], str] = {}
    states = []
    for layer in layers:
        system = apply(system, layer)
        here: dict[tuple[object, ...], str] = {}
        state: dict[tuple[bytes, str], tuple[str, str]] = {}
        names: dict[int, str] = {}
        for path, inode in sorted(system.files().items()):
            packages = inode.packages or ()
            for found in packages:
                key = (found.type, found.namespace, found.name, found.version, found.architecture, path)
                here[key] = since.get(key, layer.digest)
            database = any(found.type in OPERATING_SYSTEM_TYPES for found in packages)
            if database and names.setdefault(id(inode), path) != path:
                continue
            for found in packages:
                key = (found.type, found.namespace, found.name, found.version, found.architecture, path)
                state[found.package_id, path] = (here[key], inode.layer)
        since = here
        states.append(state)
    return states


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
        if kind == DIRECTORY:
            if not isinstance(system.at(real), Directory):
                system.put(real, Directory())
        elif kind == SYMLINK:
            system.put(real, Symlink(target))
        elif kind == HARDLINK and (read or (not wants("/".join(real)) and path not in layer.evidence)):
            system.put(real, Regular(Inode(layer.digest, layer.packages.get(path) if read else None)))
            if read:
                own_links.append((real, target))
        elif kind == HARDLINK:
            source = system.at(system.real(target) or []) if system.real(target) else None
            if source is None:
                source = below.at(below.real(target) or []) if below.real(target) else source
            if isinstance(source, Symlink):
                system.put(real, Symlink(source.target))
            else:
                system.put(real, Regular(source.inode if isinstance(source, Regular) else Inode()))
        else:
            packages = layer.packages.get(path) if read and kind == FILE else None
            system.put(real, Regular(Inode(layer.digest, packages)))
    _join(system, layer, own_links)
    return system


def _join(system: FileSystem, layer: Layer, links: list[tuple[list[str], str]]) -> None:
    """Hard links to evidence of their own layer have its inode."""
    for _ in links:
        for real, target in links:
            node, first = system.at(real), system.at(system.real(target) or [])
            if not (isinstance(node, Regular) and isinstance(first, Regular)) or first.inode.packages is None:
                continue
            if node.inode.layer == first.inode.layer == layer.digest:
                node.inode = first.inode


def _copy(folder: Directory) -> Directory:
    copied = Directory()
    for name, child in folder.children.items():
        if isinstance(child, Directory):
            copied.children[name] = _copy(child)
        else:
            copied.children[name] = Regular(child.inode) if isinstance(child, Regular) else Symlink(child.target)
    return copied
