"""One layer: its bytes in, its records out, and how it ended.

The records are believed only after the last byte: size and digest are checked then, and whatever went wrong with the bytes
outranks what went wrong with their content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from catalog.errors import LayerError, LimitExceeded
from catalog.identities import hash_fields
from catalog.limits import Limits
from catalog.problems import Problem
from catalog.rows import RowHasher
from catalog.schemas import CONTENTS, ENTRIES, EVIDENCE, OWNED_PATHS, PACKAGES, PRIVILEGED, SECRETS
from catalog.states import LayerOutcome
from tasks.analyzers.selection import Selection
from tasks.layers.blob import BlobReader, ByteStream
from tasks.layers.chunks import EntryChunk
from tasks.layers.compression import decoder_errors, open_tar_stream
from tasks.layers.entries import ROW_SCHEMA, entry_rows
from tasks.layers.evidence import Evidence, EvidenceBook, without_layer
from tasks.layers.privileged import PrivilegedFiles
from tasks.layers.secret_search import SecretSearch
from tasks.layers.spool import RowSpool
from tasks.layers.walker import Walker
from tasks.layers.window import Window

COMPOSITION_RECIPE = "layer-composition/2"
"""The recipe of a layer's composition hash."""
COMPOSITION_COLUMNS = {
    ENTRIES: ("path", "kind", "target"),
    EVIDENCE: ("path", "analyser", "state"),
    PACKAGES: tuple(name for name in PACKAGES.schema.names if name != "layer"),
    CONTENTS: ("path", "data"),
    PRIVILEGED: ("path", "mode", "uid", "gid"),
    OWNED_PATHS: ("path", "owner", "package", "owned"),
}
"""The columns that composition reads: only what changes one of them renames the chains above."""


@dataclass(frozen=True, slots=True)
class LayerRecords:
    """What one layer holds; to be closed, because its entries may lie in a scratch file.

    Args:
        digest: of the layer.
        compression: what its bytes are packed with.
        size: compressed bytes.
        tar_size: uncompressed bytes up to and with the tar's end marker.
        entries: rows of `entries.ROW_SCHEMA`.
        evidence: what the analysers found.
        privileged: rows of `catalog.schemas.PRIVILEGED`, without the layer's digest.
        secrets: rows of `catalog.schemas.SECRETS`, likewise; none where they were not looked for.
        composition_hash: 32 bytes over the rows that composition reads.
    """

    digest: str
    compression: str
    size: int
    tar_size: int
    entries: RowSpool
    evidence: Evidence
    privileged: pa.Table
    secrets: pa.Table
    composition_hash: bytes

    @property
    def loss(self) -> Problem | None:
        """The first problem because of which evidence is missing."""
        return next((problem for problem in self.evidence.problems if problem.partial), None)

    @property
    def outcome(self) -> LayerOutcome:
        """Complete, or partial where evidence is missing."""
        return LayerOutcome.COMPLETE if self.loss is None else LayerOutcome.PARTIAL

    def close(self) -> None:
        """Let go of the scratch file."""
        self.entries.close()


def analyse_stream(
    stream: ByteStream,
    digest: str,
    size: int,
    *,
    selection: Selection,
    limits: Limits,
    scratch: Path,
    notes: tuple[Problem, ...] = (),
) -> LayerRecords:
    """Read one layer to its last byte.

    Args:
        stream: its bytes as served.
        digest: that they must have.
        size: bytes they must be; -1 where nobody knows.
        selection: the analysers.
        limits: caps; one that is reached makes the layer partial.
        scratch: directory for rows that memory has no room for.
        notes: problems known before.

    Raises:
        BlobError: the bytes are not those that the digest names; what the layer is was not seen.
        SourceError: what the stream raises.
        LayerError: the bytes are the right ones and no layer that can be read.
        StoreError: the scratch file cannot be written.
    """
    spool = RowSpool(ROW_SCHEMA, limits.spool_bytes, scratch)
    try:
        reading = _Reading(BlobReader(stream, digest, size), selection, limits, spool, notes)
        reading.read()
        return reading.records(digest)
    except BaseException:
        spool.close()
        raise


@dataclass(slots=True)
class Archive:
    """What a layer's tar archive turned out to be.

    Args:
        compression: what its bytes are packed with.
        tar_size: uncompressed bytes up to and with the tar's end marker.
    """

    compression: str
    tar_size: int


