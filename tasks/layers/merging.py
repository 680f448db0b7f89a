"""A former result's rows and those of the analysers that ran again, put together as one analysis would have written them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.identities import hash_fields
from catalog.problems import Problem
from catalog.receipts import ObjectReceipt
from catalog.rows import RowHasher
from catalog.schemas import (
    ATTRIBUTES,
    CONTENTS,
    ENTRIES,
    EVIDENCE,
    LAYERS,
    OWNED_PATHS,
    PACKAGES,
    PRIVILEGED,
    PROBLEMS,
    Dataset,
)
from catalog.states import LayerOutcome
from tasks.analyzers.selection import FingerprintSet, Selection
from tasks.layers.candidates import LayerEntries
from tasks.layers.former_rows import FormerRows
from tasks.layers.layer import COMPOSITION_COLUMNS, COMPOSITION_RECIPE

OF_AN_ANALYSER = (EVIDENCE, PACKAGES)
"""Datasets whose rows name their analyser."""
OF_A_PLACE = (CONTENTS, OWNED_PATHS)
"""Datasets whose rows name the place of the evidence, and not who read it."""
OF_THE_READER = (ENTRIES, ATTRIBUTES, PRIVILEGED)
"""Datasets that no analyser has a part in: their objects are the former ones."""


class Merged:
    """What a layer's result is now.

    Args:
        rows: of the former result.
        former: its rows, by dataset.
        tables: the same now, without the problems.
        problems: those of now.
        former_hash: the former composition hash.

    Raises:
        StoreError: former rows cannot be read.
    """

    def __init__(
        self,
        rows: FormerRows,
        former: Mapping[Dataset, pa.Table],
        tables: Mapping[Dataset, pa.Table],
        problems: Sequence[Problem],
        former_hash: bytes,
    ) -> None:
        self._rows = rows
        self._tables = tables
        self.problems = list(problems)
        self.changed = frozenset(dataset for dataset in tables if not _alike(tables[dataset], former[dataset]))
        """Datasets whose rows are others than before."""
        if self.problems != problems_of(former[PROBLEMS]):
            self.changed |= {PROBLEMS}
        self.former_row = rows.layer_row()
        """The layer's row of the former result, as `catalog.schemas.LAYERS` has it."""
        same = self.changed.isdisjoint(COMPOSITION_COLUMNS)
        self.composition_hash = former_hash if same else self._composition_hash()
        """32 bytes over the rows that composition reads."""

    @property
    def packages(self) -> int:
        """Packages found."""
        return int(self._tables[PACKAGES].num_rows)

    @property
    def fresh(self) -> dict[Dataset, pa.Table]:
        """The rows to write: those of the datasets that changed, without the problems."""
        return {dataset: self._tables[dataset] for dataset in self._tables if dataset in self.changed}

    @property
    def fresh_problems(self) -> list[Problem]:
        """The problems to write: all, where they changed."""
        return self.problems if PROBLEMS in self.changed else []

    @property
    def kept(self) -> tuple[ObjectReceipt, ...]:
        """The former objects that hold rows of this result."""
        datasets = (*OF_THE_READER, *self._tables, PROBLEMS)
        return tuple(
            each for dataset in datasets if dataset not in self.changed for each in self._rows.objects(dataset)
        )

    def layer_row(self, digest: str, prints: FingerprintSet) -> pa.Table:
        """The layer's row, as `catalog.schemas.LAYERS` has it.

        Args:
            digest: of the layer.
            prints: the present analysers.
        """
        partial = any(problem.partial for problem in self.problems)
        row = {
            **self.former_row,
            "layer": digest,
            "fingerprint_set": prints.id,
            "fingerprints": list(prints.names),
            "outcome": (LayerOutcome.PARTIAL if partial else LayerOutcome.COMPLETE).value,
            "packages": self.packages,
            "composition_hash": self.composition_hash,
        }
        return pa.Table.from_pylist([row], schema=LAYERS.schema)

    def _composition_hash(self) -> bytes:
        digests = []
        for dataset, columns in COMPOSITION_COLUMNS.items():
            hasher = RowHasher(dataset.name, dataset.version, columns)
            hasher.update(self._tables[dataset] if dataset in self._tables else self._rows.table(dataset, columns))
            digests.append(hasher.digest())
        return hash_fields(COMPOSITION_RECIPE, *digests, size=32)


