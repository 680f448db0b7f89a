"""`python -m pipelines` is the `longshore` command: the same verbs, wherever the package is on the path."""

from __future__ import annotations

import sys
from typing import NoReturn

from pipelines.cli.run import run


def main() -> NoReturn:
    """Run the process's command line and exit with its code."""
    sys.exit(run())


if __name__ == "__main__":
    main()
