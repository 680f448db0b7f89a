"""Bad input is a reason on the image or the command; the rest goes on, and running again completes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from catalog.errors import DatabaseUnreachable, InvalidReference, RegistryUnreachable, StoreFull
from catalog.settings import Settings
from catalog.states import Outcome
from pipelines.observer import SilentObserver
from pipelines.scan import scan
from pipelines.scan_options import ScanOptions
from tasks.oci_writer import OciWriter
from tests.pipelines.scan.images import base, layer, layout, python
from tests.servers.faulty_registry import Fault, FaultyRegistry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

BLOBS = "/v2/team/app/blobs/"


@pytest.fixture
def served(faulty_registry: FaultyRegistry, tmp_path: Path) -> FaultyRegistry:
    lower = base()
    images = {"good": (lower,), "bad": (lower, layer(python("flask", "2.3.2") | {"payload": "x" * 5000}))}
    faulty_registry.add_layout(layout(tmp_path / "layout", images), "team/app")
    return faulty_registry


def upper() -> str:
    return layer(python("flask", "2.3.2") | {"payload": "x" * 5000}).digest


def states(scanner: Scanner, registry: FaultyRegistry) -> dict[str, tuple[Outcome, str]]:
    found = scanner.states(registry.host)
    return {reference.rpartition(":")[2]: state for reference, state in found.items()}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(status=401), "unauthorised"),
        (Fault(status=403), "unauthorised"),
        (Fault(status=404), "not-found"),
        (Fault(body=b"these are not the bytes"), "size-mismatch"),
        (Fault(status=500), "registry-busy"),
        (Fault(status=429, headers={"Retry-After": "1"}), "registry-busy"),
        (Fault(cut_after=100, ignore_range=True), "blob-truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_layer_that_cannot_be_had_fails_its_image_and_no_other(
    scanner: Scanner, served: FaultyRegistry, fault: Fault, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.rounds._LONGEST_PAUSE_SECONDS", 0.01)
    served.fail("GET", BLOBS + upper(), fault, times=100)
    assert states(scanner, served) == {"good": (Outcome.ANALYSED, ""), "bad": (Outcome.FAILED, reason)}
    assert scanner.show(f"{served.host}/team/app:bad").packages == ()


def test_wrong_bytes_of_the_right_size_are_a_digest_mismatch(
    scanner: Scanner, served: FaultyRegistry, tmp_path: Path
) -> None:
    size = (tmp_path / "layout" / "blobs" / "sha256" / upper().removeprefix("sha256:")).stat().st_size
    served.fail("GET", BLOBS + upper(), Fault(body=b"\0" * size), times=100)
    assert states(scanner, served)["bad"] == (Outcome.FAILED, "digest-mismatch")


def test_a_failure_that_repeats_itself_writes_nothing_but_its_run(scanner: Scanner, served: FaultyRegistry) -> None:
    served.fail("GET", BLOBS + upper(), Fault(status=404), times=100)
    states(scanner, served)
    before, objects = scanner.rows_written(), scanner.objects()
    assert states(scanner, served)["bad"] == (Outcome.FAILED, "not-found")
    after = scanner.rows_written()
    assert {table for table in after if after[table] != before[table]} == {"run", "lease"}
    assert scanner.objects() == objects


def test_running_again_completes_what_a_registry_withheld(
    scanner: Scanner, served: FaultyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.rounds._LONGEST_PAUSE_SECONDS", 0.01)
    fault_times = 100
    served.fail("GET", BLOBS + upper(), Fault(status=503), times=fault_times)
    assert states(scanner, served)["bad"][0] is Outcome.FAILED
    served._faults.clear()
    assert states(scanner, served) == {"good": (Outcome.ANALYSED, ""), "bad": (Outcome.ANALYSED, "")}


def test_a_busy_registry_is_tried_again_within_the_run(
    scanner: Scanner, served: FaultyRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.rounds._LONGEST_PAUSE_SECONDS", 0.01)
    served.fail("GET", BLOBS + upper(), Fault(status=429, headers={"Retry-After": "0"}), times=3)
    assert states(scanner, served)["bad"] == (Outcome.ANALYSED, "")


def test_a_connection_that_breaks_is_resumed(scanner: Scanner, served: FaultyRegistry) -> None:
    served.fail("GET", BLOBS + upper(), Fault(cut_after=40), times=1)
    assert states(scanner, served)["bad"] == (Outcome.ANALYSED, "")
    assert any("range" in request.headers for request in served.seen(BLOBS + upper()))


def test_a_broken_layer_stays_failed_until_it_is_asked_to_be_tried_again(scanner: Scanner, tmp_path: Path) -> None:
    folder = tmp_path / "layout"
    with OciWriter(folder) as writer:
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": writer.add_blob(b'{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}').descriptor(),
            "layers": [
                writer.add_blob(b"this is no tar archive" * 100, "application/vnd.oci.image.layer.v1.tar").descriptor()
            ],
        }
        writer.add_manifest(manifest, tag="broken")
        writer.add_image([base()], tag="good")
    first = scanner.scan(f"oci:{folder}")
    assert (first.outcomes.failed, first.outcomes.analysed) == (1, 1)
    before = scanner.rows_written()
    again = scanner.scan(f"oci:{folder}")
    assert (again.layers.planned, again.outcomes.failed) == (0, 1)
    after = scanner.rows_written()
    assert {table for table in after if after[table] != before[table]} == {"run"}
    assert scanner.scan(f"oci:{folder}", retry=True).layers.planned == 1


def test_what_is_no_image_is_skipped_with_its_reason(scanner: Scanner, served: FaultyRegistry) -> None:
    chart = {
        "schemaVersion": 2,
        "artifactType": "application/vnd.cncf.helm.chart",
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:" + "0" * 64, "size": 2},
        "layers": [],
    }
    served.add_manifest("team/app", json.dumps(chart).encode(), "application/vnd.oci.image.manifest.v1+json", "chart")
    served.add_manifest(
        "team/app", b'{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+json", "old"
    )
    found = states(scanner, served)
    assert found["chart"] == (Outcome.SKIPPED, "not-an-image")
    assert found["old"] == (Outcome.SKIPPED, "not-an-image")
    assert found["good"] == (Outcome.ANALYSED, "")


def test_a_manifest_that_is_nonsense_fails_its_reference_alone(scanner: Scanner, served: FaultyRegistry) -> None:
    served.add_manifest("team/app", b"{", "application/vnd.oci.image.manifest.v1+json", "nonsense")
    found = states(scanner, served)
    assert found["nonsense"] == (Outcome.FAILED, "malformed-manifest")
    assert found["good"] == (Outcome.ANALYSED, "")


def test_one_unreachable_registry_does_not_stop_the_others(scanner: Scanner, served: FaultyRegistry) -> None:
    summary = scanner.scan("127.0.0.1:9", served.host)
    assert summary.failed_sources == 1
    assert any("127.0.0.1:9" in note for note in summary.notes)
    assert summary.outcomes.analysed == 2


def test_when_no_source_can_be_listed_the_command_fails(scanner: Scanner) -> None:
    with pytest.raises(RegistryUnreachable):
        scanner.scan("127.0.0.1:9")


def test_a_registry_that_is_down_for_a_moment_loses_nothing_that_was_known(
    scanner: Scanner, served: FaultyRegistry
) -> None:
    states(scanner, served)
    served.fail("HEAD", "/v2/team/app/manifests/good", Fault(status=503), times=100)
    served.fail("GET", "/v2/team/app/manifests/good", Fault(status=503), times=100)
    assert states(scanner, served)["good"] == (Outcome.ANALYSED, "")


def test_a_source_that_means_nothing_is_refused_before_anything_is_done(scanner: Scanner) -> None:
    with pytest.raises(InvalidReference):
        scanner.scan("oci:", "UPPER CASE")


def test_without_advisories_the_summary_says_that_nothing_is_covered(scanner: Scanner, served: FaultyRegistry) -> None:
    summary = scanner.scan(served.host)
    assert summary.snapshot == ""
    assert any("advisories import" in note for note in summary.notes)
    assert summary.coverage.covered == 0


def test_a_postgres_that_does_not_answer_is_one_clear_error(home: Path) -> None:
    settings = Settings(home=home, database_url=SecretStr("postgresql://nobody:hush@127.0.0.1:9/none"))
    with pytest.raises(DatabaseUnreachable) as caught:
        scan(ScanOptions(sources=("oci:/tmp",)), settings, SilentObserver())
    assert "hush" not in str(caught.value)


def test_a_full_disk_ends_the_run_clearly_and_running_again_completes_it(
    scanner: Scanner, tmp_path: Path, small_disk: Path
) -> None:
    folder = layout(tmp_path / "layout", {"1": (base(), layer({f"file-{n:05}": str(n) for n in range(3000)}))})
    full = Scanner(scanner.settings.model_copy(update={"archive_url": str(small_disk / "archive")}))
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * (200 << 10))
    with pytest.raises(StoreFull):
        full.scan(f"oci:{folder}")
    filler.unlink()
    assert full.scan(f"oci:{folder}").outcomes.analysed == 1
