"""Read layers' records from the archive, as composition needs them.

An object holds the rows of many layers, so it is read once for all layers of the batch that lie in it, and kept while there
is room; a layer's own rows are kept likewise for the next chain that the layer is part of.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.facts import read_facts
from catalog.packages import OPERATING_SYSTEM_TYPES
from catalog.schemas import CONTENTS, DATASETS, ENTRIES, EVIDENCE, OWNED_PATHS, PACKAGES, PRIVILEGED
from catalog.store.interface import Store
from tasks.composition.batch import LayerRecord, Supplement
from tasks.composition.claims import Claims
from tasks.composition.evidence import NOBODY, PACKAGE_KEY_COLUMNS, Evidence, PackageKey, Rights
from tasks.composition.layer_rows import SMALL, LayerRows

COLUMNS: Mapping[str, tuple[str, ...]] = {
    ENTRIES.name: ("layer", "path", "kind", "target"),
    EVIDENCE.name: ("layer", "path", "analyser", "state"),
    PACKAGES.name: ("layer", "path", "analyser", "package", *PACKAGE_KEY_COLUMNS),
    CONTENTS.name: ("layer", "path", "data"),
    PRIVILEGED.name: ("layer", "path", "mode", "uid", "gid"),
}
"""What composition reads of each dataset for every layer."""
CLAIM_COLUMNS = ("layer", "path", "owner", "package", "owned")
"""What it reads of `owned_paths`, and only for layers of images with packages that can be owned."""
OBJECT_BYTES = 256 << 20
"""Bytes of objects' rows kept in memory."""
FEW_LAYERS = 8
"""Layers of one object up to which its other rows are filtered out."""
KEPT_ENTRIES = 1 << 20
"""Entries of layers kept ready."""
KEPT_CLAIMS = 1 << 18
"""Owned paths of layers kept ready."""

_READ: Mapping[str, tuple[str, ...]] = {**COLUMNS, OWNED_PATHS.name: CLAIM_COLUMNS}

LINK_STATE = "link"
"""The evidence state of a symlink, and of a hard link whose target was not read in its layer."""

Value = TypeVar("Value")

_Keys = dict[tuple[str, str], list[str]]  # (layer, dataset) → keys


class _Recent(Generic[Value]):
    """What was used last, up to a total weight; the newest is kept whatever it weighs."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._held: OrderedDict[str, tuple[int, Value]] = OrderedDict()

    def get(self, name: str) -> Value | None:
        found = self._held.get(name)
        if found is None:
            return None
        self._held.move_to_end(name)
        return found[1]

    def put(self, name: str, weight: int, value: Value) -> Value:
        self._held[name] = (weight, value)
        self._weight += weight
        while self._weight > self._capacity and len(self._held) > 1:
            self._weight -= self._held.popitem(last=False)[1][0]
        return value


class _Rows:
    """Some layers' rows of one object, cut by layer."""

    def __init__(self, table: pa.Table) -> None:
        layers = table.column("layer").combine_chunks()
        self.table = table.drop_columns("layer")
        self._ranges: dict[str, tuple[int, int]] = {}
        if len(layers):
            changes = pc.not_equal(layers[1:], layers[:-1]).to_numpy(zero_copy_only=False)
            starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
            for start, end in zip(starts, [*starts[1:], len(layers)], strict=True):
                self._ranges[layers[start].as_py()] = (start, end)

    def of(self, layer: str) -> pa.Table:
        start, end = self._ranges.get(layer, (0, 0))
        return self.table.slice(start, end - start)


