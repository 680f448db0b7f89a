"""Chosen files of a layer, wanted by name: what a layer that is read once more is read for."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.analyzers.interface import Analyser
from tasks.analyzers.selection import Selection
from tasks.layers.paths import raw


class NamedFiles(Selection):
    """Wants exactly some paths, and shows each file to the analysers that want it elsewhere.

    Args:
        analysers: those that may be asked.
        shown: path in the layer → the path under which the file is wanted, both as `catalog.schemas` writes them.
    """

    def __init__(self, analysers: Selection, shown: Mapping[str, str]) -> None:
        super().__init__(analysers.analysers)
        self._shown = dict(shown)
        self._wanting = {path: analysers.wanting(wanted) for path, wanted in shown.items()}
        self.names = {}
        self.suffixes = {}
        self.folders = {}
        self.magics = {}
        for path, found in self._wanting.items():
            # The walker compares names as archives have them, which need not be text.
            base = raw(path.rpartition("/")[2])
            self.names[base] = tuple(dict.fromkeys((*self.names.get(base, ()), *found)))

    def wanting(self, path: str) -> tuple[Analyser, ...]:
        """The analysers that want the file at this path under its other name.

        Args:
            path: as `catalog.schemas` writes it.
        """
        return self._wanting.get(path, ())

    def seen_as(self, path: str) -> str:
        """The path under which the file at this path is wanted."""
        return self._shown.get(path, path)
