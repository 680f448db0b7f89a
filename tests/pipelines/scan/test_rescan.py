"""Rescans: changed advisories without a registry, changed analysers on the layers that need it and on no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.errors import NotFound, UsageError
from catalog.limits import Limits
from catalog.settings import Settings
from catalog.states import Outcome
from pipelines.advisories import import_advisories
from pipelines.cli.exit_codes import ExitCode, of_rescan
from pipelines.observer import SilentObserver
from pipelines.rescan import rescan
from pipelines.rescan_options import RescanOptions
from pipelines.rescan_summary import RescanSummary
from pipelines.workspace import open_workspace
from tasks.layer_builder import Symlink
from tests.pipelines.scan.images import OS_RELEASE, advisories, advisory, base, dpkg, layer, layout, python
from tests.pipelines.scan.processes import ended, manifests, terminal
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

SMALL = 60
"""A cap on JSON documents under which one of the packages below is too large."""


def npm(name: str, *, padding: int = 0) -> dict[str, str]:
    return {f"app/node_modules/{name}/package.json": f'{{"name": "{name}", "version": "1.0.0"{" " * padding}}}'}


BASE = base()
LAYERS = {
    "node": layer(npm("small") | npm("large", padding=100)),
    "small": layer(npm("tiny")),
    "python": layer(python("flask", "2.3.2")),
}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    images = {name: (BASE, upper) for name, upper in LAYERS.items()}
    return layout(tmp_path / "layout", images | {"bare": (BASE,)})


def other(scanner: Scanner, **limits: int) -> Scanner:
    """The same home with other caps: analysers with another configuration."""
    return Scanner(scanner.settings.model_copy(update={"limits": Limits(**limits)}))


def again(scanner: Scanner, *sources: str, reanalyse: bool = True, **options: object) -> RescanSummary:
    wishes = RescanOptions(reanalyse=reanalyse, sources=sources, **options)  # type: ignore[arg-type]
    return rescan(wishes, scanner.settings, SilentObserver())


def changed(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {table: after[table] - before.get(table, 0) for table in after if after[table] != before.get(table, 0)}


def content(settings: Settings) -> dict[str, tuple[object, ...]]:
    """Of each image: outcome and reason, the ids of its chain and its sets, and each layer's composition hash."""
    with open_workspace(settings) as workspace, workspace.database.transaction() as tx:
        rows = tx.rows(
            "SELECT i.digest, i.outcome, i.reason, i.detail, encode(c.content_id, 'hex'),"
            " ARRAY(SELECT encode(k.content_id, 'hex') FROM image_set x JOIN package_set k ON k.id = x.package_set"
            "  WHERE x.image = i.id ORDER BY 1),"
            " ARRAY(SELECT encode(lr.composition_hash, 'hex') FROM unnest(i.layers) WITH ORDINALITY u(layer, n)"
            "  JOIN layer_result lr ON lr.layer = u.layer AND lr.fingerprint_set = i.fingerprint_set ORDER BY u.n)"
            " FROM image i LEFT JOIN chain c ON c.id = i.chain"
        )
    return {row[0]: tuple(row[1:]) for row in rows}


@pytest.fixture
def fresh(scanner: Scanner, tmp_path: Path, empty_postgres_dsn: str) -> Iterator[Scanner]:
    """A home that knows nothing yet, with the small cap."""
    settings = scanner.settings.model_copy(
        update={"home": tmp_path / "fresh", "database_url": SecretStr(empty_postgres_dsn)}
    )
    yield other(Scanner(settings), json_bytes=SMALL)


@pytest.mark.registry
def test_only_the_layers_that_a_changed_analyser_may_want_are_read_and_all_is_as_in_a_fresh_scan(
    scanner: Scanner, fresh: Scanner, registry: Registry, fleet: Path
) -> None:
    registry.pusher.push(fleet, "team/app")
    scanner.scan(registry.host)
    later = other(scanner, json_bytes=SMALL)
    summary = again(later)
    wanted = [LAYERS["node"], LAYERS["small"]]
    assert summary.layers.bytes_read + summary.layers.bytes_cached == sum(each.size for each in wanted)
    assert (summary.layers.planned, summary.layers.from_rows, summary.layers.changed_only) == (4, 2, 2)
    assert (summary.layers.whole, summary.layers.failed, summary.kept) == (0, 0, ())
    # The one package that is too large now makes its image another one; nothing else is composed.
    assert (summary.composed, summary.unchanged) == (1, 3)
    fresh.scan(registry.host)
    assert content(later.settings) == content(fresh.settings)


