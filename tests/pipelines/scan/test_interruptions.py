"""Whatever ends a scan, and whenever: running the same again gives what an undisturbed scan gives, and nothing is left over."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.settings import Settings
from pipelines.advisories import import_advisories
from tests.pipelines.scan.images import advisories, advisory, base, dpkg, layer, layout, python
from tests.pipelines.scan.knowledge import Knowledge, differences, faults, knowledge
from tests.pipelines.scan.processes import Terminal, ended, manifests, terminal
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

IMAGES = 10
LAYERS = IMAGES + 3
ENTRIES = 1500


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Images that share layers, large enough to be caught at work, and one that is broken."""
    lower, shared = base(), layer(python("jinja2", "3.1.2"))
    upgrade = layer(dpkg(openssl="3.0.11-1", zlib1g="1:1.2.13-1"))
    images = {
        str(number): (lower, shared, layer(python("flask", f"2.3.{number}") | files(number)))
        for number in range(IMAGES)
    }
    images["upgraded"] = (lower, upgrade, lower)
    return f"oci:{layout(tmp_path_factory.mktemp('source') / 'layout', images)}"


def files(number: int) -> dict[str, str]:
    return {f"usr/share/{number}/{name:05}": str(name) for name in range(ENTRIES)}


@pytest.fixture(scope="module")
def known_advisories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return advisories(
        tmp_path_factory.mktemp("advisories") / "osv",
        advisory("DEBIAN-CVE-2023-1", "Debian:12", "openssl", "3.0.10-1"),
        advisory("PYSEC-2023-1", "PyPI", "flask", "2.3.7"),
    )


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, ray_session: None, source: str, known_advisories: Path
) -> Knowledge:
    """What a scan that nobody disturbs comes to know."""
    scanner = Scanner(Settings(home=tmp_path_factory.mktemp("undisturbed")))
    import_advisories(known_advisories, scanner.settings, complete=("Debian:12",))
    scanner.scan(source)
    assert faults(scanner.settings) == []
    return knowledge(scanner.settings)


@pytest.fixture(params=["embedded Postgres", "DSN"])
def disturbed(
    request: pytest.FixtureRequest, tmp_path: Path, known_advisories: Path, empty_postgres_dsn: str
) -> Iterator[Terminal]:
    """A home to scan into from a terminal."""
    url = SecretStr(empty_postgres_dsn) if request.param == "DSN" else None
    settings = Settings(home=tmp_path / "disturbed", database_url=url)
    import_advisories(known_advisories, settings, complete=("Debian:12",))
    with terminal(settings) as opened:
        yield opened


def only(database: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("disturbed", [database], indirect=True)


def rest(terminal: Terminal, source: str, undisturbed: Knowledge) -> None:
    """The same scan once more, to its end: complete, equal, and nothing left of it."""
    summary = terminal.scan(source)
    assert summary["outcomes"] == {"analysed": IMAGES + 1, "skipped": 0, "partial": 0, "pending": 0, "failed": 0}
    assert terminal.left() == []
    assert faults(terminal.settings) == []
    assert differences(knowledge(terminal.settings), undisturbed) == {}


def test_killed_again_and_again_it_ends_as_if_nothing_had_happened(
    disturbed: Terminal, source: str, undisturbed: Knowledge
) -> None:
    choose = random.Random(11 if disturbed.settings.database_url else 7)
    start = manifests(disturbed.settings)
    for moment in (start + choose.randrange(LAYERS), start + LAYERS):
        process = disturbed.scan_until(lambda least=moment: manifests(disturbed.settings) >= least, source)  # type: ignore[misc]
        time.sleep(choose.random() * 0.05)
        process.kill()
        ended(process)
    disturbed.age_leftovers()
    rest(disturbed, source, undisturbed)


@only("embedded Postgres")
def test_told_to_stop_it_stops_in_order_and_at_once(disturbed: Terminal, source: str, undisturbed: Knowledge) -> None:
    choose = random.Random(13)
    for kind, code in ((signal.SIGINT, 130), (signal.SIGTERM, 4)):
        moment = manifests(disturbed.settings) + choose.randrange(1, 4)
        process = disturbed.scan_until(lambda least=moment: manifests(disturbed.settings) >= least, source)  # type: ignore[misc]
        started = time.monotonic()
        process.send_signal(kind)
        found, output = ended(process)
        assert found == code, output
        assert time.monotonic() - started < 8
        assert "Traceback" not in output
        assert disturbed.left() == []
    rest(disturbed, source, undisturbed)


@only("embedded Postgres")
def test_told_to_stop_before_it_has_begun_it_takes_its_postgres_with_it(disturbed: Terminal, source: str) -> None:
    process = disturbed.scan_until(lambda: (disturbed.home / "postgres" / "data" / "postmaster.pid").exists(), source)
    process.send_signal(signal.SIGTERM)
    code, output = ended(process)
    assert code in {4, 130}, output
    assert "Traceback" not in output
    assert disturbed.left() == []


@only("embedded Postgres")
def test_without_its_postgres_it_says_so_and_goes_on_the_next_time(
    disturbed: Terminal, source: str, undisturbed: Knowledge
) -> None:
    moment = manifests(disturbed.settings) + 4
    process = disturbed.scan_until(lambda: manifests(disturbed.settings) >= moment, source)
    os.kill(disturbed.postmaster(), signal.SIGKILL)
    code, output = ended(process)
    assert code == 1, output
    assert "Traceback" not in output
    assert "Postgres" in output.splitlines()[-1]
    rest(disturbed, source, undisturbed)


@only("DSN")
def test_a_worker_that_is_killed_costs_its_batch_another_try(
    disturbed: Terminal, source: str, undisturbed: Knowledge
) -> None:
    process = disturbed.scan_until(lambda: bool(disturbed.workers()), source)
    for worker in disturbed.workers()[:1]:
        worker.kill()
    code, output = ended(process)
    assert code == 0, output
    rest(disturbed, source, undisturbed)
