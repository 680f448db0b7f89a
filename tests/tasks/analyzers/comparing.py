"""Comparing what analysers find in a real tree with what the ecosystem's own tool says is there.

Each comparison becomes a line of a table: analyser, oracle, packages compared, missed, extra. What is missed or extra for a
reason stands in `exceptions.toml`; all else fails the test.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers import DEFAULT
from tasks.analyzers.selection import SUFFIX_LENGTH

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
PAGE = Path(__file__).parents[3] / "docs" / "analysers.md"

Named = tuple[str, str]
"""A package's name, its namespace included, and its version."""


@dataclass(frozen=True)
class Found:
    path: str
    package: PackageFacts

    @property
    def named(self) -> Named:
        package = self.package
        return (f"{package.namespace}/{package.name}" if package.namespace else package.name, package.version)


@dataclass(frozen=True)
class Reason:
    """Why something is missed or extra: for the packages (`name version`) and places that its patterns match."""

    analyser: str
    oracle: str
    side: str
    why: str
    package: str = ".*"
    path: str = ".*"


def reasons() -> list[Reason]:
    return [Reason(**entry) for entry in tomllib.loads(EXCEPTIONS.read_text())["exception"]]


@dataclass(frozen=True)
class Line:
    """What docs/analysers.md says of one comparison."""

    compared: int
    missed: int
    extra: int
    explained: int
    test: str


def documented() -> dict[tuple[str, str], Line]:
    """The page's table of oracles, by analyser and oracle."""
    row = re.compile(r"^\| ([\w-]+) \| ([^|]+) \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \| `(\w+)` \|$", re.MULTILINE)
    return {
        (analyser, oracle): Line(int(compared.replace(",", "")), int(missed), int(extra), int(explained), test)
        for analyser, oracle, compared, missed, extra, explained, test in row.findall(PAGE.read_text())
    }


def found_below(root: Path, analyser_name: str, folders: Iterable[str] = (".",)) -> list[Found]:
    """What one analyser finds in a tree, its files chosen by the rules by which a layer's are; links are not followed."""
    found: list[Found] = []
    for start in folders:
        for folder, _, names in os.walk(root / start):
            for name in names:
                file = Path(folder) / name
                path = file.relative_to(root).as_posix()
                if not wanted_by_walker(path) or file.is_symlink():
                    continue
                for analyser in DEFAULT.wanting(path):
                    if analyser.name == analyser_name:
                        findings = analyser.analyse_within(path, file.read_bytes(), Limits())
                        assert not [remark for remark in findings.remarks if remark.partial], path
                        found += [Found(path, package) for package in findings.packages]
    return found


def wanted_by_walker(path: str) -> bool:
    """The lookups by which the walker stops at a file, before it looks at its path."""
    name = path.encode()
    folder, _, base = name.rpartition(b"/")
    return (
        base in DEFAULT.names
        or folder in DEFAULT.folders
        or (base[-SUFFIX_LENGTH:] in DEFAULT.suffixes and DEFAULT.plausible(name))
    )


class Table:
    """The lines of all comparisons of a test run."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: list[str] = []

    def compare(self, analyser: str, oracle: str, found: list[Found], told: Iterable[Named]) -> None:
        """Compare, write the line, and fail where something is missed or extra without a reason."""
        told = set(told)
        ours: dict[Named, list[str]] = {}
        for one in found:
            ours.setdefault(one.named, []).append(one.path)
        known = [reason for reason in reasons() if reason.analyser == analyser and reason.oracle == oracle]

        def explained(side: str, named: Named, paths: Iterable[str]) -> bool:
            mine = [reason for reason in known if reason.side == side and re.fullmatch(reason.package, " ".join(named))]
            return all(any(re.fullmatch(reason.path, path) for reason in mine) for path in paths)

        missed = sorted(named for named in told - set(ours) if not explained("missed", named, [""]))
        extra = sorted(named for named in set(ours) - told if not explained("extra", named, ours[named]))
        excused = len(told ^ set(ours)) - len(missed) - len(extra)
        self.lines.append(f"| {analyser} | {oracle} | {len(told)} | {len(missed)} | {len(extra)} | {excused} |")
        head = "| analyser | oracle | packages compared | missed | extra | explained |\n|---|---|---|---|---|---|\n"
        self.file.write_text(head + "\n".join(sorted(self.lines)) + "\n")
        assert (missed, extra) == ([], []), [(named, ours[named]) for named in extra]
        line = documented()[analyser, oracle]
        assert (excused > 0) == (line.explained > 0), (
            f"docs/analysers.md speaks of {line.explained} explained differences"
        )