def test_what_is_known_by_the_present_analysers_writes_one_run_row_and_reads_nothing(
    scanner: Scanner, fleet: Path
) -> None:
    scanner.scan(f"oci:{fleet}")
    later = other(scanner, json_bytes=SMALL)
    again(later)
    before, objects = scanner.rows_written(), scanner.objects()
    summary = again(later)
    assert changed(before, scanner.rows_written()) == {"run": 1}
    assert scanner.objects() == objects
    assert (summary.layers.planned, summary.layers.bytes_read, summary.composed, summary.unchanged) == (0, 0, 0, 0)
    assert summary.outcomes.analysed + summary.outcomes.partial == 4


def test_a_change_that_leaves_all_as_it_was_reads_no_byte_and_composes_nothing(
    scanner: Scanner, tmp_path: Path
) -> None:
    folder = layout(tmp_path / "layout", {str(n): (BASE, layer(python("flask", f"2.3.{n}"))) for n in range(4)})
    scanner.scan(f"oci:{folder}")
    before = content(scanner.settings)
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    later = other(scanner, json_bytes=SMALL)
    summary = again(later)
    assert (summary.layers.from_rows, summary.layers.bytes_read, summary.layers.bytes_cached) == (5, 0, 0)
    assert (summary.composed, summary.unchanged, summary.kept) == (0, 4, ())
    assert content(later.settings) == before
    assert of_rescan(summary) is ExitCode.COMPLETED


def test_an_image_that_cannot_be_had_any_more_keeps_its_result_and_is_named(scanner: Scanner, fleet: Path) -> None:
    scanner.scan(f"oci:{fleet}")
    before = content(scanner.settings)
    (fleet / "blobs" / "sha256" / LAYERS["node"].digest.removeprefix("sha256:")).unlink()
    later = other(scanner, json_bytes=SMALL)
    summary = again(later)
    (kept,) = summary.kept
    assert (kept.reference, kept.reason) == (f"oci:{fleet}:node", "not-found")
    assert of_rescan(summary) is ExitCode.PART
    assert {packages.name for packages in later.show(f"oci:{fleet}:node").packages} >= {"small", "large"}
    after = content(later.settings)
    assert {image for image in before if before[image] != after[image]} == set()
    assert again(later).kept == summary.kept


def test_a_source_that_is_gone_keeps_all_of_its_images(scanner: Scanner, fleet: Path) -> None:
    scanner.scan(f"oci:{fleet}")
    fleet.rename(fleet.with_name("elsewhere"))
    summary = again(other(scanner, json_bytes=SMALL))
    assert {each.reference for each in summary.kept} == {f"oci:{fleet}:node", f"oci:{fleet}:small"}
    assert (summary.unchanged, summary.outcomes.analysed) == (2, 4)
    fleet.with_name("elsewhere").rename(fleet)
    assert again(other(scanner, json_bytes=SMALL)).kept == ()


@pytest.mark.registry
def test_a_tag_that_moved_is_read_by_the_digest_that_is_known(
    scanner: Scanner, registry: Registry, tmp_path: Path
) -> None:
    first = layout(tmp_path / "first", {"1": (BASE, LAYERS["node"])})
    registry.pusher.push(first, "team/app")
    scanner.scan(registry.host)
    registry.pusher.push(layout(tmp_path / "second", {"1": (BASE, LAYERS["python"])}), "team/app")
    summary = again(other(scanner, json_bytes=SMALL))
    assert (summary.images, summary.composed, summary.kept) == (1, 1, ())


