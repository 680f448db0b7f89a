"""Lay one layer over the tree of those below it.

In this order, so that the order of entries within the layer decides nothing it should not:

1. An explicit directory entry takes the place of a link or file that a lower layer has at its path. (containerd and Docker
   do so too: only a directory over a directory merges.)
2. Markers take away what lower layers have: a whiteout its path, an opaque marker all below its directory. Links of lower
   layers are followed in their folders, as in `lib/apk/db/.wh.installed` over `lib` → `usr/lib`.
3. Then the layer's own entries, as its archive has them: whatever is no directory takes the place of everything at and below
   its path. Their folders, too, are reached through links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.composition.evidence import DIRECTORY, FILE, HARDLINK, NOBODY, OPAQUE, SYMLINK, WHITEOUT, Interest, Row
from tasks.composition.layer_rows import LayerRows
from tasks.composition.tree import Edit, File, Folder, Link, Node, Place, evident, node_at, resolve, split_path

_NO_FOLDER = "/"


@dataclass(frozen=True, slots=True)
class Watch:
    """Real places whose files are remembered although nobody kept their bytes: to find the layer that holds them.

    Args:
        files: paths of files.
        folders: paths of folders, for all files below them.
    """

    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    def sees(self, parts: Sequence[str]) -> bool:
        """Whether a file at this real path is remembered."""
        if "/".join(parts) in self.files:
            return True
        return bool(self.folders) and any("/".join(parts[:depth]) in self.folders for depth in range(1, len(parts)))


NOTHING = Watch()
"""No place watched."""


@dataclass(slots=True)
class Applied:
    """A tree after a layer.

    Args:
        root: the tree.
        touched: real paths at which a file came or went.
        aliases: real paths that became names of one file, its first name among them.
        fresh: those of the touched paths where a file came and none was, with that file, which lies there in its layer too.
    """

    root: Folder
    touched: set[str]
    aliases: list[str] = field(default_factory=list)
    fresh: Mapping[str, File] = field(default_factory=dict)


def apply_layer(root: Folder, rows: LayerRows, interest: Interest, watch: Watch = NOTHING) -> Applied:
    """Lay a layer over a tree, which stays as it is.

    Args:
        root: the tree below.
        rows: the layer.
        interest: who wants which files.
        watch: further places to remember.
    """
    places = watch.files | watch.folders
    if not rows.large:
        return _apply_small(root, rows, interest, watch)
    chosen = rows.special
    applied = _Application(root, rows, interest, watch).run(chosen)
    neighbours = rows.with_neighbours((root, applied.root), places)
    if len(neighbours) == len(chosen):
        return applied
    return _Application(root, rows, interest, watch).run(neighbours)


def _apply_small(root: Folder, rows: LayerRows, interest: Interest, watch: Watch) -> Applied:
    # What the layer puts somewhere and takes away again stands below something else of it, so that the trees before and
    # after tell of all that plain entries could meet; but hard links can mean what is nowhere remembered.
    if watch is not NOTHING or rows.has_hard_links or rows.meets(root):
        return _Application(root, rows, interest, watch).run(rows.rows)
    application = _Application(root, rows, interest, watch)
    applied = application.run(rows.special)
    if (rows.apart and not application.crossed) or not rows.meets(applied.root):
        return applied
    return _Application(root, rows, interest, watch).run(rows.rows)


class _Application:
    def __init__(self, root: Folder, rows: LayerRows, interest: Interest, watch: Watch) -> None:
        self.below = root
        self.edit = Edit(root)
        self.rows = rows
        self.interest = interest
        self.watch = watch
        self.aliases: list[str] = []
        self.crossed = False
        """Whether an entry with evidence or rights stands elsewhere than its path says."""
        self.own_links: dict[str, list[str]] = {}
        # The last folder of a plain entry, where no link or file was in the way, and what is remembered of it.
        self._folder = _NO_FOLDER
        self._remembered: Folder | None = None
        # Where plain entries of this layer stand: needed only where one of its hard links may mean a lower layer's file.
        self._own_plain: set[str] | None = set() if rows.has_hard_links else None

    def run(self, rows: Sequence[Row]) -> Applied:
        if self.below.children:
            self._displace(rows)
            self._take_away(rows)
        for path, kind, target in rows:
            if kind not in (WHITEOUT, OPAQUE):
                self._add(path, kind, target or "")
        if self.own_links:
            self._join_own_links()
        return Applied(self.edit.root, self.edit.touched, self.aliases, self.edit.fresh)

    def _displace(self, rows: Sequence[Row]) -> None:
        # By path, so that a folder goes before what it holds, whatever the archive's order.
        for path in sorted(path for path, kind, _ in rows if kind == DIRECTORY):
            place = self._place(path)
            if place and type(place.node) in (File, Link):
                self.edit.remove(place.parts)

    def _take_away(self, rows: Sequence[Row]) -> None:
        for path, kind in sorted((path, kind) for path, kind, _ in rows if kind in (WHITEOUT, OPAQUE)):
            place = resolve(self.edit.root, split_path(path), follow=kind == OPAQUE)
            if place is None:
                continue
            if kind == OPAQUE:
                self.edit.clear(place.parts)
            else:
                self.edit.remove(place.parts)

    def _add(self, path: str, kind: int, target: str) -> None:
        evidence = self.rows.evidence.get(path)
        rights = self.rows.privileged.get(path)
        if kind not in (SYMLINK, HARDLINK) and (kind != FILE or (evidence is None and rights is None)):
            self._add_plain(path, kind)
            return
        self._folder = _NO_FOLDER
        file = File(self.rows.layer, path, evidence, rights=rights)
        if kind == FILE and evidence is not None and path and self.edit.put_directly(path.split("/"), file):
            return
        place = self._place(path)
        if place is None or not place.parts:
            return
        self.crossed |= place.crossed
        if kind == HARDLINK:
            self._add_hard_link(place, target, file)
        elif kind == SYMLINK:
            self.edit.put(place.parts, Link(target, wanted=evidence is not None or self._wanted(place)))
        else:
            if evidence is None:
                self._note_plain(place, path)
                file.plain = not self._asks(place)
            elif place.crossed:
                file.lacking = not self.interest.names_wanting("/".join(place.parts)) <= evidence.readers
            self.edit.put(place.parts, file)

    def _note_plain(self, place: Place, path: str) -> None:
        if self._own_plain is not None:
            self._own_plain.update((path, "/".join(place.parts)))

    def _wanted(self, place: Place) -> bool:
        return bool(self.interest.names_wanting("/".join(place.parts)))

    def _asks(self, place: Place) -> bool:
        """Whether a file here that nobody read might be evidence after all."""
        return self.watch.sees(place.parts) or (place.crossed and self._wanted(place))

    def _add_plain(self, path: str, kind: int) -> None:
        """An entry that is nothing itself, but may stand where something was."""
        folder, _, base = path.rpartition("/")
        if self._own_plain is not None:
            self._own_plain.add(path)
        if folder == self._folder and (self._remembered is None or base not in self._remembered.children):
            return
        place = self._place(path)
        if place is None or not place.parts:
            return
        if place.crossed and self._own_plain is not None:
            self._own_plain.add("/".join(place.parts))
        watched = self.watch is not NOTHING
        if kind == FILE and (watched or place.crossed) and self._asks(place):
            self._folder = _NO_FOLDER
            self.edit.put(place.parts, File(self.rows.layer, path, None))
        elif place.blocked or (place.node is not None and (kind != DIRECTORY or type(place.node) is not Folder)):
            self._folder = _NO_FOLDER
            self._make_way(place)
        elif not place.crossed and not watched and (place.parent is None or type(place.parent) is Folder):
            self._folder, self._remembered = folder, place.parent

    def _make_way(self, place: Place) -> None:
        self.edit.remove(place.parts[: place.blocked] if place.blocked else place.parts)

    def _add_hard_link(self, place: Place, target: str, file: File) -> None:
        """A further name of a file: of this layer, or of a lower one, even where this layer takes its first name away.

        Args:
            place: where the name stands.
            target: the first name.
            file: what is put there if the layer itself says what it is.
        """
        real = "/".join(place.parts)
        parts = split_path(target)
        node, first = self._behind(parts)
        if file.rights is None and type(node) is File:
            file.rights = node.rights
        node = evident(node)
        wanted = self.interest.names_wanting(real)
        if file.evidence is not None and self._is_its_own(file, wanted, node):
            file.lacking = not wanted <= file.evidence.readers
            self.own_links[real] = parts
            self.edit.put(place.parts, file)
            return
        found = node.whole if type(node) is File else None
        recognising = self.interest.names_recognising(real, found.readers) if found is not None else NOBODY
        seen = self.watch.sees(place.parts)
        if file.evidence is None and not (wanted or recognising or seen):
            # Nobody looks for evidence under this name.
            if file.rights is None:
                self._make_way(place)
            else:
                file.plain = True
                self.edit.put(place.parts, file)
        elif type(node) is File:
            linked = File(node.layer, node.path, found, target=node.target, rights=file.rights)
            if found is not None and not seen:
                linked.evidence = found.seen_by(wanted | self.interest.names_wanting(file.path) | recognising)
            linked.lacking = found is not None and not wanted <= found.readers
            linked.inode, linked.position = node.inode, node.position
            self.aliases.extend((real, first))
            self.edit.put(place.parts, linked)
        elif type(node) is Link:
            self.edit.put(place.parts, Link(node.target, wanted=True))
        else:
            self.edit.put(place.parts, File("", "", None, target=first, rights=file.rights))

    def _is_its_own(self, file: File, wanted: frozenset[str], node: Node | None) -> bool:
        """Whether the layer itself says what a hard link is.

        It is left to the file that it names where somebody wants the link that did not read it: only there are its bytes.
        """
        if file.evidence is None or not file.evidence.read:
            return False
        behind = node.whole if type(node) is File and node.layer == file.layer else None
        return wanted <= file.evidence.readers or behind is None or not file.evidence.readers <= behind.readers

    def _behind(self, parts: list[str]) -> tuple[Node | None, str]:
        """What a hard link names, and its real path: of this layer or below, or what this layer itself took away there."""
        found = resolve(self.edit.root, parts)
        first = "/".join(found.parts if found else parts)
        if (found is None or found.node is None) and first not in (self._own_plain or ()):
            found = resolve(self.below, parts)
            first = "/".join(found.parts if found else parts)
            if type(found.node if found else None) is File and self._is_own_folder(first):
                return None, first
        return (found.node if found else None), first

    def _is_own_folder(self, path: str) -> bool:
        """Whether this layer has entries below a path."""
        return any(plain.startswith(f"{path}/") for plain in self._own_plain or ())

    def _join_own_links(self) -> None:
        """Give hard links within the layer, in whatever order they came, one inode with what they link to."""
        ends: dict[str, str] = {}
        for name in self.own_links:
            chain: dict[str, None] = {}
            end = name
            while end in self.own_links and end not in ends and end not in chain:
                chain[end] = None
                place = resolve(self.edit.root, self.own_links[end])
                end = "/".join(place.parts) if place else end
            end = ends.get(end, end)
            ends.update(dict.fromkeys(chain, end))
        # Where the first name is gone again, the others are still names of one file.
        first_names: dict[str, str] = {}
        for name, end in ends.items():
            if not self._is_own_file(name):
                continue
            first = first_names.get(end) or first_names.setdefault(end, end if self._is_own_file(end) else name)
            node, same = node_at(self.edit.root, name), node_at(self.edit.root, first)
            if node is not same and type(node) is File and type(same) is File:
                node.inode = same.inode
                self.aliases.extend((name, first))

    def _is_own_file(self, real: str) -> bool:
        node = node_at(self.edit.root, real)
        return type(node) is File and node.layer == self.rows.layer

    def _place(self, path: str) -> Place | None:
        return resolve(self.edit.root, path.split("/") if path else [])
