"""Bills of materials all the way: an image scanned, written in either format, and scanned as what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.active.fleet import find_images, image_packages
from catalog.states import Outcome
from pipelines.advisories import import_advisories
from pipelines.sbom import SbomFormat, sbom
from pipelines.workspace import open_workspace
from tests.pipelines.scan.images import advisories, advisory, base, dpkg, layer, layout, python
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner
from tests.tasks.sbom.validating import valid_cyclonedx, valid_spdx

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]

VALIDATORS = {SbomFormat.CYCLONEDX_JSON: valid_cyclonedx, SbomFormat.SPDX_JSON: valid_spdx}


def write(scanner: Scanner, reference: str, target: Path, form: SbomFormat) -> str:
    """Write an image's document, held to its format, and say by which source it is scanned."""
    text = sbom(reference, scanner.settings, form=form).text
    VALIDATORS[form](text)
    target.write_text(text)
    return f"sbom:{target}"


def identities(scanner: Scanner, reference: str) -> tuple[tuple[str, str], set[bytes]]:
    """The platform and the packages of an image by their ids."""
    with open_workspace(scanner.settings, writes=False) as workspace, workspace.database.transaction() as tx:
        record, *_ = find_images(tx, reference)
        packages = image_packages(tx, record.image)
        return (record.distribution, record.distribution_version), {package.package for package in packages}


def findings(scanner: Scanner, reference: str) -> list[tuple[str, ...]]:
    return sorted(
        (f.vulnerability, f.package, f.version, f.severity, f.fixed_version or "")
        for f in scanner.show(reference).findings
    )


@pytest.mark.registry
def test_an_image_comes_back_with_its_packages_platform_and_findings(
    scanner: Scanner, registry: Registry, tmp_path: Path
) -> None:
    upper = layer(
        python("flask", "2.3.2") | {"app/package.json": json.dumps({"name": "@shop/web", "version": "1.0.0"})}
    )
    registry.pusher.push(layout(tmp_path / "layout", {"1": (base(), upper)}), "shop/web")
    records = (
        advisory("DEBIAN-CVE-2023-1", "Debian:12", "openssl", "3.0.10-1"),
        advisory("PYSEC-2023-62", "PyPI", "flask", "2.3.3"),
    )
    import_advisories(advisories(tmp_path / "osv", *records), scanner.settings, complete=("Debian:12",))
    reference = f"{registry.host}/shop/web:1"
    scanner.scan(reference)
    expected = identities(scanner, reference), findings(scanner, reference)
    assert len(expected[1]) == 2
    digests = set()
    for form in SbomFormat:
        source = write(scanner, reference, tmp_path / form.value, form)
        scanner.scan(source)
        report = scanner.show(source)
        assert (identities(scanner, source), findings(scanner, source)) == expected
        assert report.state is Outcome.ANALYSED
        assert {package.path for package in report.packages} == {
            f".longshore/sbom/{kind}.jsonl" for kind in ("deb", "npm", "pypi")
        }
        digests.add(report.digest)
    assert len(digests) == 1, "two documents with the same packages are the same image"


def test_a_real_image_comes_back(scanner: Scanner, real_data: Path, tmp_path: Path) -> None:
    import_advisories(Path(__file__).parents[3] / "pipelines/sample/advisories", scanner.settings)
    reference = f"docker-archive:{real_data}/images/alpine-3.11.5.tar.gz"
    scanner.scan(reference)
    expected = identities(scanner, reference), findings(scanner, reference)
    assert expected[1]
    for form in SbomFormat:
        source = write(scanner, reference, tmp_path / form.value, form)
        scanner.scan(source)
        assert (identities(scanner, source), findings(scanner, source)) == expected


def test_the_document_of_a_document_names_the_same_packages(scanner: Scanner, tmp_path: Path) -> None:
    scanner.scan(f"oci:{layout(tmp_path / 'layout', {'1': (base(),)})}:1")
    first = write(scanner, f"oci:{tmp_path / 'layout'}:1", tmp_path / "first", SbomFormat.CYCLONEDX_JSON)
    scanner.scan(first)
    second = write(scanner, first, tmp_path / "second", SbomFormat.SPDX_JSON)
    scanner.scan(second)
    assert scanner.show(second).digest == scanner.show(first).digest


def test_the_same_image_gives_the_same_bytes(scanner: Scanner, tmp_path: Path) -> None:
    reference = f"oci:{layout(tmp_path / 'layout', {'1': (base(),)})}:1"
    scanner.scan(reference)
    for form in SbomFormat:
        assert sbom(reference, scanner.settings, form=form).text == sbom(reference, scanner.settings, form=form).text


def test_a_component_that_cannot_be_read_makes_the_image_partial_and_so_its_own_document(
    scanner: Scanner, tmp_path: Path
) -> None:
    components = [
        {"type": "library", "name": "lodash", "version": "4"},
        {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1"},
    ]
    (tmp_path / "in.json").write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.4", "components": components})
    )
    source = f"sbom:{tmp_path / 'in.json'}"
    scanner.scan(source)
    report = scanner.show(source)
    assert report.state is Outcome.PARTIAL
    assert [package.name for package in report.packages] == ["a"]
    assert any("lodash 4: has no package URL" in problem.detail for problem in report.problems)
    for form in SbomFormat:
        made = sbom(source, scanner.settings, form=form)
        assert made.bill.is_partial
        assert "lodash 4: has no package URL" in made.text


@pytest.mark.parametrize("data", [b"", b"{", b'{"spdxVersion":"SPDX-3.0"}', b"[" * 100_000])
def test_a_file_that_is_no_document_fails_with_its_reason_and_the_run_goes_on(
    scanner: Scanner, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "bad").write_bytes(data)
    good = f"oci:{layout(tmp_path / 'layout', {'1': (layer(dpkg(bash='5')),)})}:1"
    states = scanner.states(f"sbom:{tmp_path / 'bad'}", good)
    assert states[f"sbom:{tmp_path / 'bad'}"] == (Outcome.FAILED, "malformed-manifest")
    assert states[good][0] is Outcome.ANALYSED
