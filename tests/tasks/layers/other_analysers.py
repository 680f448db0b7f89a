"""Analysers that stand for two versions of real ones, and results of layers under sets of them."""

from __future__ import annotations

import hashlib
import io
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import ParseError
from catalog.facts import read_facts
from catalog.identities import fingerprint
from catalog.limits import Limits
from catalog.packages import PackageFacts
from catalog.receipts import FormerResult, ObjectReceipt
from catalog.schemas import LAYERS
from catalog.store import LocalStore
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted
from tasks.analyzers.selection import FingerprintSet, Selection
from tasks.layers.layer import analyse_stream
from tasks.layers.merging import Merged
from tasks.layers.reanalysis import Reanalysis
from tasks.layers.records import DATASETS, RecordWriter

MAGIC = b"MAGI"
READER = fingerprint("layers", 1, "test")


class Other(Analyser):
    """One analyser in one version: `p<n>` lines are packages, `bad` cannot be read, `odd` is remarked, `keep` is kept."""

    version = 0

    def __init__(self, name: str, version: int, wanted: Wanted, *, passed_over: str = "") -> None:
        self.name = name  # type: ignore[misc]
        self.version = version  # type: ignore[misc]
        self.wanted = wanted  # type: ignore[misc]
        self._passed_over = passed_over

    def confirm(self, path: str) -> bool:
        if self.wanted.within and not any(text in path for text in self.wanted.within):
            return False
        return not self._passed_over or not path.startswith(self._passed_over)

    def size_cap(self, limits: Limits) -> int:
        return limits.text_bytes

    def looks_right(self, path: str, head: Data) -> bool:
        return b"nothing" not in head

    def analyse(self, path: str, data: Data) -> Findings:
        lines = bytes(data).decode().split()
        if "bad" in lines:
            raise ParseError(f"{self.name} cannot read it")
        packages = [
            PackageFacts("generic", f"{self.name}-{line}", str(self.version)) for line in lines if line.startswith("p")
        ]
        # A new version finds one more, or one less.
        findings = Findings(packages=packages[self.version % 2 :])
        findings.remarks += [
            Remark("odd", f"{self.name} wonders", partial=line == "odder") for line in lines if "odd" in line
        ]
        if "keep" in lines:
            findings.content = f"{self.name} {self.version}".encode()
        return findings


def analysers(**versions: int) -> Selection:
    """A selection of analysers by name; version 0 leaves one out."""
    made = {
        "names": lambda v: Other("names", v, Wanted(names=("a", "b"))),
        "twins": lambda v: Other("twins", v, Wanted(names=("b", "c"))),
        "wider": lambda v: Other("wider", v, Wanted(names=("d", "e")[:v])),
        "suffix": lambda v: Other("suffix", v, Wanted(suffixes=(".json",), within=("x",))),
        "folder": lambda v: Other("folder", v, Wanted(folders=("f",))),
        "magic": lambda v: Other("magic", v, Wanted(magics=(MAGIC,))),
        "first": lambda v: Other("first", v, Wanted(magics=(MAGIC,)), passed_over="f/"),
        "both": lambda v: Other("both", v, Wanted(names=("e",), magics=(MAGIC,)), passed_over="x"),
    }
    return Selection(made[name](version) for name, version in versions.items() if version)


@dataclass
class Bench:
    """An archive in a folder, and results of one layer in it."""

    folder: Path
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.store = LocalStore(self.folder)

    def prints(self, selection: Selection) -> FingerprintSet:
        return selection.fingerprints(self.limits, READER, "layers/1")

    def whole(self, blob: bytes, selection: Selection) -> tuple[FormerResult, dict[str, list[dict]]]:
        """A layer's analysis as a whole: what the planner knows of it, and its rows."""
        prints = self.prints(selection)
        with RecordWriter(self.store, "2026-01", self.store.scratch) as writer:
            records = analyse_stream(
                io.BytesIO(blob),
                digest_of(blob),
                len(blob),
                selection=selection,
                limits=self.limits,
                scratch=Path(tempfile.gettempdir()),
            )
            with closing(records):
                writer.append(records, prints)
            written = writer.close()
        former = FormerResult(prints.id, prints.names, records.composition_hash, written)
        return former, self.rows(digest_of(blob), written)

    def again(self, blob: bytes, former: FormerResult, selection: Selection) -> Reanalysis:
        return Reanalysis(
            self.store,
            digest_of(blob),
            former,
            selection=selection,
            prints=self.prints(selection),
            limits=self.limits,
        )

    def result(self, blob: bytes, again: Reanalysis) -> Merged | None:
        return again.from_bytes(io.BytesIO(blob), len(blob)) if again.needs_bytes else again.from_rows()

    def rows_of(self, blob: bytes, merged: Merged, selection: Selection) -> dict[str, list[dict]]:
        """The rows of a result made again: those of kept objects, and those written."""
        digest = digest_of(blob)
        with RecordWriter(self.store, "2026-01", self.store.scratch) as writer:
            writer.append_again(merged.layer_row(digest, self.prints(selection)), merged.fresh, merged.fresh_problems)
            written = writer.close()
        return self.rows(digest, (*written, *merged.kept))

    def rows(self, digest: str, objects: tuple[ObjectReceipt, ...]) -> dict[str, list[dict]]:
        found: dict[str, list[dict]] = {dataset.name: [] for dataset in DATASETS}
        for each in objects:
            table: pa.Table = read_facts(self.store, each.key, where=pc.field("layer") == digest)
            found[each.dataset] += table.to_pylist()
        assert len(found[LAYERS.name]) == 1
        return found


def digest_of(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"
