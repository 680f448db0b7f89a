"""The evidence of one layer: what the analysers found, where, and what a later entry of the same layer took away again.

A tar archive is a log: a path may come twice, and a file may take the place of a directory full of evidence. So every piece
of evidence has a number, every replacement a number from the same counter, and only at the end it is seen which evidence
outlived the replacements of its path and of the folders above.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from catalog.errors import LimitExceeded, ParseError
from catalog.limits import Limits
from catalog.problems import Problem
from catalog.schemas import CONTENTS, EVIDENCE, OWNED_PATHS, PACKAGES, Dataset
from tasks.analyzers.interface import Analyser, Data, Findings
from tasks.analyzers.selection import Selection
from tasks.layers.claim_rows import ClaimRows, is_plain
from tasks.layers.package_rows import PackageRows, plain_length
from tasks.layers.paths import raw

_RECORD_BYTES = 1_000
"""What a piece of evidence takes beside its texts, with its row; about."""
_PACKAGE_BYTES = 200
_NAME_BYTES = 200


@dataclass(slots=True)
class _Record:
    """One piece of evidence; `number` orders it among all events and names its rows, `at` when it came to its path."""

    at: int
    number: int
    state: str
    size: int
    target: str | None = None
    content: bytes | None = None
    cost: int = 0
    """What its findings take of the cap, its claims apart."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a layer's evidence comes to, in the order of the datasets' keys and without the layer's digest.

    Args:
        evidence: rows of `catalog.schemas.EVIDENCE`.
        packages: rows of `catalog.schemas.PACKAGES`.
        owned_paths: rows of `catalog.schemas.OWNED_PATHS`.
        contents: rows of `catalog.schemas.CONTENTS`.
        problems: in the order they were met.
    """

    evidence: pa.Table
    packages: pa.Table
    owned_paths: pa.Table
    contents: pa.Table
    problems: list[Problem]

    @property
    def facts(self) -> dict[Dataset, pa.Table]:
        """What composition reads of it, by dataset."""
        return {
            EVIDENCE: self.evidence,
            PACKAGES: self.packages,
            OWNED_PATHS: self.owned_paths,
            CONTENTS: self.contents,
        }


class EvidenceBook:
    """Keeps the evidence of one layer.

    Args:
        selection: the analysers.
        limits: caps on packages, problems and memory.
    """

    def __init__(self, selection: Selection, limits: Limits) -> None:
        self._limits = limits
        self._seen_as = selection.seen_as
        self._clock = 0
        self._records: dict[str, dict[str, _Record]] = {}
        self._folders: set[str] = set()
        self._replaced: dict[str, int] = {}
        self._buried: dict[str, int] = {}
        self._by_content: dict[str, list[Analyser]] = {}
        self._packages = PackageRows()
        self._claims = ClaimRows()
        self._room = limits.evidence_bytes
        self._untold = 0
        self._untold_partial = False
        self.problems: list[Problem] = []
        self.telling_names: set[bytes] = set(selection.names)
        """Base names at which the walker must stop for a file: wanted ones, found ones, and folders above evidence."""
        self.recorded_names: set[bytes] = set()
        """Base names of evidence, at which it must stop for a directory."""

    def record(self, path: str, analyser: Analyser, data: Data, *, by_content: bool = False) -> None:
        """Let an analyser read a file and keep what it finds; its failure is a problem, never more.

        Args:
            path: where it lies.
            analyser: who reads it.
            data: its bytes.
            by_content: only its first bytes made it wanted. There are thousands of such files in which there is nothing, and
                nobody looks for evidence at their paths: without findings they leave no record.

        Raises:
            LimitExceeded: there is more evidence than a layer may have; so do `refuse` and `link`.
        """
        reason, detail = "", ""
        findings = Findings()
        try:
            findings = analyser.analyse_within(self._seen_as(path), data, self._limits)
        except ParseError as error:
            reason, detail = error.reason, error.what
        except Exception as error:
            # A bug in one analyser must not cost the layer; it is recorded like a failure.
            reason, detail = "analyser-error", type(error).__name__
        if by_content and not (reason or findings.packages or findings.remarks or findings.content is not None):
            return
        record = self._enter(path, analyser, "failed" if reason else "read", len(data))
        if by_content:
            self._by_content.setdefault(path, []).append(analyser)
            # Whatever comes to this path later may be wanted by nobody, and still takes its place.
            self.telling_names.add(raw(path.rpartition("/")[2]))
        if reason:
            self.note(path, reason, detail, analyser=analyser.name, partial=True)
        else:
            self._keep(record, path, analyser, findings)

    def readers_by_content(self, path: str) -> tuple[Analyser, ...]:
        """The analysers that read the file at a path although nothing but its first bytes made it wanted."""
        return tuple(self._by_content.get(path, ()))

    def refuse(self, path: str, analyser: Analyser, size: int, state: str, reason: str, detail: str) -> None:
        """Record a file that is not read.

        Args:
            path: where it lies.
            analyser: who wanted it.
            size: its bytes.
            state: the evidence's state.
            reason: the problem's word.
            detail: the problem's line.
        """
        self._enter(path, analyser, state, size)
        self.note(path, reason, detail, analyser=analyser.name, partial=True)

    def link(self, path: str, analyser: Analyser, target: str | None) -> None:
        """Record a link at a place that an analyser wants.

        Args:
            path: of the link.
            analyser: who wants it.
            target: of a hard link, the path it shares its content with; None for a symlink, which only the composed image
                can follow.
        """
        source = self._records.get(target, {}).get(analyser.name) if target is not None else None
        if source is not None and target is not None and not self._outlives(target, source):
            source = None
        record = self._enter(path, analyser, "link", 0)
        if source is not None:
            self._share(record, source)
        else:
            record.target = target

    def replaced(self, path: str, *, buries: bool) -> None:
        """Note that an entry came to a path.

        Args:
            path: where.
            buries: it is no directory, so nothing below the path is left.
        """
        if path in self._records:
            self._replaced[path] = self._tick()
        if buries and path in self._folders:
            self._buried[path] = self._tick()

    def note(self, path: str, reason: str, detail: str, *, analyser: str = "", partial: bool = False) -> None:
        """Record a problem, up to the limit.

        Args:
            path: where; empty for the layer.
            reason: a short stable word.
            detail: one line.
            analyser: who met it.
            partial: evidence is missing because of it.
        """
        if len(self.problems) < self._limits.problems:
            self.problems.append(Problem(path, analyser, reason, detail, partial))
        else:
            self._untold += 1
            self._untold_partial |= partial

    def settle(self) -> Evidence:
        """What is left at the end of the layer."""
        try:
            self._follow_links()
        except LimitExceeded as error:
            self.note("", error.reason, error.what, partial=True)
        left = [
            (path, name, record)
            for path in sorted(self._records)
            for name, record in sorted(self._records[path].items())
            if self._outlives(path, record)
        ]
        contents = {path: record.content for path, _, record in left if record.content is not None}
        problems = list(self.problems)
        if self._untold:
            problems.append(Problem("", "", "more-problems", f"{self._untold} more", self._untold_partial))
        return Evidence(
            evidence=pa.table(
                {
                    "path": [path for path, _, _ in left],
                    "analyser": [name for _, name, _ in left],
                    "state": [record.state for _, _, record in left],
                    "size": [record.size for _, _, record in left],
                },
                schema=without_layer(EVIDENCE),
            ),
            packages=self._packages.table([(path, record.number) for path, _, record in left]),
            owned_paths=self._claims.table([(path, record.number) for path, _, record in left]),
            contents=pa.table(
                {"path": list(contents), "data": list(contents.values())}, schema=without_layer(CONTENTS)
            ),
            problems=problems,
        )

    def _enter(self, path: str, analyser: Analyser, state: str, size: int) -> _Record:
        self._spend(_RECORD_BYTES + len(path))
        at = self._tick()
        record = _Record(at, at, state, size)
        self._records.setdefault(path, {})[analyser.name] = record
        folder, _, base = path.rpartition("/")
        self.recorded_names.add(raw(base))
        while folder and folder not in self._folders:
            self._spend(_NAME_BYTES + len(folder))
            self._folders.add(folder)
            folder, _, base = folder.rpartition("/")
            self.telling_names.add(raw(base))
        return record

    def _keep(self, record: _Record, path: str, analyser: Analyser, findings: Findings) -> None:
        for remark in findings.remarks:
            self.note(path, remark.reason, remark.detail, analyser=analyser.name, partial=remark.partial)
        before = self._room
        if findings.content is not None:
            self._spend(len(findings.content))
            record.content = findings.content
        self._keep_packages(record, path, analyser, findings)
        record.cost = before - self._room
        if findings.claims:
            self._spend(self._claims.add(record.number, [claim for claim in findings.claims if is_plain(claim)]))

    def _keep_packages(self, record: _Record, path: str, analyser: Analyser, findings: Findings) -> None:
        packages = []
        for package in findings.packages:
            length = plain_length(package)
            if length is not None:
                self._spend(_PACKAGE_BYTES + length)
                packages.append(package)
        if len(packages) < len(findings.packages):
            count = len(findings.packages) - len(packages)
            self.note(
                path, "odd-text", f"{count} packages whose fields are no texts", analyser=analyser.name, partial=True
            )
        room = self._limits.packages - self._packages.count
        if len(packages) > room:
            what = f"more than {self._limits.packages} packages"
            self.note(path, "limit-exceeded", what, analyser=analyser.name, partial=True)
        if packages:
            self._packages.add(record.number, analyser.name, packages[:room])

    def _outlives(self, path: str, record: _Record) -> bool:
        """Whether nothing took the record's place after it came."""
        if self._replaced.get(path, 0) > record.at:
            return False
        if self._buried:
            while path:
                path = path.rpartition("/")[0]
                if self._buried.get(path, 0) > record.at:
                    return False
        return True

    def _follow_links(self) -> None:
        """Hard links that came before what they link to share its findings after all."""
        for records in self._records.values():
            for name, record in records.items():
                seen = {id(record)}
                target = record.target
                while target is not None:
                    source = self._records.get(target, {}).get(name)
                    if source is None or id(source) in seen or not self._outlives(target, source):
                        break
                    seen.add(id(source))
                    target = source.target
                    if target is None:
                        self._share(record, source)

    def _share(self, record: _Record, source: _Record) -> None:
        # The rows are there once, and written once for each of the names.
        self._room -= self._claims.settle()
        cost = source.cost + self._claims.cost(source.number)
        if cost:
            self._spend(cost)
        record.number, record.state, record.size, record.target = source.number, source.state, source.size, None
        record.content, record.cost = source.content, source.cost

    def _spend(self, count: int) -> None:
        # Never given back: what a later entry replaces was worth its bytes too, and the cap is far above all real layers.
        self._room -= count
        if self._room < self._claims.owing:
            self._room -= self._claims.settle()
        if self._room < 0:
            raise LimitExceeded(f"more than {self._limits.evidence_bytes} bytes of evidence")

    def _tick(self) -> int:
        self._clock += 1
        return self._clock


def evidence_cost(paths: list[str], packages: int) -> int:
    """What evidence takes of the cap beside its texts; more rather than less.

    Args:
        paths: of the pieces, as often as there are pieces.
        packages: found in them.
    """
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    names = sum(map(len, paths)) + sum(map(len, folders))
    return _RECORD_BYTES * len(paths) + _NAME_BYTES * len(folders) + _PACKAGE_BYTES * packages + names


def without_layer(dataset: Dataset) -> pa.Schema:
    """The dataset's schema without the layer's digest, which every row of a layer shares."""
    return pa.schema([field for field in dataset.schema if field.name != "layer"])
