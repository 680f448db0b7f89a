"""What images share is done once, whoever asks and however the work is cut; and it comes out the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.settings import Settings
from pipelines.advisories import import_advisories
from pipelines.workspace import open_workspace
from tests.pipelines.scan.images import advisories, advisory, base, dpkg, layer, layout, python
from tests.pipelines.scan.knowledge import Knowledge, differences, faults, knowledge
from tests.pipelines.scan.processes import Terminal, ended, terminal
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]


def fleet(folder: Path) -> Path:
    """Chains of all kinds: shared from below, the same digest twice, no layer at all, packages that come and go."""
    lower, flask = base(), layer(python("flask", "2.3.2"))
    older = base(openssl="3.0.8-1", zlib1g="1:1.2.13-1")
    gone = layer({"usr/lib/python3/.wh.flask-2.3.2.dist-info": ""})
    upgraded = layer(dpkg(openssl="3.0.11-1", zlib1g="1:1.2.13-1"))
    tops = [layer({"app": str(number)}) for number in range(12)]
    images = {f"app-{number}": (lower, flask, top) for number, top in enumerate(tops)}
    images |= {f"old-{number}": (older, flask, top) for number, top in enumerate(tops[:6])}
    images |= {
        "empty": (),
        "base": (lower,),
        "twice": (lower, lower, flask, lower),
        "gone": (lower, flask, gone),
        "back": (lower, flask, gone, flask),
        "upgraded": (lower, upgraded),
        "same": (lower, flask, tops[0]),
    }
    return layout(folder, images)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"oci:{fleet(tmp_path_factory.mktemp('source') / 'layout')}"


@pytest.fixture
def prepared(scanner: Scanner, tmp_path: Path) -> Scanner:
    imported(scanner.settings, tmp_path)
    return scanner


def imported(settings: Settings, folder: Path) -> None:
    known = advisories(
        folder / "osv",
        advisory("DEBIAN-CVE-2023-1", "Debian:12", "openssl", "3.0.10-1"),
        advisory("PYSEC-2023-1", "PyPI", "flask", "2.3.3"),
    )
    import_advisories(known, settings, complete=("Debian:12", "PyPI"))


_reference: dict[str, Knowledge] = {}


@pytest.mark.parametrize(
    ("images_per_task", "wave", "chunk", "layers_per_task", "backwards"),
    [(500, 5000, 1000, 64, False), (1, 5000, 3, 1, False), (3, 4, 2, 2, True), (2, 1, 1, 64, True)],
)
def test_the_outcome_does_not_depend_on_how_the_work_is_cut(
    prepared: Scanner,
    source: str,
    monkeypatch: pytest.MonkeyPatch,
    images_per_task: int,
    wave: int,
    chunk: int,
    layers_per_task: int,
    backwards: bool,
) -> None:
    monkeypatch.setattr("pipelines.composing._IMAGES_PER_TASK", images_per_task)
    monkeypatch.setattr("pipelines.composing._FEWEST_IMAGES_PER_TASK", 1)
    monkeypatch.setattr("pipelines.listing.WAVE_IMAGES", wave)
    monkeypatch.setattr("pipelines.listing.CHUNK_REFERENCES", chunk)
    scanner = Scanner(prepared.settings.model_copy(update={"batch_layers": layers_per_task}))
    tags = ["back", "app-3", "empty", "twice"]
    summary = scanner.scan(*(f"{source}:{tag}" for tag in tags if backwards), source)
    assert faults(scanner.settings) == []
    assert (summary.outcomes.analysed, summary.outcomes.total) == (25, 25)
    assert summary.layers.analysed == summary.layers.unique
    judged = summary.coverage.covered + summary.coverage.not_covered + summary.coverage.not_comparable
    assert judged == sum(line.packages for line in summary.lines if ":same" not in line.reference)
    found = knowledge(scanner.settings)
    assert differences(found, _reference.setdefault("", found)) == {}


def test_two_hundred_images_cost_what_they_do_not_share(prepared: Scanner, tmp_path: Path) -> None:
    lower = [base(openssl=f"3.0.{number}-1") for number in range(2)]
    middle = [layer(python("flask", f"2.3.{number}")) for number in range(5)]
    top = [layer({"app": str(number)} | (python("jinja2", "3.1.2") if number % 2 else {})) for number in range(20)]
    images = {
        f"{a}-{b}-{c}": (lower[a], middle[b], top[c]) for a, b, c in itertools.product(range(2), range(5), range(20))
    }
    summary = prepared.scan(f"oci:{layout(tmp_path / 'layout', images)}")
    assert summary.outcomes.analysed == summary.new_images == 200
    assert (summary.layers.named, summary.layers.analysed) == (600, 2 + 5 + 20)
    with open_workspace(prepared.settings) as workspace, workspace.database.transaction() as tx:
        counts = tx.row(
            "SELECT (SELECT count(*) FROM chain), (SELECT count(*) FROM package_set), (SELECT count(*) FROM package),"
            " (SELECT count(*) FROM judgement), (SELECT count(*) FROM layer_result)"
        )
    # 2 + 10 + 200 chains; sets: one of each base, one of each Python selection; 2 + 5 + 1 packages, each judged once.
    assert counts == (212, 2 + 10, 8, 8, 27)


@pytest.fixture
def empty_home(tmp_path: Path, empty_postgres_dsn: str) -> Iterator[Terminal]:
    settings = Settings(home=tmp_path / "shared", database_url=SecretStr(empty_postgres_dsn))
    with terminal(settings) as opened:
        yield opened


def test_two_scans_at_once_read_each_layer_once(empty_home: Terminal, scanner: Scanner, tmp_path: Path) -> None:
    heavy = {f"f/{number:05}": "x" for number in range(1500)}
    layers = [layer(python("flask", f"2.3.{number}") | heavy) for number in range(12)]
    left = layout(tmp_path / "left", {str(number): (base(), layers[number]) for number in range(8)})
    right = layout(tmp_path / "right", {str(number): (base(), layers[number]) for number in range(4, 12)})
    processes = [empty_home.start("scan", "--jobs", "1", "--json", "--quiet", f"oci:{each}") for each in (left, right)]
    outcomes = [ended(process) for process in processes]
    assert [code for code, _ in outcomes] == [0, 0], outcomes
    with open_workspace(empty_home.settings) as workspace, workspace.database.transaction() as tx:
        read = [analysed for (analysed,) in tx.rows("SELECT (summary->>'layers_analysed')::int FROM run")]
    assert sum(read) == 13
    assert min(read) > 0
    assert faults(empty_home.settings) == []
    scanner.scan(f"oci:{left}", f"oci:{right}")
    assert differences(knowledge(empty_home.settings), knowledge(scanner.settings)) == {}
