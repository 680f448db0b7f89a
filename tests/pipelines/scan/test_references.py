"""References lead to images: tags that move, go and come back, indexes of several platforms, and one image by many names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import NotFound
from catalog.states import Outcome
from pipelines.fleet import status
from pipelines.scanned_image import host_platform
from pipelines.show import show
from tasks.oci_writer import OciWriter
from tests.pipelines.scan.images import base, layer, layout, python
from tests.pipelines.scan.knowledge import faults
from tests.servers.faulty_registry import Fault, FaultyRegistry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

HERE = str(host_platform())
OTHER = "linux/s390x"


def index(folder: Path, *, broken: bool = False) -> str:
    """A layout with an index of this machine's platform and another one."""
    with OciWriter(folder) as writer:
        images = [
            writer.add_image([base(), layer(python("flask", version))], platform=name)
            for name, version in ((OTHER, "1.0"), (HERE, "2.0"))
        ]
        writer.add_index(images, tag="all")
    if broken:
        lost = layer(python("flask", "1.0")).digest.removeprefix("sha256:")
        (folder / "blobs" / "sha256" / lost).write_bytes(b"")
    return f"oci:{folder}:all"


def outcomes(scanner: Scanner, *sources: str, **options: object) -> dict[str, tuple[Outcome, str]]:
    return {str(line.platform): (line.state, line.reason) for line in scanner.scan(*sources, **options).lines}


def test_an_index_is_all_its_platforms_and_show_picks_this_machines(scanner: Scanner, tmp_path: Path) -> None:
    reference = index(tmp_path / "layout")
    assert outcomes(scanner, reference) == {HERE: (Outcome.ANALYSED, ""), OTHER: (Outcome.ANALYSED, "")}
    shown = show(reference, scanner.settings)
    assert str(shown.record.line.platform) == HERE
    assert [str(each.line.platform) for each in shown.others] == [OTHER]
    versions = {name: show(reference, scanner.settings, platform=name).report.packages for name in (HERE, OTHER)}
    assert {name: [p.version for p in found if p.name == "flask"] for name, found in versions.items()} == {
        HERE: ["2.0"],
        OTHER: ["1.0"],
    }


