"""Links to files that no analyser wanted: their layer is read once more, and once only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.active.undo import undo_commit
from catalog.facts import read_facts
from catalog.manifests import read_manifests
from catalog.states import Outcome
from pipelines.workspace import open_workspace
from tasks.layer_builder import HardLink, Symlink
from tasks.oci_writer import BuiltLayer, Member
from tests.pipelines.scan.images import OS_RELEASE, dpkg, layer, layout
from tests.servers.faulty_registry import Fault, FaultyRegistry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

PLACE = "srv/dpkg-db/status"


@pytest.fixture
def uncached(scanner: Scanner) -> Scanner:
    """Nodes that keep no layers: what is read once more comes from its registry."""
    return Scanner(scanner.settings.model_copy(update={"layer_cache_bytes": 0}))


def elsewhere(path: str = PLACE, **versions: str) -> dict[str, Member]:
    """A dpkg status file at a place where nobody looks."""
    (status,) = dpkg(**versions).values()
    return {path: status}


LINKED = {"var/lib/dpkg": Symlink("../../srv/dpkg-db")}
BASE = layer({"etc/os-release": OS_RELEASE} | elsewhere(bash="5.2-1"))
LINK = layer(LINKED)


def packages(scanner: Scanner, reference: str) -> dict[str, str | None]:
    """The paths of an image's packages by their names."""
    report = scanner.show(reference)
    return {package.name: package.path for package in report.packages}


def end(scanner: Scanner, source: str) -> dict[str, tuple[Outcome, str]]:
    return {reference.rpartition(":")[2]: state for reference, state in scanner.states(source).items()}


@pytest.mark.parametrize(
    "layers",
    [
        (layer({"etc/os-release": OS_RELEASE} | LINKED | elsewhere(bash="5.2-1")),),
        (BASE, LINK),
        (LINK, BASE),
        (layer(elsewhere(bash="5.1-1", tar="1.34-1")), LINK, BASE),
    ],
    ids=["one layer", "file first", "link first", "replaced"],
)
def test_the_database_behind_a_linked_folder_is_read(
    scanner: Scanner, tmp_path: Path, layers: tuple[BuiltLayer, ...]
) -> None:
    source = f"oci:{layout(tmp_path / 'layout', {'1': layers})}"
    assert end(scanner, source) == {"1": (Outcome.ANALYSED, "")}
    assert packages(scanner, f"{source}:1") == {"bash": PLACE}
    assert scanner.show(f"{source}:1").distribution == "debian 12"


def test_an_os_release_behind_a_link_with_an_odd_name_decides_the_distribution(
    scanner: Scanner, tmp_path: Path
) -> None:
    odd = "opt/it's a\\release\n\N{SNOWMAN}"
    lower = layer({odd: OS_RELEASE} | dpkg(bash="5.2-1"))
    source = f"oci:{layout(tmp_path / 'layout', {'1': (lower, layer({'etc/os-release': Symlink('/' + odd)}))})}"
    scanner.scan(source)
    report = scanner.show(f"{source}:1")
    assert (report.state, report.distribution) == (Outcome.ANALYSED, "debian 12")


@pytest.mark.parametrize(
    "layers",
    [
        (layer(elsewhere("srv/db", bash="5.2-1") | {"var/lib/dpkg/status": HardLink("srv/db")}),),
        (layer(elsewhere("srv/db", bash="5.2-1") | {PLACE: HardLink("srv/db")}), LINK),
        (layer(elsewhere("srv/db", bash="5.2-1")), layer({"var/lib/dpkg/status": HardLink("srv/db")})),
    ],
    ids=["within a layer", "behind a linked folder", "across layers"],
)
def test_a_hard_link_across_names_is_followed(scanner: Scanner, tmp_path: Path, layers: tuple[BuiltLayer, ...]) -> None:
    source = f"oci:{layout(tmp_path / 'layout', {'1': layers})}"
    assert end(scanner, source) == {"1": (Outcome.ANALYSED, "")}
    assert set(packages(scanner, f"{source}:1")) == {"bash"}


