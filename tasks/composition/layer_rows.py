"""A layer's rows as composition uses them, built once per layer and used for every chain the layer is part of.

Hardly any entry matters: markers, links, evidence and privileged files always do, a plain file or directory only where it
stands at, above, or behind a link at something that the tree remembers. In a large layer those few are found with Arrow's
kernels, without looking at the others one by one; a small one is asked folder by folder whether there are any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.composition.evidence import (
    DEVICE,
    DIRECTORY,
    FIFO,
    FILE,
    HARDLINK,
    OPAQUE,
    SYMLINK,
    WHITEOUT,
    Evidence,
    Rights,
    Row,
)
from tasks.composition.tree import File, Folder, Link, resolve, split_path, walk

SMALL = 2_048
"""Entries up to which a layer is a list of rows."""

_ALWAYS_KINDS = (SYMLINK, HARDLINK, WHITEOUT, OPAQUE)
_PLAIN_KINDS = (FILE, DEVICE, FIFO)
_ALWAYS = pa.array(_ALWAYS_KINDS, pa.int8())


class LayerRows:
    """One layer's entries and evidence.

    Args:
        layer: its digest.
        entries: path, kind and target of each entry, in their order.
        evidence: what was read, by the path in the layer's archive.
        privileged: the rights of its privileged files, by the same paths.
        small: entries up to which it is a list of rows.
    """

    def __init__(
        self,
        layer: str,
        entries: pa.Table,
        evidence: dict[str, Evidence],
        privileged: Mapping[str, Rights],
        *,
        small: int = SMALL,
    ) -> None:
        self.layer = layer
        self.evidence = evidence
        self.privileged = privileged
        self.size = entries.num_rows
        self.large = entries.num_rows > small
        if self.large:
            self._path: pa.Array = _flat(entries.column("path"))
            self._kind: pa.Array = _flat(entries.column("kind"))
            self._target: pa.Array = _flat(entries.column("target"))
            wanted = pa.array([*evidence, *privileged], pa.string())
            always = pc.or_(pc.is_in(self._kind, _ALWAYS), pc.is_in(self._path, wanted))
            self._always = always.to_numpy(zero_copy_only=False)
            self._folders, self._folder_of = _folders(self._path)
            self.special = self._rows(self._always)
        else:
            columns = (entries.column(name).to_pylist() for name in ("path", "kind", "target"))
            self.rows: list[Row] = list(zip(*columns, strict=True))
            self.special = [
                row for row in self.rows if row[1] in _ALWAYS_KINDS or row[0] in evidence or row[0] in privileged
            ]
            self._plain = _Plain(self.rows, {*evidence, *privileged})
            self.apart = self._plain.is_apart(self.special)
        self.has_hard_links = HARDLINK in [kind for _, kind, _ in self.special]

    def meets(self, tree: Folder) -> bool:
        """Whether a plain entry of a small layer may matter to a tree."""
        return self._plain.meets(tree)

    def with_neighbours(self, trees: Iterable[Folder], places: Collection[str] = ()) -> list[Row]:
        """The rows of a large layer that may matter to some trees.

        Args:
            trees: the tree below the layer, and the one that the special rows make of it.
            places: real paths that matter although no tree remembers anything there, files or folders with all below.

        Returns:
            Rows in their order; `special` itself where no other row matters.
        """
        trees = list(trees)
        leaves, above = _remembered(trees)
        leaves.update(places)
        below = tuple(f"{place}/" for place in places)
        at_leaf = pc.is_in(self._path, pa.array(leaves, pa.string()))
        at_folder = pc.and_(pc.not_equal(self._kind, DIRECTORY), pc.is_in(self._path, pa.array(above, pa.string())))
        mask = pc.or_(at_leaf, at_folder).to_numpy(zero_copy_only=False)
        behind = [
            number
            for number, folder in enumerate(self._folders)
            if folder.startswith(below) or _matters(trees, leaves, folder)
        ]
        if behind:
            mask = mask | np.isin(self._folder_of, behind)
        return self._rows(mask | self._always) if (mask & ~self._always).any() else self.special

    def _rows(self, mask: npt.NDArray[np.bool_]) -> list[Row]:
        chosen = pa.array(np.flatnonzero(mask))
        columns = (column.take(chosen).to_pylist() for column in (self._path, self._kind, self._target))
        return list(zip(*columns, strict=True))


class _Plain:
    """The plain entries of a small layer.

    Args:
        rows: all its entries.
        wanted: paths that are evidence or privileged.
    """

    def __init__(self, rows: Iterable[Row], wanted: set[str]) -> None:
        self._directories = {path for path, kind, _ in rows if kind == DIRECTORY} - wanted
        self._files = {path for path, kind, _ in rows if kind in _PLAIN_KINDS} - wanted
        self._above: set[str] | None = None
        self._folders: list[tuple[str, str, str]] | None = None

    def is_apart(self, special: Iterable[Row]) -> bool:
        """Whether none of them stands at, above or below one of the layer's other entries, nor can be reached through one."""
        kinds = {kind for _, kind, _ in special}
        if SYMLINK in kinds or HARDLINK in kinds:
            return False
        paths = {path for path, kind, _ in special if kind not in (WHITEOUT, OPAQUE)}
        at_one = not (paths.isdisjoint(self._files) and paths.isdisjoint(self._directories))
        return not at_one and paths.isdisjoint(self._all_above()) and self._files.isdisjoint(_above(paths))

    def meets(self, tree: Folder) -> bool:
        """Whether one of them stands at, above, or behind a link at something that a tree remembers."""
        if self._folders is None:
            self._folders = [(path, *_cut(path)) for path in sorted(self._all_above()) if path]
        found = {"": tree}
        if self._stands_in("", tree):
            return True
        for path, above, name in self._folders:
            node = found[above].children.get(name) if above in found else None
            if node is None:
                continue
            if type(node) is not Folder or self._stands_in(f"{path}/", node):
                return True
            found[path] = node
        return False

    def _stands_in(self, prefix: str, folder: Folder) -> bool:
        for name, child in folder.children.items():
            path = prefix + name
            if path in self._files or (type(child) is not Folder and path in self._directories):
                return True
        return False

    def _all_above(self) -> set[str]:
        if self._above is None:
            self._above = _above(self._files) | _above(self._directories)
        return self._above


def _above(paths: Iterable[str]) -> set[str]:
    """All folders above some paths, the root (empty) among them."""
    found = {path[: max(path.rfind("/"), 0)] for path in paths}
    further = found
    while further:
        further = {path[: max(path.rfind("/"), 0)] for path in further} - found
        found |= further
    return found


def _cut(path: str) -> tuple[str, str]:
    above, _, name = path.rpartition("/")
    return above, name


def _flat(column: pa.ChunkedArray) -> pa.Array:
    flat = column.combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat


def _remembered(trees: Iterable[Folder]) -> tuple[set[str], set[str]]:
    leaves: set[str] = set()
    above: set[str] = set()
    for tree in trees:
        for path, node in walk(tree, ""):
            (above if type(node) is Folder else leaves).add(path)
    return leaves, above


def _matters(trees: Iterable[Folder], places: set[str], folder: str) -> bool:
    """Whether all entries of a folder must be looked at: it lies behind a link, below a file, or is such a place."""
    if folder in places:
        return True
    for tree in trees:
        found = resolve(tree, split_path(folder), follow=True)
        if found is None or found.crossed or found.blocked or type(found.node) in (File, Link):
            return True
    return False


def _folders(paths: pa.Array) -> tuple[list[str], npt.NDArray[np.int32]]:
    """The distinct folders of some paths, and the number of each path's folder."""
    offsets = np.frombuffer(paths.buffers()[1], np.int32)[paths.offset : paths.offset + len(paths) + 1]
    data = np.frombuffer(paths.buffers()[2] or b"", np.uint8)
    slashes = np.flatnonzero(data == ord("/"))
    last = np.searchsorted(slashes, offsets[1:]) - 1
    ends = slashes[np.maximum(last, 0)] if len(slashes) else np.zeros(len(paths), np.int64)
    inside = (last >= 0) & (ends >= offsets[:-1])
    # Every second piece of the same bytes, cut at the last slash as well, is a folder.
    cuts = np.empty(2 * len(paths) + 1, np.int32)
    cuts[0::2] = offsets
    cuts[1::2] = np.where(inside, ends, offsets[:-1])
    pieces = pa.StringArray.from_buffers(2 * len(paths), pa.py_buffer(cuts), paths.buffers()[2])
    encoded = pieces.take(pa.array(np.arange(0, 2 * len(paths), 2))).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
