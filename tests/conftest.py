"""What every test shares: a clean environment, the servers, and the rule for servers that are missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Examples are judged by what they find: on a busy machine a time limit of their own finds only its load.
settings.register_profile("longshore", deadline=None)
settings.load_profile("longshore")

pytest_plugins = [
    "tests.servers.registry",
    "tests.servers.postgres",
    "tests.servers.real_images",
    "tests.servers.s3",
    "tests.servers.scanning",
    "tests.servers.small_disk",
]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests may decide their outcome."""
    kept = {"LONGSHORE_CI", "LONGSHORE_DATA"}
    for name in list(os.environ):
        if (name.startswith(("LONGSHORE_", "AWS_")) and name not in kept) or name in {
            "RAY_ADDRESS",
            "DOCKER_CONFIG",
            "RAY_JOB_ID",
        }:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real advisories, images and package databases; a named skip without it, a failure in CI."""
    named = os.environ.get("LONGSHORE_DATA")
    for folder in filter(None, (named, str(Path(__file__).parents[2] / "shared" / "data"))):
        if Path(folder).is_dir():
            return Path(folder).resolve()
    if os.environ.get("LONGSHORE_CI") and named:
        pytest.fail(f"LONGSHORE_DATA names {named}, which is not there")
    pytest.skip("no real data: set LONGSHORE_DATA")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A LONGSHORE_HOME of the test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
