"""A narrower wish of platforms takes nothing away from what is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.states import Outcome
from tasks.oci_writer import OciWriter
from tests.pipelines.scan.images import base, layer
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]


@pytest.fixture
def index(tmp_path: Path) -> str:
    with OciWriter(tmp_path / "layout") as writer:
        amd = writer.add_image([base()], platform="linux/amd64")
        arm = writer.add_image([base(), layer({"arm": "1"})], platform="linux/arm64")
        writer.add_index([amd, arm], tag="1")
    return f"oci:{tmp_path}/layout"


def states(scanner: Scanner, source: str, *platforms: str) -> dict[str, Outcome]:
    return {str(line.platform): line.state for line in scanner.scan(source, platforms=platforms).lines}


def test_a_platform_that_was_never_wanted_is_skipped(scanner: Scanner, index: str) -> None:
    assert states(scanner, index, "linux/arm64") == {"linux/amd64": Outcome.SKIPPED, "linux/arm64": Outcome.ANALYSED}


def test_a_platform_that_was_analysed_stays_analysed_when_a_later_scan_does_not_want_it(
    scanner: Scanner, index: str
) -> None:
    both = {"linux/amd64": Outcome.ANALYSED, "linux/arm64": Outcome.ANALYSED}
    assert states(scanner, index) == both
    assert states(scanner, index, "linux/arm64") == both
    assert states(scanner, index) == both
