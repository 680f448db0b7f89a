"""Work is shared, never repeated: what a second scan reads and writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.active.undo import undo_commit
from catalog.states import Outcome
from pipelines.advisories import import_advisories
from pipelines.workspace import open_workspace
from tasks.oci_writer import OciWriter
from tests.pipelines.scan.images import advisories, advisory, base, layer, layout, python
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    lower = base()
    images = {str(number): (lower, layer(python("flask", f"2.3.{number}"))) for number in range(6)}
    return layout(tmp_path / "layout", images)


def changed(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {table: after[table] - before.get(table, 0) for table in after if after[table] != before.get(table, 0)}


@pytest.mark.registry
def test_the_same_catalogue_again_writes_one_run_row_and_nothing_else(
    scanner: Scanner, registry: Registry, fleet: Path, tmp_path: Path
) -> None:
    import_advisories(advisories(tmp_path / "osv", advisory("PYSEC-1", "PyPI", "flask", "2.3.4")), scanner.settings)
    registry.pusher.push(fleet, "team/app")
    scanner.scan(registry.host)
    before, objects = scanner.rows_written(), scanner.objects()
    summary = scanner.scan(registry.host)
    assert changed(before, scanner.rows_written()) == {"run": 1}
    assert scanner.objects() == objects
    assert (summary.layers.planned, summary.layers.bytes_read, summary.new_images) == (0, 0, 0)
    assert summary.outcomes.analysed == 6


def test_the_same_layout_again_writes_one_run_row_though_an_image_failed(scanner: Scanner, fleet: Path) -> None:
    layout(fleet, {"broken": (base(), layer({"f": "x"} | {"deep/" * 300 + "f": "y"}))})
    (fleet / "blobs" / "sha256" / base().digest.removeprefix("sha256:")).write_bytes(b"no layer")
    first = scanner.scan(f"oci:{fleet}")
    assert first.outcomes.failed == 7
    before = scanner.rows_written()
    assert scanner.scan(f"oci:{fleet}").outcomes.failed == 7
    assert set(changed(before, scanner.rows_written())) <= {
        "run",
        "lease",
        "layer",
        "image",
        "archive_commit",
        "archive_counter",
    }


def test_of_one_more_tag_with_one_more_layer_only_that_layer_is_read(scanner: Scanner, fleet: Path) -> None:
    scanner.scan(f"oci:{fleet}")
    extra = layer(python("requests", "2.31.0"))
    layout(fleet, {"6": (base(), layer(python("flask", "2.3.0")), extra)})
    before = scanner.rows_written()
    summary = scanner.scan(f"oci:{fleet}")
    assert (summary.layers.planned, summary.layers.analysed, summary.new_images) == (1, 1, 1)
    assert summary.layers.bytes_read == extra.size
    written = changed(before, scanner.rows_written())
    assert (written["layer_result"], written["reference"], written["package"], written["chain"]) == (1, 1, 1, 1)


def test_when_one_commit_of_layers_is_undone_only_that_shard_runs_again(scanner: Scanner, fleet: Path) -> None:
    first = scanner.scan(f"oci:{fleet}")
    with open_workspace(scanner.settings) as workspace:
        with workspace.database.transaction() as tx:
            (generation, layers), *_ = tx.rows(
                "SELECT generation, count(*) FROM layer_result GROUP BY generation ORDER BY generation"
            )
        workspace.mirror(undo_commit(workspace.database, "test", generation))
    objects = scanner.objects()
    summary = scanner.scan(f"oci:{fleet}")
    assert summary.layers.analysed == layers < first.layers.analysed
    assert summary.outcomes == first.outcomes
    assert summary.coverage == first.coverage
    facts = {key for key in scanner.objects() - objects if not key.startswith("_manifests")}
    assert facts == set()


def test_when_a_commit_of_images_is_undone_they_are_composed_again_without_reading_a_layer(
    scanner: Scanner, fleet: Path
) -> None:
    first = scanner.scan(f"oci:{fleet}")
    with open_workspace(scanner.settings) as workspace:
        with workspace.database.transaction() as tx:
            ((generation,),) = tx.rows("SELECT max(generation) FROM image")
        workspace.mirror(undo_commit(workspace.database, "test", generation))
    summary = scanner.scan(f"oci:{fleet}")
    assert summary.layers.planned == 0
    assert summary.new_images > 0
    assert (summary.outcomes, summary.coverage) == (first.outcomes, first.coverage)


def test_a_thousand_new_images_of_known_layers_cost_at_most_a_statement_each(scanner: Scanner, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    lower, upper = base(), layer(python("flask", "2.3.2"))
    layout(folder, {"seed": (lower, upper)})
    scanner.scan(f"oci:{folder}")
    with OciWriter(folder) as writer:
        for number in range(1000):
            writer.add_image([lower, upper], tag=f"copy-{number}", config={"Labels": {"n": str(number)}})
    summary = scanner.scan(f"oci:{folder}", lines=0)
    assert (summary.new_images, summary.layers.planned) == (1000, 0)
    assert summary.statements <= 1000


def test_two_homes_never_meet(scanner: Scanner, fleet: Path, tmp_path: Path, empty_postgres_dsn: str) -> None:
    scanner.scan(f"oci:{fleet}")
    other = Scanner(
        scanner.settings.model_copy(update={"home": tmp_path / "b", "database_url": SecretStr(empty_postgres_dsn)})
    )
    summary = other.scan(f"oci:{fleet}")
    assert summary.layers.analysed == 7
    assert summary.outcomes.analysed == 6


def test_an_image_of_known_chains_reads_nothing_and_gets_the_same_packages(scanner: Scanner, fleet: Path) -> None:
    scanner.scan(f"oci:{fleet}")
    layout(fleet, {"base": (base(),)})
    summary = scanner.scan(f"oci:{fleet}")
    assert (summary.layers.planned, summary.new_images) == (0, 1)
    assert {p.name for p in scanner.show(f"oci:{fleet}:base").packages} == {"openssl", "zlib1g"}
    assert scanner.show(f"oci:{fleet}:base").state == Outcome.ANALYSED


def test_an_undone_commit_takes_with_it_what_later_ones_built_on_it(scanner: Scanner, tmp_path: Path) -> None:
    lower, folder = base(), tmp_path / "layout"
    layout(folder, {"first": (lower, layer(python("flask", "2.3.2")))})
    scanner.scan(f"oci:{folder}")
    with open_workspace(scanner.settings) as workspace, workspace.database.transaction() as tx:
        ((generation,),) = tx.rows("SELECT generation FROM image")
    index = folder / "index.json"
    index.unlink()
    layout(folder, {"second": (lower, layer({"etc/motd": "hello"}))})
    scanner.scan(f"oci:{folder}")
    before = scanner.show(f"oci:{folder}:second").packages
    with open_workspace(scanner.settings) as workspace:
        workspace.mirror(undo_commit(workspace.database, "test", generation))
    assert scanner.scan(f"oci:{folder}").layers.planned == 0
    assert scanner.show(f"oci:{folder}:second").packages == before
    layout(folder, {"third": (lower, layer({"etc/motd": "hello again"}))})
    assert scanner.scan(f"oci:{folder}").outcomes.analysed == 2
