"""Budgets of size, documentation of every public name, and words that no file may hold."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator

import pytest

from tests.architecture.tree import Module, modules, tracked_files

MAX_LINES = 350
MEDIAN_LINES = 130
FUNCTION_P90 = 35


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_module_is_longer_than_its_budget() -> None:
    assert not {
        module.relative: module.lines
        for module in modules("catalog", "tasks", "cluster", "pipelines", "benchmarks")
        if module.lines > MAX_LINES
    }


def test_the_median_module_is_short() -> None:
    assert statistics.median(module.lines for module in modules() if module.lines > 5) <= MEDIAN_LINES


def test_nine_functions_of_ten_are_short() -> None:
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for module in modules() for node in functions(module)]
    assert statistics.quantiles(lengths, n=10)[-1] <= FUNCTION_P90


def undocumented(body: list[ast.stmt], owner: str) -> Iterator[str]:
    """Public classes, functions and methods without a docstring; what is written again from a base says nothing new."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
        if ast.get_docstring(node) is None and not decorators & {"override", "overload", "setter"}:
            yield f"{owner}.{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body, f"{owner}.{node.name}")


@pytest.mark.parametrize(
    "module", modules("catalog", "tasks", "cluster", "pipelines", "benchmarks"), ids=lambda module: module.name
)
def test_every_public_name_is_documented(module: Module) -> None:
    assert ast.get_docstring(module.syntax) or not module.syntax.body, "the module says nothing of itself"
    if "migrations" not in module.name:
        assert list(undocumented(module.syntax.body, module.name)) == []


FORBIDDEN = {
    # In two halves, so that this file does not hold them itself.
    "a package index": [
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "npmjs" + ".org",
        "rubygems" + ".org",
        "crates" + ".io",
    ],
    "a machine path": ["/" + "work/", "/tmp/" + "pv", "/root/" + ".pyenv"],
    "unfinished work": ["TO" + "DO", "FIX" + "ME", "X" + "XX"],
    "bare skips": ["pragma: no " + "cover"],
}

BINARY = {".gz", ".zst", ".zip", ".parquet", ".png", ".jpg", ".tar", ".sqlite"}


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_holds(kind: str) -> None:
    words = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}" for word in FORBIDDEN[kind]))
    found = []
    for path in tracked_files():
        if path.suffix in BINARY:
            continue
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), start=1):
            if words.search(line):
                found.append(f"{path.name}:{number}: {line.strip()[:100]}")
    assert not found


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "common", "misc"])
def test_no_module_hides_behind_a_word_that_says_nothing(word: str) -> None:
    assert not [module.name for module in modules() if word in module.name.split(".")[-1].split("_")]
