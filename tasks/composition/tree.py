"""The part of an image's file tree that composition must remember: evidence, links, privileged files, the folders above.

Everything else in an image is a plain file that hides nothing of interest, or an empty place. Trees of chains that share
layers share their folders: an `Edit` copies only the folders along the paths that a layer changes, so a state costs what its
top layer changed, and leaving it costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.composition.evidence import Evidence, Rights

MOST_LINKS = 40
"""Links followed in one path before it counts as a loop (Linux, path_resolution(7))."""
MOST_STEPS = 1_024
"""Components walked for one path, those of links' targets included, before it counts as a loop."""


class Link:
    """A symbolic link.

    Args:
        target: as the archive writes it.
        wanted: an analyser wants the path where it stands.
    """

    __slots__ = ("_todo", "target", "wanted")

    def __init__(self, target: str, *, wanted: bool = False) -> None:
        self.target = target
        self.wanted = wanted
        self._todo: tuple[str, ...] | None = None

    @property
    def todo(self) -> tuple[str, ...]:
        """The target's components, the last one first; kept for the links that are followed, which are few."""
        if self._todo is None:
            self._todo = tuple(reversed(split_path(self.target)))
        return self._todo


class File:
    """A file that is evidence, or would be if its bytes had been kept; or one that is privileged.

    Args:
        layer: digest of the layer that holds its bytes.
        path: its path in that layer's archive.
        evidence: what was read in it; None where nobody kept its bytes.
        target: where `evidence` and `path` are unknown: the path that a hard link named.
        rights: with whose rights it runs, where it is privileged.
        plain: it is remembered for its rights alone; nobody looks for evidence in it.
        lacking: an analyser wants it where it stands that did not read it.
    """

    __slots__ = (
        *("evidence", "inode", "introduced", "lacking", "layer", "path", "plain", "position", "rights", "target"),
        "whole",
    )

    def __init__(
        self,
        layer: str,
        path: str,
        evidence: Evidence | None,
        *,
        target: str = "",
        rights: Rights | None = None,
        plain: bool = False,
        lacking: bool = False,
    ) -> None:
        self.layer = layer
        self.path = path
        self.evidence = evidence
        self.inode = object()
        """The same object for all hard links to one file."""
        self.target = target
        self.rights = rights
        self.plain = plain
        self.lacking = lacking
        self.whole = evidence
        """What was read in it under any of its names; `evidence` is what counts under this one."""
        self.introduced: dict[bytes, int] | None = None
        """Package → position in the chain of the layer from which on it is here without a gap; set when the layer that put
        the file is settled."""
        self.position = -1
        """Position in the chain of the layer that holds its bytes; set at the same time."""


class Folder:
    """A directory on the way to something of interest."""

    __slots__ = ("asks", "children", "edit")

    def __init__(self, children: dict[str, Node], edit: object) -> None:
        self.children = children
        self.edit = edit
        self.asks: bool | None = None
        """Whether there are `questions` below it; None until somebody looked, which is after its edit."""


Node = File | Link | Folder


class Place(NamedTuple):
    """Where a path leads.

    Args:
        parts: the real path, no link in its folders.
        node: what is remembered there.
        crossed: a link was followed on the way.
        blocked: how many parts lead to a file that stands where a folder should; 0 for none.
        parent: what is remembered at the folder that holds the place.
    """

    parts: list[str]
    node: Node | None
    parent: Node | None
    crossed: bool
    blocked: int


def empty_tree() -> Folder:
    """The tree before the lowest layer."""
    return Folder({}, None)


def split_path(path: str) -> list[str]:
    """Components of a path, empty ones and `.` left out."""
    return [part for part in path.split("/") if part not in ("", ".")]


def resolve(root: Folder, parts: Sequence[str], *, follow: bool = False) -> Place | None:
    """Follow the links in a path, as the kernel does inside the image's root.

    Args:
        root: the tree.
        parts: the path; `..` stays inside the root.
        follow: follow a link at the end of the path too.

    Returns:
        Where it leads; None for a loop or a link without a usable target.
    """
    direct = _resolve_directly(root, parts, follow=follow)
    if direct is not None:
        return direct
    real: list[str] = []
    nodes: list[Node | None] = [root]
    todo = list(reversed(parts))
    links = 0
    steps = len(todo)
    in_the_way = False
    while todo:
        name = todo.pop()
        if name == "..":
            if real:
                real.pop()
                nodes.pop()
            continue
        above = nodes[-1]
        child: Node | None = None
        if type(above) is Folder:
            child = above.children.get(name)
        elif type(above) is File:
            in_the_way = True
        if type(child) is Link and (todo or follow):
            links += 1
            steps += len(child.todo)
            if links > MOST_LINKS or steps > MOST_STEPS or not child.target:
                return None
            if child.target.startswith("/"):
                real.clear()
                del nodes[1:]
            todo.extend(child.todo)
            continue
        real.append(name)
        nodes.append(child)
    blocked = next((depth for depth, node in enumerate(nodes[:-1]) if type(node) is File), 0) if in_the_way else 0
    return Place(real, nodes[-1], nodes[-2] if real else None, crossed=links > 0, blocked=blocked)