def test_a_reference_counts_as_its_worst_platform(
    scanner: Scanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.rounds._LONGEST_PAUSE_SECONDS", 0.01)
    reference = index(tmp_path / "layout", broken=True)
    found = outcomes(scanner, reference)
    assert (found[HERE][0], found[OTHER][0]) == (Outcome.ANALYSED, Outcome.FAILED)
    assert dict(status(scanner.settings).references) == {Outcome.FAILED: 1}
    assert faults(scanner.settings) == []


def test_a_platform_that_was_not_wanted_is_named_and_can_be_had_later(scanner: Scanner, tmp_path: Path) -> None:
    reference = index(tmp_path / "layout")
    first = outcomes(scanner, reference, platforms=(OTHER,))
    assert first == {OTHER: (Outcome.ANALYSED, ""), HERE: (Outcome.SKIPPED, "unwanted-platform")}
    with pytest.raises(NotFound):
        show(reference, scanner.settings, platform="linux/riscv64")
    assert outcomes(scanner, reference) == {HERE: (Outcome.ANALYSED, ""), OTHER: (Outcome.ANALYSED, "")}


def test_a_tag_that_moves_shows_its_new_image_and_the_old_one_is_still_known(scanner: Scanner, tmp_path: Path) -> None:
    folder = layout(tmp_path / "layout", {"latest": (base(), layer(python("flask", "1.0")))})
    reference = f"oci:{folder}:latest"
    old = scanner.scan(f"oci:{folder}").lines[0]
    layout(folder, {"latest": (base(), layer(python("flask", "2.0")))})
    summary = scanner.scan(f"oci:{folder}")
    assert (summary.outcomes.total, summary.layers.analysed) == (1, 1)
    assert [p.version for p in scanner.show(reference).packages if p.name == "flask"] == ["2.0"]
    assert [p.version for p in scanner.show(old.digest).packages if p.name == "flask"] == ["1.0"]
    layout(folder, {"latest": (base(), layer(python("flask", "1.0")))})
    back = scanner.scan(f"oci:{folder}")
    assert (back.layers.planned, back.new_images, back.lines[0].digest) == (0, 0, old.digest)
    assert back.lines[0].first_analysed == old.first_analysed


def test_a_tag_that_goes_and_comes_back_is_gone_and_back_without_work(scanner: Scanner, tmp_path: Path) -> None:
    folder = layout(tmp_path / "layout", {"kept": (base(),)})
    saved = (folder / "index.json").read_bytes()
    layout(folder, {"passing": (base(), layer(python("flask", "1.0")))})
    whole = (folder / "index.json").read_bytes()
    first = {line.reference: line.first_analysed for line in scanner.scan(f"oci:{folder}").lines}
    (folder / "index.json").write_bytes(saved)
    assert scanner.scan(f"oci:{folder}").outcomes.total == 1
    assert status(scanner.settings).references_gone == 1
    (folder / "index.json").write_bytes(whole)
    back = scanner.scan(f"oci:{folder}")
    assert (back.outcomes.analysed, back.layers.planned, back.new_images) == (2, 0, 0)
    assert {line.reference: line.first_analysed for line in back.lines} == first
    assert status(scanner.settings).references_gone == 0


def test_one_image_by_two_tags_is_two_references_and_one_image(scanner: Scanner, tmp_path: Path) -> None:
    layers = (base(), layer(python("flask", "1.0")))
    summary = scanner.scan(f"oci:{layout(tmp_path / 'layout', {'a': layers, 'b': layers})}")
    assert (summary.outcomes.analysed, summary.images, summary.new_images) == (2, 1, 1)
    assert summary.layers.named == 2
    assert summary.coverage.not_covered == 3


def test_an_image_that_failed_for_a_layer_follows_when_the_layer_is_mended(scanner: Scanner, tmp_path: Path) -> None:
    upper = layer(python("flask", "1.0"))
    folder = layout(tmp_path / "layout", {"a": (base(), upper), "b": (upper,)})
    blob = folder / "blobs" / "sha256" / upper.digest.removeprefix("sha256:")
    right = blob.read_bytes()
    blob.write_bytes(right[:-1] + b"!")
    assert scanner.scan(f"oci:{folder}:a").outcomes.failed == 1
    blob.write_bytes(right)
    # The other image brings the layer; the first is complete with it, once it is asked for.
    assert scanner.scan(f"oci:{folder}:b").outcomes.analysed == 1
    again = scanner.scan(f"oci:{folder}")
    assert (again.outcomes.analysed, again.layers.planned) == (2, 0)
    assert faults(scanner.settings) == []


def test_new_limits_analyse_anew_and_keep_the_day_of_the_first_analysis(scanner: Scanner, tmp_path: Path) -> None:
    folder = layout(tmp_path / "layout", {"1": (base(), layer(python("flask", "1.0")))})
    limits = replace(scanner.settings.limits, layer_entries=1)
    tight = Scanner(scanner.settings.model_copy(update={"limits": limits}))
    first = tight.scan(f"oci:{folder}")
    assert [(line.state, line.reason) for line in first.lines] == [(Outcome.PARTIAL, "limit-exceeded")]
    second = scanner.scan(f"oci:{folder}")
    assert (second.layers.analysed, second.outcomes.analysed) == (2, 1)
    assert second.lines[0].first_analysed == first.lines[0].first_analysed
    assert scanner.scan(f"oci:{folder}").layers.planned == 0
    assert tight.scan(f"oci:{folder}").layers.planned == 0
    assert scanner.scan(f"oci:{folder}").outcomes.analysed == 1
    assert faults(scanner.settings) == []


def test_a_registry_that_forgets_its_password_for_a_day_costs_no_image(
    scanner: Scanner, faulty_registry: FaultyRegistry, tmp_path: Path
) -> None:
    faulty_registry.add_layout(layout(tmp_path / "layout", {"1": (base(),)}), "team/app")
    reference = f"{faulty_registry.host}/team/app:1"
    scanner.scan(reference)
    faulty_registry.fail(".*", ".*/manifests/.*", Fault(status=401))
    assert scanner.states(reference)[reference] == (Outcome.FAILED, "unauthorised")
    faulty_registry._faults.clear()
    again = scanner.scan(reference)
    assert (again.outcomes.analysed, again.new_images, again.layers.planned) == (1, 0, 0)