@pytest.mark.registry
def test_sources_narrow_it_to_their_images(scanner: Scanner, registry: Registry, fleet: Path) -> None:
    registry.pusher.push(fleet, "team/app")
    registry.pusher.push(layout(fleet.parent / "other", {"1": (LAYERS["small"],)}), "other/app")
    scanner.scan(registry.host)
    later = other(scanner, json_bytes=SMALL)
    summary = again(later, f"{registry.host}/other")
    assert (summary.images, summary.layers.planned) == (1, 1)
    assert again(later, f"{registry.host}/team/app:python").layers.planned == 2
    assert again(later, registry.host).layers.planned == 1
    with pytest.raises(NotFound, match="no image of these is known"):
        again(later, "registry.example")


def test_advisories_are_applied_without_ray_or_a_source(scanner: Scanner, fleet: Path, tmp_path: Path) -> None:
    scanner.scan(f"oci:{fleet}")
    fleet.rename(fleet.with_name("elsewhere"))
    import_advisories(advisories(tmp_path / "osv", advisory("PYSEC-1", "PyPI", "flask", "2.3.4")), scanner.settings)
    summary = again(scanner, reanalyse=False)
    assert (summary.findings.total, summary.reanalysed, summary.layers.planned) == (1, False, 0)
    assert summary.judged > 0
    before = scanner.rows_written()
    assert again(scanner, reanalyse=False).findings.total == 1
    assert changed(before, scanner.rows_written()) == {"run": 1}


def test_sources_without_layers_to_look_at_are_a_usage_error(scanner: Scanner) -> None:
    with pytest.raises(UsageError):
        again(scanner, "registry.example", reanalyse=False)


def test_a_file_that_a_link_makes_evidence_is_read_again_by_the_changed_analyser(
    scanner: Scanner, fresh: Scanner, tmp_path: Path
) -> None:
    lower = layer({"opt/rel": OS_RELEASE + "#" * 200, "etc/os-release": Symlink("../opt/rel")} | dpkg(bash="5.2-1"))
    folder = layout(tmp_path / "layout", {"1": (lower,)})
    scanner.scan(f"oci:{folder}")
    assert scanner.show(f"oci:{folder}:1").distribution
    later = other(scanner, content_bytes=100)
    summary = again(later)
    assert (summary.unchanged, summary.composed) == (0, 1)
    new = other(fresh, content_bytes=100)
    new.scan(f"oci:{folder}")
    assert content(later.settings) == content(new.settings)


def test_a_scan_begins_from_former_results_too(scanner: Scanner, fleet: Path) -> None:
    scanner.scan(f"oci:{fleet}")
    summary = other(scanner, json_bytes=SMALL).scan(f"oci:{fleet}")
    assert summary.layers.analysed == 4
    assert summary.layers.bytes_read == LAYERS["node"].size + LAYERS["small"].size
    assert summary.new_images == 1


@pytest.mark.parametrize("moment", [1, 3])
def test_a_rescan_that_is_killed_goes_on_where_it_ended(
    scanner: Scanner, tmp_path: Path, empty_postgres_dsn: str, moment: int
) -> None:
    images = {str(n): (BASE, layer(npm(f"p{n}", padding=100 * (n % 2)))) for n in range(8)}
    folder = layout(tmp_path / "layout", images)
    scanner.scan(f"oci:{folder}")
    later = other(scanner, json_bytes=SMALL)
    with terminal(scanner.settings) as opened:
        opened.more["LONGSHORE_LIMITS__JSON_BYTES"] = str(SMALL)
        start = manifests(scanner.settings)
        process = opened.start("rescan", "--reanalyse", "--jobs", "2")
        until = time.monotonic() + 120
        while manifests(scanner.settings) < start + moment and process.poll() is None:
            assert time.monotonic() < until, "the moment never came"
            time.sleep(0.003)
        process.kill()
        ended(process)
    assert Outcome.PENDING not in {outcome for outcome, *_ in content(scanner.settings).values()}
    again(later)
    new = Scanner(
        later.settings.model_copy(update={"home": tmp_path / "fresh", "database_url": SecretStr(empty_postgres_dsn)})
    )
    new.scan(f"oci:{folder}")
    assert content(later.settings) == content(new.settings)