def walk_blob(
    blob: BlobReader,
    selection: Selection,
    book: EvidenceBook,
    limits: Limits,
    emit: Callable[[EntryChunk], None],
    search: SecretSearch | None = None,
) -> Archive:
    """Walk a layer's archive, then hash what is left of the blob and check it.

    Args:
        blob: the layer's bytes.
        selection: the analysers.
        book: where evidence goes, and the limit that ended the walk, if one did.
        limits: caps.
        emit: takes the entries, some thousands at a time.
        search: takes every text file, where secrets are looked for.

    Raises:
        BlobError, SourceError, LayerError: as `analyse_stream`.
    """
    broken: LayerError | None = None
    archive = Archive("", 0)
    try:
        with decoder_errors():
            stream = open_tar_stream(blob, limits)
            archive.compression = stream.compression
            window = Window(stream, blob, limits)
            try:
                Walker(window, selection, book, limits, emit, search).walk()
            finally:
                archive.tar_size = window.offset
    except LimitExceeded as error:
        book.note("", error.reason, error.what, partial=True)
    except LayerError as error:
        broken = error
    blob.finish()
    if broken is not None:
        raise broken
    return archive


class _Reading:
    """The state of reading one layer."""

    def __init__(
        self, blob: BlobReader, selection: Selection, limits: Limits, spool: RowSpool, notes: tuple[Problem, ...]
    ) -> None:
        self._blob = blob
        self._selection = selection
        self._limits = limits
        self._spool = spool
        self._book = EvidenceBook(selection, limits)
        self._book.problems.extend(notes)
        self._hashers = {
            dataset: RowHasher(dataset.name, dataset.version, columns)
            for dataset, columns in COMPOSITION_COLUMNS.items()
        }
        self._archive = Archive("", 0)
        self._privileged = PrivilegedFiles(limits.privileged)
        self._search = SecretSearch(limits) if selection.searches_secrets else None
        self._links = 0
        self._bytes = 0

    def read(self) -> None:
        """Read the blob to its end; raises as `analyse_stream`."""
        self._archive = walk_blob(self._blob, self._selection, self._book, self._limits, self._emit, self._search)

    def records(self, digest: str) -> LayerRecords:
        """What was read."""
        if self._privileged.over_limit:
            what = f"more than {self._limits.privileged} privileged files"
            self._book.note("", "limit-exceeded", what, partial=True)
        secrets = self._secrets()
        evidence = self._book.settle()
        privileged = self._privileged.table()
        for dataset, rows in {**evidence.facts, PRIVILEGED: privileged}.items():
            self._hashers[dataset].update(rows)
        digests = [self._hashers[dataset].digest() for dataset in COMPOSITION_COLUMNS]
        return LayerRecords(
            digest=digest,
            compression=self._archive.compression,
            size=self._blob.count,
            tar_size=self._archive.tar_size,
            entries=self._spool,
            evidence=evidence,
            privileged=privileged,
            secrets=secrets,
            composition_hash=hash_fields(COMPOSITION_RECIPE, *digests, size=32),
        )

    def _secrets(self) -> pa.Table:
        if self._search is None:
            return without_layer(SECRETS).empty_table()
        found = self._search.table()
        for problem in self._search.problems():
            self._book.note(problem.path, problem.reason, problem.detail, analyser=problem.analyser)
        return found

    def _emit(self, chunk: EntryChunk) -> None:
        if not chunk.names:
            return
        made = entry_rows(chunk, self._limits)
        if made.over_limit:
            self._book.note("", "limit-exceeded", f"{made.over_limit} names too long or too deep", partial=True)
        if made.odd_whiteouts:
            self._book.note("", "odd-whiteout", f"{made.odd_whiteouts} whiteouts that name nothing")
        self._hashers[ENTRIES].update(made.rows)
        self._privileged.add(made.rows)
        self._spool.add(made.rows)
        self._links += made.links
        self._bytes += made.rows.nbytes
        if self._links > self._limits.layer_links:
            raise LimitExceeded(f"more than {self._limits.layer_links} links")
        if self._bytes > self._limits.row_bytes:
            raise LimitExceeded(f"entries whose rows take more than {self._limits.row_bytes} bytes")