class ArchivedLayers:
    """The rows of a batch's layers.

    Args:
        store: the archive's.
        records: where each layer's rows lie.
        supplements: further rows of some of these layers.
    """

    def __init__(self, store: Store, records: Iterable[LayerRecord], supplements: Iterable[Supplement] = ()) -> None:
        self._store = store
        self._keys: _Keys = {}
        self._layers_in: dict[str, list[str]] = defaultdict(list)
        self._objects: _Recent[_Rows] = _Recent(OBJECT_BYTES)
        self._layers: _Recent[LayerRows] = _Recent(KEPT_ENTRIES)
        self._claims: _Recent[Claims] = _Recent(KEPT_CLAIMS)
        for record in records:
            for dataset, key in record.keys:
                known = self._keys.setdefault((record.layer, dataset), [])
                if dataset in _READ and key not in known:
                    known.append(key)
                    self._layers_in[key].append(record.layer)
        for supplement in supplements:
            for _, key in supplement.keys:
                if supplement.need.layer not in self._layers_in[key]:
                    self._layers_in[key].append(supplement.need.layer)

    def rows_of(self, layer: str) -> LayerRows:
        """A layer's rows.

        Args:
            layer: digest of a layer that has a record.

        Raises:
            StoreError: they cannot be read.
        """
        found = self._layers.get(layer)
        if found is None:
            found = make_layer_rows(layer, *(self._own(layer, dataset) for dataset in COLUMNS))
            self._layers.put(layer, found.size + 64, found)
        return found

    def supplemented(self, layer: str, supplements: Iterable[Supplement]) -> LayerRows:
        """A layer's rows with what was read in some of its files later.

        Args:
            layer: digest of a layer that has a record.
            supplements: those files, each once.

        Raises:
            StoreError: they cannot be read.
        """
        evidence = dict(self.rows_of(layer).evidence)
        for supplement in supplements:
            for path, further in self._further(supplement).items():
                known = evidence.get(path)
                evidence[path] = further if known is None else known.joined(further)
        return LayerRows(layer, self._own(layer, ENTRIES.name), evidence, self.rows_of(layer).privileged)

    def claims_of(self, layer: str, supplements: Iterable[Supplement] = ()) -> Claims:
        """What a layer's package databases claim.

        Args:
            layer: digest of a layer that has a record.
            supplements: its files that were read later, each once.

        Raises:
            StoreError: the rows cannot be read.
        """
        found = self._claims.get(layer)
        if found is None:
            found = Claims(self._own(layer, OWNED_PATHS.name))
            self._claims.put(layer, len(found) + 64, found)
        further = [rows for each in supplements if (rows := self._again(each, OWNED_PATHS.name)).num_rows]
        return Claims(pa.concat_tables([self._own(layer, OWNED_PATHS.name), *further])) if further else found

    def _further(self, supplement: Supplement) -> dict[str, Evidence]:
        return read_evidence(*(self._again(supplement, name) for name in (EVIDENCE.name, PACKAGES.name, CONTENTS.name)))

    def _again(self, supplement: Supplement, dataset: str) -> pa.Table:
        """The rows of a file that was read later."""
        need = supplement.need
        rows = self._table([key for name, key in supplement.keys if name == dataset], need.layer, dataset)
        return rows.filter(pc.field("path") == need.path)

    def _own(self, layer: str, dataset: str) -> pa.Table:
        return self._table(self._keys.get((layer, dataset), ()), layer, dataset)

    def _table(self, keys: Iterable[str], layer: str, dataset: str) -> pa.Table:
        pieces = [self._object(key, dataset).of(layer) for key in keys]
        if len(pieces) == 1:
            return pieces[0]
        if pieces:
            return pa.concat_tables(pieces)
        empty = DATASETS[dataset].schema.empty_table()
        return empty.select([name for name in _READ[dataset] if name != "layer"])

    def _object(self, key: str, dataset: str) -> _Rows:
        found = self._objects.get(key)
        if found is None:
            layers = self._layers_in[key]
            # For many layers, decoding the others' rows is cheaper than asking each row whose it is.
            where = pc.field("layer").isin(layers) if len(layers) <= FEW_LAYERS else None
            table = read_facts(self._store, key, columns=_READ[dataset], where=where)
            found = self._objects.put(key, table.nbytes, _Rows(table))
        return found


def make_layer_rows(
    layer: str,
    entries: pa.Table,
    evidence: pa.Table,
    packages: pa.Table,
    contents: pa.Table,
    privileged: pa.Table,
    *,
    small: int = SMALL,
) -> LayerRows:
    """A layer's rows from its tables, which have the columns of COLUMNS other than the layer, each in its order.

    Args:
        layer: its digest.
        entries: rows of `entries`.
        evidence: rows of `evidence`.
        packages: rows of `packages`.
        contents: rows of `contents`.
        privileged: rows of `privileged`.
        small: entries up to which every row is looked at.
    """
    rights = _lists(privileged, "path", "mode", "uid", "gid")
    of_path = {path: Rights(mode, uid, gid, layer) for path, mode, uid, gid in rights}
    return LayerRows(layer, entries, read_evidence(evidence, packages, contents), of_path, small=small)


def _lists(table: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def read_evidence(evidence: pa.Table, packages: pa.Table, contents: pa.Table) -> dict[str, Evidence]:
    """Evidence by its path, from rows of the three datasets."""
    found: dict[str, dict[bytes, PackageKey]] = {}
    databases: set[str] = set()
    keys = cast("Iterator[PackageKey]", _lists(packages, *PACKAGE_KEY_COLUMNS))
    last, listed = None, {}
    for (path, package), key in zip(_lists(packages, "path", "package"), keys, strict=True):
        if path != last:
            last, listed = path, found.setdefault(path, {})
        listed[package] = key
        if key[0] in OPERATING_SYSTEM_TYPES:
            databases.add(path)
    kept = dict(_lists(contents, "path", "data"))
    readers = _readers(evidence)
    shares = _shares(packages, readers)
    # Thousands of files may have been read in vain: one object does for all of them.
    plain = {names: Evidence(read=bool(names), readers=names) for names in set(readers.values())}
    return {
        path: plain[names]
        if path not in found and path not in kept
        else Evidence(
            found.get(path, {}),
            kept.get(path),
            bool(names),
            path in databases,
            path in found and path not in databases,
            names,
            shares.get(path, {}),
        )
        for path, names in readers.items()
    }


def _readers(evidence: pa.Table) -> dict[str, frozenset[str]]:
    """Path → the analysers that looked at the file's bytes; none for a link that only the composed image can follow."""
    readers: dict[str, frozenset[str]] = {}
    alone: dict[str, frozenset[str]] = {}
    for path, analyser, state in _lists(evidence, "path", "analyser", "state"):
        if state == LINK_STATE:
            readers.setdefault(path, NOBODY)
        else:
            name = alone.get(analyser) or alone.setdefault(analyser, frozenset((analyser,)))
            before = readers.get(path)
            readers[path] = before | name if before else name
    return readers


def _shares(packages: pa.Table, readers: Mapping[str, frozenset[str]]) -> dict[str, dict[str, dict[bytes, PackageKey]]]:
    """Who found which packages, for the files that several read."""
    shares: dict[str, dict[str, dict[bytes, PackageKey]]] = {
        path: {name: {} for name in sorted(names)} for path, names in readers.items() if len(names) > 1
    }
    if shares:
        rows = packages.filter(pc.is_in(packages.column("path"), pa.array(shares, pa.string())))
        names = _lists(rows, "path", "analyser", "package")
        for (path, analyser, package), key in zip(names, _lists(rows, *PACKAGE_KEY_COLUMNS), strict=True):
            shares[path].setdefault(analyser, {})[package] = key
    return shares
