"""Privileged files of a layer: those with a suid or sgid bit, which run with the rights of their owner or group.

A layer has thousands of entries and a handful of these, so the attributes of all entries of a chunk are looked at as one
column, and only the rows that matter are looked at singly. What matters beside the files themselves: hard links to them,
which are the same file under another name, and whatever takes their place later in the same archive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schemas import ENTRY_KINDS, PRIVILEGED
from tasks.layers.evidence import without_layer

Marks = npt.NDArray[np.bool_]

SET_ID = 0o6000
"""The mode bits that give a program the rights of its file's owner (04000) or group (02000)."""

_MOST_BYTES = 16 << 20
"""Bytes of the names of privileged files and of the folders above them; real layers have some hundred."""

_CODES = {word: code for code, word in enumerate(ENTRY_KINDS)}
_FILE, _DIRECTORY, _HARD_LINK = _CODES["file"], _CODES["directory"], _CODES["hardlink"]
_REMOVALS = (_CODES["whiteout"], _CODES["opaque"])
"""Kinds of rows that speak of other layers' paths, never of their own layer's."""


@dataclass(frozen=True, slots=True)
class _Attributes:
    mode: int
    uid: int
    gid: int


class PrivilegedFiles:
    """Finds the privileged files of one layer from its rows, in their order.

    A hard link has the mode of the file that it links to, which must have come before it, as in any archive that can be
    unpacked. Directories are left out: there the bits mean something else.

    Args:
        most: files that are kept; those that a later entry replaced count too.
    """

    def __init__(self, most: int) -> None:
        self._room = most
        self._bytes = _MOST_BYTES
        self._files: dict[str, _Attributes] = {}
        self._below: Counter[str] = Counter()
        self._watched: pa.Array | None = None
        self.over_limit = False
        """Whether there are more than are kept."""

    def add(self, rows: pa.RecordBatch) -> None:
        """Take a chunk of the layer's rows (`entries.ROW_SCHEMA`)."""
        kinds = rows.column("kind").to_numpy()
        marked = ((rows.column("mode").to_numpy() & SET_ID) != 0) & (kinds == _FILE)
        if not self._files and not marked.any():
            return
        for index in np.flatnonzero(marked | self._touching(rows, marked, kinds == _HARD_LINK)):
            self._row(rows, int(index), marked=bool(marked[index]))

    def table(self) -> pa.Table:
        """The files, as `catalog.schemas.PRIVILEGED` has them, without the layer's digest."""
        paths = sorted(self._files)
        found = [self._files[path] for path in paths]
        return pa.table(
            {
                "path": paths,
                "mode": [each.mode for each in found],
                "uid": [each.uid for each in found],
                "gid": [each.gid for each in found],
            },
            schema=without_layer(PRIVILEGED),
        )

    def _touching(self, rows: pa.RecordBatch, marked: Marks, links: Marks) -> Marks:
        """The rows that link to a privileged file, or come to the path of one or of a folder above one."""
        watched = self._watched
        if watched is None:
            watched = self._watched = pa.array([*self._files, *self._below], pa.string())
        paths, targets = rows.column("path"), rows.column("target")
        if marked.any():
            fresh = paths.filter(pa.array(marked))
            above = sorted({folder for path in fresh.to_pylist() for folder in _above(path)})
            watched = pa.concat_arrays([watched, fresh, pa.array(above, pa.string())])
        if links.any():
            # A link may lead to a link: whatever a link of this chunk is called may be the name of a privileged file.
            named = pa.concat_arrays([watched, paths.filter(pa.array(links))])
            leading = links & _are_in(targets, named)
            watched = pa.concat_arrays([watched, paths.filter(pa.array(leading))])
        return _are_in(paths, watched)

    def _row(self, rows: pa.RecordBatch, index: int, *, marked: bool) -> None:
        path, kind = rows.column("path")[index].as_py(), rows.column("kind")[index].as_py()
        if kind in _REMOVALS:
            return
        source = self._files.get(rows.column("target")[index].as_py()) if kind == _HARD_LINK else None
        if path in self._files:
            self._forget(path)
        if kind != _DIRECTORY and self._below[path]:
            for name in [name for name in self._files if name.startswith(f"{path}/")]:
                self._forget(name)
        if marked:
            source = _Attributes(*(rows.column(name)[index].as_py() for name in ("mode", "uid", "gid")))
        if source is not None:
            self._keep(path, source)

    def _keep(self, path: str, attributes: _Attributes) -> None:
        above = list(_above(path))
        self._room -= 1
        self._bytes -= len(path) + sum(map(len, above))
        if self._room < 0 or self._bytes < 0:
            self.over_limit = True
            return
        self._files[path] = attributes
        self._below.update(above)
        self._watched = None

    def _forget(self, path: str) -> None:
        del self._files[path]
        for folder in _above(path):
            self._below[folder] -= 1
            if not self._below[folder]:
                del self._below[folder]
        self._watched = None


def _above(path: str) -> Iterator[str]:
    """The folders above a path."""
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _are_in(column: pa.Array, values: pa.Array) -> Marks:
    found: Marks = pc.is_in(column, value_set=values).to_numpy(zero_copy_only=False)
    return found