def test_of_two_images_with_the_layer_only_the_one_with_the_link_has_the_packages(
    scanner: Scanner, tmp_path: Path
) -> None:
    images = {"plain": (BASE,), "linked": (BASE, LINK), "other": (BASE, layer({"srv/x": "y"}))}
    source = f"oci:{layout(tmp_path / 'layout', images)}"
    assert set(end(scanner, source).values()) == {(Outcome.ANALYSED, "")}
    assert packages(scanner, f"{source}:linked") == {"bash": PLACE}
    assert packages(scanner, f"{source}:plain") == packages(scanner, f"{source}:other") == {}


def test_a_layer_that_many_images_need_is_read_once_more_and_not_more_often(
    scanner: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    links = {str(n): (BASE, layer(LINKED | {"app": str(n)})) for n in range(30)}
    faulty_registry.add_layout(layout(tmp_path / "layout", links), "team/app")
    summary = scanner.scan(faulty_registry.host)
    assert summary.outcomes.analysed == 30
    gets = [request for request in faulty_registry.seen(f"/v2/team/app/blobs/{BASE.digest}") if request.method == "GET"]
    assert len(gets) == 1
    sizes = {built.digest: built.size for pair in links.values() for built in pair}
    assert (summary.layers.bytes_read, summary.layers.bytes_cached) == (sum(sizes.values()), BASE.size)


def test_the_same_scan_again_reads_nothing_and_writes_one_run_row(scanner: Scanner, tmp_path: Path) -> None:
    source = f"oci:{layout(tmp_path / 'layout', {'1': (BASE, LINK), '2': (BASE,)})}"
    scanner.scan(source)
    before, objects = scanner.rows_written(), scanner.objects()
    summary = scanner.scan(source)
    after = scanner.rows_written()
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {"run": 1}
    assert scanner.objects() == objects
    assert (summary.layers.bytes_read, summary.outcomes.analysed) == (0, 2)


def test_what_was_read_once_more_is_in_the_images_own_commit(scanner: Scanner, tmp_path: Path) -> None:
    scanner.scan(f"oci:{layout(tmp_path / 'layout', {'1': (BASE, LINK)})}")
    with open_workspace(scanner.settings, writes=False) as workspace:
        brought = [
            {written.dataset: written.key for written in manifest.objects}
            for manifest in read_manifests(workspace.store)
            if manifest.kind == "images"
        ]
        (last,) = [objects for objects in brought if "images" in objects]
        rows = read_facts(workspace.store, last["packages"]).to_pylist()
    assert {"evidence", "packages", "images", "occurrences", "package_sets"} <= set(last)
    assert [(row["layer"], row["path"], row["name"]) for row in rows] == [(BASE.digest, PLACE, "bash")]


def test_a_layer_that_is_gone_when_it_is_needed_again_leaves_the_image_partial(
    uncached: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    images = {"linked": (BASE, LINK), "plain": (BASE,)}
    faulty_registry.add_layout(layout(tmp_path / "layout", {"plain": (BASE,)}), "team/app")
    uncached.scan(faulty_registry.host)
    faulty_registry.add_layout(layout(tmp_path / "layout", images), "team/app")
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{BASE.digest}", Fault(status=404), times=100)
    assert end(uncached, faulty_registry.host) == {
        "linked": (Outcome.PARTIAL, "link-unread"),
        "plain": (Outcome.ANALYSED, ""),
    }
    assert PLACE in (uncached.show(f"{faulty_registry.host}/team/app:linked").reason or "")
    before = uncached.rows_written()
    assert uncached.scan(faulty_registry.host).layers.bytes_read == 0
    after = uncached.rows_written()
    assert {table for table in after if after[table] != before[table]} == {"run"}


def test_a_layer_that_is_gone_from_its_registry_is_read_once_more_from_the_cache(
    scanner: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    faulty_registry.add_layout(layout(tmp_path / "layout", {"plain": (BASE,)}), "team/app")
    scanner.scan(faulty_registry.host)
    faulty_registry.add_layout(layout(tmp_path / "layout", {"linked": (BASE, LINK)}), "team/app")
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{BASE.digest}", Fault(status=404))
    summary = scanner.scan(faulty_registry.host)
    assert (summary.outcomes.analysed, summary.layers.bytes_cached) == (2, BASE.size)


def test_a_busy_registry_is_asked_again_within_the_run(
    uncached: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.rounds._LONGEST_PAUSE_SECONDS", 0.01)
    faulty_registry.add_layout(layout(tmp_path / "layout", {"plain": (BASE,)}), "team/app")
    uncached.scan(faulty_registry.host)
    faulty_registry.add_layout(layout(tmp_path / "layout", {"linked": (BASE, LINK)}), "team/app")
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{BASE.digest}", Fault(status=503), times=2)
    assert end(uncached, faulty_registry.host)["linked"] == (Outcome.ANALYSED, "")


def test_a_database_that_is_too_large_is_named(scanner: Scanner, tmp_path: Path) -> None:
    limits = replace(scanner.settings.limits, text_bytes=50)
    small = Scanner(scanner.settings.model_copy(update={"limits": limits}))
    source = f"oci:{layout(tmp_path / 'layout', {'1': (BASE, LINK)})}"
    assert end(small, source) == {"1": (Outcome.PARTIAL, "too-large")}
    assert PLACE in (small.show(f"{source}:1").reason or "")


def test_when_the_commit_of_the_image_is_undone_the_same_objects_are_made_again(
    scanner: Scanner, tmp_path: Path
) -> None:
    source = f"oci:{layout(tmp_path / 'layout', {'1': (BASE, LINK)})}"
    scanner.scan(source)
    objects = scanner.objects()
    with open_workspace(scanner.settings) as workspace:
        with workspace.database.transaction() as tx:
            ((generation,),) = tx.rows("SELECT max(generation) FROM image")
        workspace.mirror(undo_commit(workspace.database, "test", generation))
    assert end(scanner, source) == {"1": (Outcome.ANALYSED, "")}
    assert {key for key in scanner.objects() - objects if not key.startswith("_manifests")} == set()
    assert packages(scanner, f"{source}:1") == {"bash": PLACE}


def test_asked_to_retry_a_scan_reads_what_was_gone_before(
    uncached: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    faulty_registry.add_layout(layout(tmp_path / "layout", {"plain": (BASE,)}), "team/app")
    uncached.scan(faulty_registry.host)
    faulty_registry.add_layout(layout(tmp_path / "layout", {"linked": (BASE, LINK)}), "team/app")
    faulty_registry.fail("GET", f"/v2/team/app/blobs/{BASE.digest}", Fault(status=404), times=1)
    assert uncached.scan(faulty_registry.host).outcomes.partial == 1
    assert uncached.scan(faulty_registry.host).outcomes.partial == 1
    assert uncached.scan(faulty_registry.host, retry=True).outcomes.analysed == 2
    assert packages(uncached, f"{faulty_registry.host}/team/app:linked") == {"bash": PLACE}


def test_a_directory_trees_linked_database_is_read(scanner: Scanner, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for path, text in (elsewhere(bash="5.2-1") | {"etc/os-release": OS_RELEASE}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(str(text))
    (tree / "var/lib").mkdir(parents=True)
    (tree / "var/lib/dpkg").symlink_to("../../srv/dpkg-db")
    scanner.scan(f"rootfs:{tree}")
    report = scanner.show(f"rootfs:{tree}")
    assert (report.state, report.distribution) == (Outcome.ANALYSED, "debian 12")
    assert packages(scanner, f"rootfs:{tree}") == {"bash": PLACE}
