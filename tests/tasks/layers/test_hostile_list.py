"""Every hostile or odd layer of docs/hostile-input.md, through the ordinary analysis: it ends as the table says."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from catalog.errors import Retry
from catalog.images import FileBlob
from catalog.limits import Limits
from catalog.receipts import LayerReceipt
from catalog.settings import ArchiveLocation
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers
from tasks.transport import RegistryAccess
from tests.tasks.layers.hostile_layers import LAYERS, Case
from tests.tasks.layers.hostile_page import PAGE, every_test, table
from tests.tasks.layers.reading import read, sha256

NEIGHBOURS = {"all": {"before", "after"}, "those before": {"before"}, "none": set(), "": set()}


def analysed(case: Case, folder: Path, home: Path, limits: Limits) -> LayerReceipt:
    digest = case.digest or sha256(case.blob)
    size = len(case.blob) if case.size < 0 else case.size
    path = folder / "blob"
    path.write_bytes(case.blob)
    task = LayerTask(digest, size, FileBlob(str(path), 0, len(case.blob)))
    batch = LayerBatch((task,), "2026-01", limits, RegistryAccess())
    (receipt,) = analyse_layers(batch, ArchiveLocation(str(home))).layers
    return receipt


def test_the_page_and_the_cases_are_the_same() -> None:
    assert list(table("Layers")) == list(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_a_hostile_layer_ends_as_the_page_says(name: str, tmp_path: Path, home: Path) -> None:
    row, case = table("Layers")[name], LAYERS[name]()
    receipt = analysed(case, tmp_path, home, replace(Limits(), **case.limits))
    assert (str(receipt.outcome), receipt.reason) == (row.outcome, row.reason), receipt.detail
    assert "\n" not in receipt.detail
    assert bool(receipt.detail) == (row.outcome != "complete")
    assert (receipt.retry is Retry.TRANSIENT) == (name == "truncated blob")


@pytest.mark.parametrize("name", [name for name, row in table("Layers").items() if row.outcome != "failed"])
def test_neighbours_of_what_is_hostile_are_found(name: str) -> None:
    row, case = table("Layers")[name], LAYERS[name]()
    names = {package for _, package, _ in read(case.blob, limits=replace(Limits(), **case.limits)).packages}
    assert names >= NEIGHBOURS[row.neighbours] | case.also
    assert ("after" in names) == (row.neighbours == "all")
    assert not names & {"bad", "first", "deep"}


@pytest.mark.parametrize("name", [name for name, row in table("Layers").items() if row.limits])
def test_a_higher_limit_is_the_way_out(name: str) -> None:
    """The table names the setting that decides: with nothing else changed, the layer loses nothing."""
    row, case = table("Layers")[name], LAYERS[name]()
    assert {limit.removeprefix("limits.") for limit in row.limits} == set(case.limits)
    assert set(case.limits) <= {field.name for field in fields(Limits)}
    result = read(case.blob)
    assert row.reason not in result.reasons
    assert {"before", "after"} <= {package for _, package, _ in result.packages}


@pytest.mark.parametrize("heading", ["Layers", "Images"])
def test_every_test_that_the_page_names_is_there(heading: str) -> None:
    named = {test for row in table(heading).values() for test in row.tests}
    assert named
    assert named <= every_test(), named - every_test()


def test_every_limit_is_explained_on_the_page() -> None:
    page = PAGE.read_text()
    assert [field.name for field in fields(Limits) if f"| `limits.{field.name}` |" not in page] == []
