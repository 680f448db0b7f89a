"""A layer's result under other analysers, made from a former one: only what changed runs again, only where it can matter.

    members differ ─▶ who changed, who is gone ─▶ may they want anything here? ─no──▶ the former rows, without the gone ones'
                                                  (paths of the archived entries)     no byte is read
                                                                 └─yes─▶ one pass with the changed analysers alone, merged

Whatever is made here has the rows and the hash that analysing the whole layer anew would give; a property test holds that. It
rests on this: the entries depend on the layer reader alone, whose fingerprint is a member; a file's findings on its bytes and
its analyser's own version and configuration; and which analysers see a file on its path, or else on its first bytes where
nobody wants it by its name. An analyser goes by names or by first bytes in all its versions.

Where that is not enough the layer is read as a whole: another layer reader; a problem that no analyser of its own met (a
cap that ended the walk, odd names) or notes of the source; a layer that names a place twice; caps on a layer's evidence that
could be reached together; rows of a place that analysers on both sides share; former rows that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.limits import Limits
from catalog.problems import Problem
from catalog.receipts import FormerResult
from catalog.schemas import ENTRIES, EVIDENCE, LAYERS, OWNED_PATHS, PACKAGES, PROBLEMS, SECRETS, Dataset
from catalog.store.interface import Store
from tasks.analyzers.interface import Analyser, Data
from tasks.analyzers.secrets import Secrets
from tasks.analyzers.selection import FingerprintSet, Selection
from tasks.layers.blob import BlobReader, ByteStream
from tasks.layers.candidates import LayerEntries
from tasks.layers.chunks import EntryChunk
from tasks.layers.evidence import EvidenceBook, evidence_cost, without_layer
from tasks.layers.former_rows import FormerRows
from tasks.layers.layer import walk_blob
from tasks.layers.merging import (
    OF_A_PLACE,
    OF_AN_ANALYSER,
    OF_THE_READER,
    Merged,
    merged_problems,
    merged_table,
    shared_places,
)
from tasks.layers.secret_search import SecretSearch

_MERGED = (*OF_AN_ANALYSER, *OF_A_PLACE, SECRETS)


@dataclass(frozen=True, slots=True)
class Difference:
    """How the analysers of a former result differ from those of now.

    Args:
        changed: names of those that must run again: new ones, or with another version or configuration.
        gone: names whose former rows count no more: of the changed ones, and of those that are dropped.
    """

    changed: frozenset[str]
    gone: frozenset[str]


def difference(former: Iterable[str], now: Iterable[str], analysers: Iterable[str]) -> Difference | None:
    """Compare two sets of members; None where they differ in what is no analyser.

    Args:
        former: members as `<name>/<version>/<hex>`.
        now: the same of the present set.
        analysers: names of the present analysers; the layer reader's members are the others.
    """
    before, after, names = frozenset(former), frozenset(now), frozenset(analysers)
    fresh = {_name(member) for member in after - before}
    stale = {_name(member) for member in before - after}
    reader = {_name(member) for member in after} - names
    if not fresh <= names or not stale.isdisjoint(reader):
        return None
    # A result with the search for secrets serves as one without it as well: its secrets are gone all the same.
    return Difference(frozenset(fresh), frozenset(fresh | stale | ({Secrets.name} - names)))


def _name(member: str) -> str:
    return member.partition("/")[0]


class Reanalysis:
    """One layer, from a former result to one of the present analysers.

    Args:
        store: where the former rows lie.
        digest: of the layer.
        former: the former result.
        selection: the present analysers.
        prints: their fingerprints.
        limits: caps.

    Raises:
        StoreError: the former rows cannot be read.
    """

    def __init__(
        self,
        store: Store,
        digest: str,
        former: FormerResult,
        *,
        selection: Selection,
        prints: FingerprintSet,
        limits: Limits,
    ) -> None:
        self._digest = digest
        self._former = former
        self._selection = selection
        self._limits = limits
        self._rows = FormerRows(store, digest, former)
        self._names = frozenset(analyser.name for analyser in selection.analysers)
        self._difference = difference(former.members, prints.names, self._names)
        self._entries: LayerEntries | None = None
        self.possible = self._difference is not None and self._is_simple()
        """Whether anything may be made from the former result; otherwise the layer is to be analysed as a whole."""
        self.needs_bytes = False
        """Whether the layer must be read for it."""
        if self.possible:
            self._decide()

    def from_rows(self) -> Merged | None:
        """The result without reading the layer; None where it cannot be told from rows.

        Raises:
            StoreError: the former rows cannot be read.
        """
        return self._merge(None)

    def from_bytes(self, stream: ByteStream, size: int) -> Merged | None:
        """The result with what the changed analysers find in the layer; None where the whole must be analysed after all.

        Args:
            stream: the layer's bytes.
            size: bytes they must be; -1 where nobody knows.

        Raises:
            BlobError, SourceError, LayerError: as `tasks.layers.layer.analyse_stream`.
            StoreError: the former rows cannot be read.
        """
        selection = _ChangedAnalysers(self._selection, self._changed)
        book = _ChangedBook(selection, self._limits, self._changed)
        search = SecretSearch(self._limits) if Secrets.name in self._changed else None
        walk_blob(BlobReader(stream, self._digest, size), selection, book, self._limits, _forget, search)
        return self._merge(book, search)

    @property
    def _changed(self) -> frozenset[str]:
        assert self._difference is not None
        return self._difference.changed

    def _is_simple(self) -> bool:
        """Whether the former result holds nothing that cannot be taken apart by analyser."""
        known = {dataset.name for dataset in (*_MERGED, PROBLEMS, LAYERS, *OF_THE_READER)}
        if any(each.dataset not in known for each in self._former.objects):
            return False
        return "" not in self._rows.table(PROBLEMS, ("analyser",)).column("analyser").to_pylist()

    def _decide(self) -> None:
        entries = LayerEntries(self._rows.table(ENTRIES, ("path", "kind")))
        if not entries.plain:
            self.possible = False
            return
        self._entries = entries
        running = self._running(self._changed)
        named = entries.named(running, self._selection)
        if self._trade_places(named):
            # Who is shown a file by its first bytes may be another one than before: those analysers all run again.
            self._run_too({analyser.name for analyser in self._selection.analysers if analyser.wanted.magics})
            running = self._running(self._changed)
            named = entries.named(running, self._selection)
        self.needs_bytes = (
            bool(named)
            or entries.by_content(running, self._selection)
            or any(entries.of_any_name(analyser) for analyser in running if isinstance(analyser, Secrets))
        )

    def _run_too(self, names: AbstractSet[str]) -> None:
        assert self._difference is not None
        self._difference = Difference(self._changed | names, self._difference.gone | names)

    def _trade_places(self, named: frozenset[str]) -> bool:
        """Whether some place was wanted by its name and is no more, or is now and was not."""
        assert self._difference is not None
        changed, gone = self._difference.changed, self._difference.gone
        if not any(analyser.wanted.magics for analyser in self._running(self._names - changed)):
            return False
        by_bytes = {a.name for a in self._selection.analysers if a.wanted.magics and not _goes_by_name(a)}
        evidence = self._rows.table(EVIDENCE, ("path", "analyser"))
        were = evidence.filter(pc.is_in(evidence.column("analyser"), value_set=_texts(gone - by_bytes)))
        traded = named.symmetric_difference(were.column("path").to_pylist())
        return any(all(a.name in changed for a in self._selection.wanting(path)) for path in traded)

    def _running(self, names: frozenset[str]) -> tuple[Analyser, ...]:
        return tuple(analyser for analyser in self._selection.analysers if analyser.name in names)

    def _merge(self, book: _ChangedBook | None, search: SecretSearch | None = None) -> Merged | None:
        assert self._difference is not None
        assert self._entries is not None
        gone = self._difference.gone
        former = {dataset: self._rows.table(dataset) for dataset in (*_MERGED, PROBLEMS)}
        fresh = {dataset: without_layer(dataset).empty_table() for dataset in _MERGED}
        problems: list[Problem] = []
        if book is not None:
            found = book.settle()
            fresh |= found.facts
            problems += found.problems
        if search is not None:
            fresh[SECRETS] = search.table()
            problems += search.problems()
        evidence = former[EVIDENCE]
        kept = evidence.filter(pc.invert(pc.is_in(evidence.column("analyser"), value_set=_texts(gone))))
        tables = {dataset: merged_table(dataset, former[dataset], fresh[dataset], gone) for dataset in OF_AN_ANALYSER}
        mixed = shared_places(evidence, kept, fresh[EVIDENCE])
        for dataset in OF_A_PLACE:
            if not mixed.isdisjoint((*former[dataset]["path"].to_pylist(), *fresh[dataset]["path"].to_pylist())):
                return None
            tables[dataset] = merged_table(dataset, former[dataset], fresh[dataset], kept=kept)
        tables[SECRETS] = (fresh if Secrets.name in gone else former)[SECRETS]
        merged = merged_problems(former[PROBLEMS], problems, gone, self._entries, self._selection)
        if merged is None or len(merged) > self._limits.problems:
            return None
        if book is not None and not self._has_room(book, kept, tables):
            return None
        return Merged(self._rows, former, tables, merged, self._former.composition_hash)

    def _has_room(self, book: _ChangedBook, kept: pa.Table, tables: dict[Dataset, pa.Table]) -> bool:
        """Whether no cap on a layer's evidence would have been reached by all analysers together; rather no than yes."""
        rows = {dataset: tables[dataset].num_rows for dataset in (PACKAGES, OWNED_PATHS)}
        spent = book.spent + sum(table.nbytes for table in tables.values())
        spent += evidence_cost(kept.column("path").to_pylist(), sum(rows.values()))
        return bool(spent < self._limits.evidence_bytes and rows[PACKAGES] < self._limits.packages)


