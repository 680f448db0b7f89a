"""Which entries of a layer some analysers may want, told from the paths alone and for all of them at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schemas import ENTRY_KINDS
from tasks.analyzers.interface import Analyser
from tasks.analyzers.selection import Selection

_CODES = {word: code for code, word in enumerate(ENTRY_KINDS)}
_FILE, _DIRECTORY = _CODES["file"], _CODES["directory"]
_NAMED = pa.array([_CODES[kind] for kind in ("file", "symlink", "hardlink")], pa.int8())
"""Kinds of entries that an analyser may want by their names: files, and links at the places of files."""
_REMOVALS = pa.array([_CODES[kind] for kind in ("whiteout", "opaque")], pa.int8())


class LayerEntries:
    """The entries of a layer, looked at without its bytes.

    Args:
        rows: path and kind of each, as `catalog.schemas.ENTRIES` has them.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._paths = _whole(rows.column("path"))
        self._kinds = _whole(rows.column("kind"))

    @property
    def plain(self) -> bool:
        """Whether every place is there once, as in the layers that engines make.

        In others a later entry takes the place of an earlier one: of a file that comes twice, or of a folder with all below.
        """
        is_folder = pc.equal(self._kinds, _DIRECTORY)
        removal = pc.is_in(self._kinds, value_set=_REMOVALS)
        here = pc.invert(removal)
        others = self._paths.filter(pc.and_(here, pc.invert(is_folder)))
        if pc.count_distinct(others).as_py() != len(others):
            return False
        above = set(_with_ancestors(_folders(self._paths.filter(here))))
        taken = pc.is_in(others, value_set=pa.array(sorted(above), pa.string()))
        again = pc.is_in(others, value_set=self._paths.filter(pc.and_(here, is_folder)))
        return not (pc.any(taken).as_py() or pc.any(again).as_py())

    def named(self, analysers: Iterable[Analyser], selection: Selection) -> frozenset[str]:
        """The places that one of some analysers wants by their names.

        Args:
            analysers: these.
            selection: theirs, and perhaps that of others.
        """
        chosen = frozenset(analysers)
        mask = pa.repeat(pa.scalar(False), len(self._paths))
        for analyser in chosen:
            for found in _matches(self._paths, analyser):
                mask = pc.or_(mask, found)
        mask = pc.and_(mask, pc.is_in(self._kinds, value_set=_NAMED))
        return frozenset(
            path for path in self._paths.filter(mask).to_pylist() if not chosen.isdisjoint(selection.wanting(path))
        )

    def by_content(self, analysers: Iterable[Analyser], selection: Selection) -> bool:
        """Whether there is a file that one of some analysers would want, if only it began as they look for.

        Args:
            analysers: these.
            selection: theirs, and that of others: what is wanted by its name is not asked for its content.
        """
        asked = tuple(analyser for analyser in analysers if analyser.wanted.magics)
        if not asked:
            return False
        files = self._paths.filter(pc.equal(self._kinds, _FILE))
        return any(
            any(analyser.confirm(path) for analyser in asked) and not selection.wanting(path) for path in _each(files)
        )

    def of_any_name(self, analyser: Analyser) -> bool:
        """Whether there is a file that an analyser takes whatever it is called, if only it looks there at all."""
        files = self._paths.filter(pc.equal(self._kinds, _FILE))
        return any(analyser.confirm(path) for path in _each(files))

    def positions(self, paths: Iterable[str]) -> list[int | None]:
        """Where each of some paths comes among the entries; None for one that is not there."""
        found: list[int | None] = pc.index_in(pa.array(list(paths), pa.string()), value_set=self._paths).to_pylist()
        return found


def _matches(paths: pa.Array, analyser: Analyser) -> Iterator[pa.Array]:
    """Masks of what an analyser's `wanted` names; never less."""
    wanted = analyser.wanted
    if wanted.names:
        yield pc.match_substring_regex(paths, f"(^|/)({_any(wanted.names)})$")
    if wanted.suffixes:
        mask = pc.match_substring_regex(paths, f"({_any(wanted.suffixes)})$")
        yield pc.and_(mask, pc.match_substring_regex(paths, _any(wanted.within))) if wanted.within else mask
    if wanted.folders:
        yield pc.match_substring_regex(paths, f"^({_any(wanted.folders)})/[^/]+$")


def _any(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in texts)


def _each(paths: pa.Array, size: int = 1024) -> Iterator[str]:
    """The texts of a column, some at a time: nearly always the first will do."""
    for start in range(0, len(paths), size):
        yield from paths.slice(start, size).to_pylist()


def _folders(paths: pa.Array) -> list[str]:
    """The distinct folders that hold some paths."""
    distinct: list[str] = pc.unique(pc.replace_substring_regex(paths, "/?[^/]*$", "")).to_pylist()
    return distinct


def _with_ancestors(folders: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for folder in folders:
        while folder and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    flat = column.combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat
