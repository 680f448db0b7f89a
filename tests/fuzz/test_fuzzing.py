"""Some seconds of fuzzing in the suite: the command works, and what anyone broke today is perhaps found today."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import TARGETS
from tests.servers.missing import missing

ROOT = Path(__file__).parents[2]
SECONDS = 1
"""Of each target: with the imports, some twenty seconds together."""

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _atheris() -> None:
    if importlib.util.find_spec("atheris") is None:
        missing("atheris", "pip install -c constraints.txt -e '.[fuzz]'")


def fuzz(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments], cwd=ROOT, capture_output=True, text=True, errors="replace"
    )
    return done.returncode, done.stderr + done.stdout


@pytest.mark.parametrize("name", TARGETS)
def test_some_seconds_of_fuzzing_find_nothing(name: str, tmp_path: Path) -> None:
    code, output = fuzz(name, "--seconds", str(SECONDS), "--found", str(tmp_path))
    assert code == 0, output[-4000:]
    assert int(re.findall(r"number_of_executed_units: (\d+)", output)[0]) > 100
    assert not list(tmp_path.glob("failed-*"))
    # Not one edge alone: the parsers are watched, not only the target's own function.
    assert int(re.findall(r"cov: (\d+)", output)[-1]) > 100


def test_a_bug_is_found_and_its_input_kept(tmp_path: Path) -> None:
    """A target of the command's own shape that fails on some inputs: exit code and file are what CI would see."""
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import tests.fuzz.texts as texts
class Broken:
    def analyse_within(self, path, data, limits):
        raise KeyError("not a parser's own error")
texts.ANALYSERS["apk"] = Broken()
sys.argv = ["tests.fuzz", "text", "--seconds", "20", "--found", {str(tmp_path)!r}]
from tests.fuzz.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, errors="replace")
    assert done.returncode != 0
    assert "KeyError" in done.stderr + done.stdout
    assert list(tmp_path.glob("failed-*"))
