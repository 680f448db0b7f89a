"""docs/hostile-input.md as the tests read it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs" / "hostile-input.md"


@dataclass(frozen=True)
class Row:
    """A row of the page's tables."""

    case: str
    does: str
    outcome: str
    reason: str
    limits: tuple[str, ...]
    neighbours: str
    tests: tuple[str, ...]


@cache
def table(heading: str) -> dict[str, Row]:
    """The rows of the table below a heading, by their first column."""
    page = PAGE.read_text()
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines() if line[:2] == "| "]
    found = [
        Row(case, does, outcome, re.sub("[`—]", "", reason), *(_named(limits), neighbours, _named(tests)))
        for case, does, outcome, reason, limits, neighbours, tests in rows[1:]
    ]
    assert len({row.case for row in found}) == len(found)
    return {row.case: row for row in found}


def _named(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


@cache
def every_test() -> frozenset[str]:
    """Every test, as `file::name`."""
    found = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(f"{path.relative_to(TESTS).as_posix()}::{node.name}")
    return frozenset(found)
