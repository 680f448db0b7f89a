"""Runs a target under atheris: libFuzzer over Python's own coverage counters.

atheris counts the edges of modules that are imported while it instruments, so ours are imported here and not at the top.
Nothing comes back from a run: libFuzzer ends the process, by 0 after the time, otherwise with the input that failed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import atheris

if TYPE_CHECKING:
    from tests.fuzz.target import Target

CORPUS = Path(__file__).with_name("corpus")
"""The kept inputs: a folder for each target."""
SECONDS_OF_ONE = 5
"""Seconds that one input may take; more is a hang."""
MEGABYTES = 1_024
"""Megabytes that the process may take, with what atheris needs itself."""


def run(name: str, seconds: int, found: Path) -> NoReturn:
    """Attack a target.

    Args:
        name: of the target.
        seconds: for how long.
        found: folder for inputs that reach something new; those in it already are begun with.
    """
    found.mkdir(parents=True, exist_ok=True)
    _run(name, found, found, [f"-max_total_time={seconds}", "-print_final_stats=1"], kept=True)


def merge(name: str, found: Path) -> NoReturn:
    """Keep those of the found inputs that the kept ones do not reach already.

    Args:
        name: of the target.
        found: the folder of a run.
    """
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    _run(name, CORPUS / name, found, ["-merge=1", str(found)], kept=False)


def resume_merge(name: str, arguments: list[str]) -> NoReturn:
    """Do what libFuzzer asks of the processes that it starts for a merge.

    Args:
        name: of the target.
        arguments: libFuzzer's own.
    """
    _fuzz(_target(name), arguments)


def _run(name: str, first: Path, found: Path, more: list[str], *, kept: bool) -> NoReturn:
    target = _target(name)
    seeds = Path(tempfile.mkdtemp(prefix="fuzz-seeds-"))
    for number, seed in enumerate(target.seeds()):
        (seeds / f"seed-{number}").write_bytes(seed)
    words = seeds.with_suffix(".words")
    words.write_text("".join('"' + "".join(rf"\x{byte:02x}" for byte in word) + '"\n' for word in target.words))
    folders = [str(first), *([str(seeds), *([str(CORPUS / name)] if (CORPUS / name).is_dir() else [])] if kept else [])]
    limits = [
        f"-timeout={SECONDS_OF_ONE}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={target.longest}",
        f"-dict={words}",
    ]
    limits.append(f"-artifact_prefix={found}/failed-")
    _fuzz(target, [*limits, *folders, *more])


def _target(name: str) -> Target:
    with atheris.instrument_imports(
        include=["tasks.layers", "tasks.rpm", "tasks.analyzers"], enable_loader_override=False
    ):
        from tests.fuzz.targets import TARGETS

    return TARGETS[name]


def _fuzz(target: Target, arguments: list[str]) -> NoReturn:
    options = {}
    if target.mend is not None:
        mend = target.mend
        options["custom_mutator"] = lambda data, longest, seed: mend(data, longest, seed, atheris.Mutate)
    # A merge starts more processes by the first argument, unquoted: it is a command line.
    command = f"{sys.executable} {Path(__file__).with_name('__main__.py')} {target.name}"
    atheris.Setup([command, *arguments], target.read, **options)
    atheris.Fuzz()
    raise SystemExit(0)
