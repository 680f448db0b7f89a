"""docs/composition.md lists every test that is named after one of the twelve rules."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "composition.md"


def test_every_rule_has_tests_named_after_it_and_the_page_lists_them() -> None:
    named: defaultdict[str, set[str]] = defaultdict(set)
    for path in HERE.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            rule = re.match(r"test_rule_(\d+)_", node.name) if isinstance(node, ast.FunctionDef) else None
            if rule and isinstance(node, ast.FunctionDef):
                named[rule[1]].add(f"{path.stem}::{node.name}")
    listed = {
        rule: set(re.findall("`([^`]+)`", tests))
        for rule, tests in re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    }
    assert list(listed) == [str(number) for number in range(1, 13)]
    assert listed == named
