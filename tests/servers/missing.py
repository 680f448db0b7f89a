"""The rule for servers that tests need: without one a test is skipped by name, in CI it fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(server: str, how_to_get_it: str) -> NoReturn:
    """Skip the test that needs `server`, or fail it where LONGSHORE_CI is set."""
    text = f"{server} is not there: {how_to_get_it}"
    if os.environ.get("LONGSHORE_CI"):
        pytest.fail(text)
    pytest.skip(text)