def _resolve_directly(root: Folder, parts: Sequence[str], *, follow: bool) -> Place | None:
    """The common case, a path without a link or a file in its folders; None where it is another."""
    if not parts or ".." in parts:
        return None
    folder = root
    for name in parts[:-1]:
        child = folder.children.get(name)
        if child is None:
            return Place(list(parts), None, None, crossed=False, blocked=0)
        if type(child) is not Folder:
            return None
        folder = child
    node = folder.children.get(parts[-1])
    return None if follow and type(node) is Link else Place(list(parts), node, folder, crossed=False, blocked=0)


def evident(node: Node | None) -> Node | None:
    """A node as far as evidence goes: none where only a file's rights are remembered."""
    return None if type(node) is File and node.plain else node


def node_at(root: Folder, path: str) -> Node | None:
    """What stands at a real path."""
    node: Node | None = root
    for name in path.split("/"):
        if type(node) is not Folder:
            return None
        node = node.children.get(name)
    return node


def walk(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """Everything at and below a node with its path, folders before what they hold."""
    waiting = [(path, node)]
    while waiting:
        here, found = waiting.pop()
        yield here, found
        if type(found) is Folder:
            prefix = f"{here}/" if here else ""
            waiting.extend((prefix + name, child) for name, child in found.children.items())


def questions(root: Folder) -> Iterator[tuple[str, File | Link]]:
    """What an image's end must look at, with its path: links that are wanted, and files that lack a reader.

    Folders remember whether they lead to any, so chains that share folders look through them once.
    """
    _look_through(root)
    waiting: list[tuple[str, Folder]] = [("", root)]
    while waiting:
        here, folder = waiting.pop()
        for name, child in folder.children.items():
            if not _asks(child):
                continue
            if isinstance(child, Folder):
                waiting.append((f"{here}{name}/", child))
            else:
                yield here + name, child


def _look_through(root: Folder) -> None:
    unknown = [root] if root.asks is None else []
    for folder in unknown:
        unknown.extend(child for child in folder.children.values() if type(child) is Folder and child.asks is None)
    for folder in reversed(unknown):
        folder.asks = any(map(_asks, folder.children.values()))


def _asks(node: Node) -> bool:
    if type(node) is Folder:
        return bool(node.asks)
    if type(node) is Link:
        return node.wanted
    return type(node) is File and (node.lacking or node.evidence is None) and not node.plain


class Edit:
    """A change of a tree; the tree it starts from stays as it is.

    Args:
        root: the tree to start from.
    """

    def __init__(self, root: Folder) -> None:
        self.root = root
        self.touched: set[str] = set()
        """Real paths at which a file came or went."""
        self.fresh: dict[str, File] = {}
        """Those where one came directly, and none was before."""
        self._token = object()

    def put(self, parts: Sequence[str], node: File | Link) -> None:
        """Put a node at a real path, in place of whatever is there and of files in the way."""
        folder = self._own_folder(parts[:-1])
        path = "/".join(parts)
        old = folder.children.get(parts[-1])
        if old is not None:
            self._forget(old, path)
        folder.children[parts[-1]] = node
        self._note(path, node)

    def put_directly(self, parts: Sequence[str], node: File) -> bool:
        """Put a file at a path if no link and no file is in its folders and nothing is there; False where it is not so."""
        if self.root.edit is not self._token:
            self.root = Folder(dict(self.root.children), self._token)
        folder = self.root
        for name in parts[:-1]:
            child = folder.children.get(name)
            if child is None:
                child = folder.children[name] = Folder({}, self._token)
            elif type(child) is not Folder:
                return False
            elif child.edit is not self._token:
                child = folder.children[name] = Folder(dict(child.children), self._token)
            folder = child
        if parts[-1] in folder.children:
            return False
        folder.children[parts[-1]] = node
        path = "/".join(parts)
        if path not in self.touched:
            self.touched.add(path)
            self.fresh[path] = node
        return True

    def remove(self, parts: Sequence[str]) -> None:
        """Take away what is at a real path, with all below it."""
        if parts and node_at(self.root, "/".join(parts)) is not None:
            folder = self._own_folder(parts[:-1])
            self._forget(folder.children.pop(parts[-1]), "/".join(parts))

    def clear(self, parts: Sequence[str]) -> None:
        """Take away all that is below a real path."""
        node = node_at(self.root, "/".join(parts)) if parts else self.root
        if type(node) is Folder and node.children:
            path = "/".join(parts)
            self._forget(node, path)
            self._own_folder(parts).children.clear()

    def _own_folder(self, parts: Sequence[str]) -> Folder:
        if self.root.edit is not self._token:
            self.root = Folder(dict(self.root.children), self._token)
        folder = self.root
        for depth, name in enumerate(parts, 1):
            child = folder.children.get(name)
            if type(child) is not Folder:
                if child is not None:
                    self._forget(child, "/".join(parts[:depth]))
                child = folder.children[name] = Folder({}, self._token)
            elif child.edit is not self._token:
                child = folder.children[name] = Folder(dict(child.children), self._token)
            folder = child
        return folder

    def _forget(self, node: Node, path: str) -> None:
        for here, found in walk(node, path):
            self._note(here, found)

    def _note(self, path: str, node: Node) -> None:
        if type(node) is File:
            self.touched.add(path)
            self.fresh.pop(path, None)
