"""docs/analysers.md against the analysers, and its table of oracles against the comparisons that the tests make."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tasks.analyzers import DEFAULT
from tests.tasks.analyzers.comparing import PAGE, documented
from tests.tasks.analyzers.test_compiled_oracles import DEBIAN_FOLDERS, FOUND_ON_DEBIAN

HERE = Path(__file__).parent


def comparisons() -> Iterator[tuple[str, str]]:
    """(analyser, oracle) of every call of `Table.compare` in the tests."""
    for file in HERE.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "compare":
                analyser, oracle, *_ = (ast.literal_eval(argument) for argument in node.args[:2])
                yield analyser, oracle


def names_of_tests() -> set[str]:
    """The names of all tests of analysers and whole images."""
    files = [*HERE.rglob("test_*.py"), *(HERE.parents[1] / "pipelines").rglob("test_*.py")]
    return {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}


def test_every_analyser_and_its_evidence_are_on_the_page() -> None:
    rows = re.findall(r"^\| ([\w-]+) \| [^|]+ \| ([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    listed = {name: bool(claims.strip()) for name, claims in rows if name != "analyser"}
    assert sorted(listed) == sorted(analyser.name for analyser in DEFAULT.analysers)
    claiming = {analyser.name for analyser in DEFAULT.analysers if analyser.claims}
    assert claiming == {name for name, claims in listed.items() if claims} - {"rpm-manifest"}


def test_every_comparison_has_its_line_and_every_line_its_test() -> None:
    lines = documented()
    assert set(comparisons()) <= set(lines)
    known = names_of_tests()
    for (analyser, oracle), line in lines.items():
        assert analyser in {one.name for one in DEFAULT.analysers}
        assert line.test in known, (analyser, oracle)
        assert line.compared > 0
        assert (line.missed, line.extra) == (0, 0)


def test_a_line_of_a_comparison_names_the_test_that_makes_it() -> None:
    for (analyser, oracle), line in documented().items():
        if (analyser, oracle) in set(comparisons()):
            (text,) = [f.read_text() for f in HERE.rglob("test_*.py") if f"def {line.test}(" in f.read_text()]
            body = text.split(f"def {line.test}(")[1].split("\ndef ")[0]
            assert f'table.compare("{analyser}", "{oracle}"' in body


def test_the_page_tells_of_the_folders_in_which_products_are_looked_for() -> None:
    rows = re.findall(
        r"^\| `(/[^`]+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert {folder for folder, *_ in rows} <= set(DEBIAN_FOLDERS)
    for _, *counts in rows:
        files, programs, named, found, confirmed, false = map(int, counts)
        assert files >= programs >= named >= found >= confirmed
        assert false == found - confirmed == len(tomllib.loads(FOUND_ON_DEBIAN.read_text())["unconfirmed"])
