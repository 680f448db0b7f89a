"""Keeps Ray off standard output.

Ray prints what workers print, and its own account of each lost worker, to the driver's standard output, in colour and
whatever it was told about logging. That is where `--json` promises JSON and nothing else, so those lines are logged instead.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray._private import worker as ray_worker

_LOGGER = logging.getLogger("longshore.ray")


def _log_lines(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    del ignore_prefix
    # A worker's stack as it crashes and the raylet's word on it are for whoever looks into a loss, which is told as a value.
    for line in data.get("lines", ()):
        _LOGGER.debug("%s: %s", data.get("pid", "ray"), line)


@contextmanager
def log_what_ray_prints() -> Iterator[None]:
    """Sends what Ray would print to the logger `longshore.ray`, while this lasts."""
    printer = ray_worker.print_to_stdstream
    ray_worker.print_to_stdstream = _log_lines
    try:
        yield
    finally:
        ray_worker.print_to_stdstream = printer