def merged_table(
    dataset: Dataset,
    former: pa.Table,
    fresh: pa.Table,
    gone: AbstractSet[str] = frozenset(),
    *,
    kept: pa.Table | None = None,
) -> pa.Table:
    """Rows of one dataset, in the order of its key.

    Args:
        dataset: whose rows they are; without the layer's digest, like all rows here.
        former: the former rows.
        fresh: those of the analysers that ran again.
        gone: names of analysers whose former rows count no more, where rows name one.
        kept: the former evidence that still counts, where rows name a place alone.
    """
    if kept is None:
        stays = pc.invert(pc.is_in(former.column("analyser"), value_set=pa.array(sorted(gone), pa.string())))
    else:
        stays = pc.is_in(former.column("path"), value_set=_distinct(kept.column("path")))
    rows = pa.concat_tables([former.filter(stays), fresh.cast(former.schema)]).combine_chunks()
    keys = [name for name in dataset.key if name != "layer"]
    if dataset == PACKAGES:
        keys.insert(1, "analyser")
    rows = rows.take(pc.sort_indices(rows, [(key, "ascending") for key in keys]))
    return _counted(rows) if dataset == PACKAGES else rows


def shared_places(former: pa.Table, kept: pa.Table, fresh: pa.Table) -> frozenset[str]:
    """Places at which an analyser that did not change has evidence, and another one has or had some.

    Args:
        former: evidence rows of the former result.
        kept: those of analysers that did not change.
        fresh: those of analysers that ran again.
    """
    before, still = _counts(former), _counts(kept)
    lost = frozenset(path for path, count in still.items() if before[path] > count)
    return lost | frozenset(still).intersection(fresh.column("path").to_pylist())


def merged_problems(
    former: pa.Table, fresh: Sequence[Problem], gone: AbstractSet[str], entries: LayerEntries, selection: Selection
) -> list[Problem] | None:
    """The problems in the order in which one pass would have met them; None where that cannot be told.

    Args:
        former: problem rows of the former result.
        fresh: problems of the analysers that ran again.
        gone: names of analysers whose former problems count no more.
        entries: of the layer.
        selection: the present analysers.
    """
    problems = [problem for problem in problems_of(former) if problem.analyser not in gone]
    if not fresh:
        return problems
    problems += fresh
    places = dict.fromkeys(problem.path for problem in problems)
    positions = dict(zip(places, entries.positions(places), strict=True))
    if any(not problem.analyser or (positions[problem.path] is None and problem.path) for problem in problems):
        return None

    def met(problem: Problem) -> tuple[bool, int, int]:
        asked = [analyser.name for analyser in (*selection.wanting(problem.path), *selection.analysers)]
        # What an analyser says of the layer as a whole, it says at the end.
        return not problem.path, positions[problem.path] or 0, asked.index(problem.analyser)

    return sorted(problems, key=met)


def problems_of(rows: pa.Table) -> list[Problem]:
    """Problem rows as values, in their order."""
    columns = ("path", "analyser", "reason", "detail", "partial")
    return [Problem(*(row[name] for name in columns)) for row in rows.to_pylist()]


def _counted(packages: pa.Table) -> pa.Table:
    """Packages with their ordinals counted anew: a place's packages are counted over all of its evidence."""
    if not packages.num_rows:
        return packages
    paths = packages.column("path").combine_chunks()
    fresh = np.ones(len(paths), dtype=np.bool_)
    fresh[1:] = pc.not_equal(paths[1:], paths[:-1]).to_numpy(zero_copy_only=False)
    numbers = np.arange(len(paths))
    ordinals = numbers - np.maximum.accumulate(np.where(fresh, numbers, 0))
    at = packages.schema.get_field_index("ordinal")
    return packages.set_column(at, packages.schema.field(at), pa.array(ordinals.astype(np.int32)))


def _counts(evidence: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(evidence.column("path")).to_pylist()
    return {each["values"]: each["counts"] for each in counted}


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    return pc.unique(column)


def _alike(left: pa.Table, right: pa.Table) -> bool:
    """Whether two tables have the same rows, however their words are encoded."""
    return left.num_rows == right.num_rows and bool(_decoded(left).equals(_decoded(right)))


def _decoded(table: pa.Table) -> pa.Table:
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
