"""`python -m tests.fuzz TARGET --seconds N`: coverage-guided fuzzing of one group of parsers.

`--found` names the folder of inputs that reached something new; `--merge` keeps what is new among them in `tests/fuzz/corpus`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# libFuzzer starts this file by its path for a merge.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fuzz.driving import merge, resume_merge, run

TARGETS = ("tar", "compressed", "rpm", "elf", "archive", "text")


def main() -> None:
    """Read the command line and go."""
    if "-merge_inner=1" in sys.argv:
        resume_merge(sys.argv[1], sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="how long to attack")
    parser.add_argument("--found", type=Path, help="folder for what is found; build/fuzz/TARGET if not said")
    parser.add_argument("--merge", action="store_true", help="keep what is new in the folder instead of attacking")
    options = parser.parse_args()
    found = options.found or Path("build") / "fuzz" / options.target
    if options.merge:
        merge(options.target, found)
    run(options.target, options.seconds, found)


if __name__ == "__main__":
    main()