class _ChangedAnalysers(Selection):
    """What the walker looks for: it stops where all analysers would make it stop, and asks the changed ones alone.

    Where one of them goes by first bytes, names of all analysers count: a file that somebody wants by its name is shown to
    nobody for its content.
    """

    def __init__(self, whole: Selection, changed: frozenset[str]) -> None:
        super().__init__(whole.analysers)
        self._changed = changed
        self.magics = {magic: tuple(a for a in found if a.name in changed) for magic, found in self.magics.items()}
        self._by_content = any(self.magics.values())

    def wanting(self, path: str) -> tuple[Analyser, ...]:
        """See `Selection`."""
        found = super().wanting(path)
        return found if self._by_content else tuple(a for a in found if a.name in self._changed)


class _ChangedBook(EvidenceBook):
    """Keeps the evidence of the changed analysers alone."""

    def __init__(self, selection: Selection, limits: Limits, changed: frozenset[str]) -> None:
        super().__init__(selection, limits)
        self._changed = changed
        self._all = limits.evidence_bytes

    @property
    def spent(self) -> int:
        """What the evidence took of the cap."""
        return self._all - self._room

    def record(self, path: str, analyser: Analyser, data: Data, *, by_content: bool = False) -> None:
        """See `EvidenceBook`."""
        if analyser.name in self._changed:
            super().record(path, analyser, data, by_content=by_content)

    def refuse(self, path: str, analyser: Analyser, size: int, state: str, reason: str, detail: str) -> None:
        """See `EvidenceBook`."""
        if analyser.name in self._changed:
            super().refuse(path, analyser, size, state, reason, detail)

    def link(self, path: str, analyser: Analyser, target: str | None) -> None:
        """See `EvidenceBook`."""
        if analyser.name in self._changed:
            super().link(path, analyser, target)


def _forget(_chunk: EntryChunk) -> None:
    """The former result has the entries."""


def _goes_by_name(analyser: Analyser) -> bool:
    wanted = analyser.wanted
    return bool(wanted.names or wanted.suffixes or wanted.folders)


def _texts(names: Iterable[str]) -> pa.Array:
    return pa.array(sorted(names), pa.string())
