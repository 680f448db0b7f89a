"""The main job on a real registry: layers read once, images composed, packages judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.states import Coverage, Outcome, Severity
from pipelines.advisories import import_advisories
from tests.pipelines.scan.images import advisories, advisory, base, dpkg, layer, layout, python
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.registry, pytest.mark.postgres]


@pytest.fixture
def catalogue(registry: Registry, tmp_path: Path) -> Registry:
    lower = base()
    flask = layer(python("flask", "2.3.2"))
    images = {
        "1": (lower, flask, layer({"app": "1"})),
        "2": (lower, flask, layer({"app": "2"})),
        "upgraded": (lower, layer(dpkg(openssl="3.0.11-1", zlib1g="1:1.2.13-1"))),
    }
    registry.pusher.push(layout(tmp_path / "layout", images), "team/app")
    registry.pusher.push(layout(tmp_path / "other", {"latest": (lower,)}), "team/base")
    return registry


def test_each_layer_of_a_catalogue_is_analysed_once(scanner: Scanner, catalogue: Registry) -> None:
    summary = scanner.scan(catalogue.host)
    assert summary.outcomes.analysed == summary.outcomes.total == 4
    assert summary.layers.named == 9
    assert summary.layers.unique == summary.layers.planned == summary.layers.analysed == 5
    assert summary.layers.bytes_read < summary.layers.bytes_named


def test_a_finding_says_what_matched_and_why(scanner: Scanner, catalogue: Registry, tmp_path: Path) -> None:
    known = advisories(tmp_path / "osv", advisory("DEBIAN-CVE-2023-1", "Debian:12", "openssl", "3.0.10-1"))
    import_advisories(known, scanner.settings, complete=("Debian:12",))
    scanner.scan(catalogue.host)
    report = scanner.show(f"{catalogue.host}/team/base:latest")
    (finding,) = report.findings
    assert (finding.package, finding.version, finding.fixed_version) == ("openssl", "3.0.9-1", "3.0.10-1")
    assert finding.severity == Severity.CRITICAL
    assert "openssl 3.0.9-1" in finding.reason
    assert "fixed 3.0.10-1" in finding.reason
    assert scanner.show(f"{catalogue.host}/team/app:upgraded").findings == ()


def test_what_no_complete_feed_covers_is_never_clean(scanner: Scanner, catalogue: Registry, tmp_path: Path) -> None:
    known = advisories(tmp_path / "osv", advisory("DEBIAN-CVE-2023-1", "Debian:12", "openssl", "3.0.10-1"))
    import_advisories(known, scanner.settings, complete=("Debian:12",))
    lines = {line.reference.rpartition("/")[2]: line for line in scanner.scan(catalogue.host).lines}
    assert lines["app:upgraded"].clean
    assert not lines["app:1"].clean
    coverage = {package.name: package.coverage for package in scanner.show(f"{catalogue.host}/team/app:1").packages}
    assert coverage == {"openssl": Coverage.COVERED, "zlib1g": Coverage.COVERED, "flask": Coverage.NOT_COVERED}


def test_a_sample_covers_nothing(scanner: Scanner, catalogue: Registry, tmp_path: Path) -> None:
    known = advisories(tmp_path / "osv", advisory("DEBIAN-CVE-2023-1", "Debian:12", "nothing-here", "1"))
    import_advisories(known, scanner.settings)
    summary = scanner.scan(catalogue.host)
    assert summary.findings.total == 0
    assert summary.coverage.covered == 0
    assert not any(line.clean for line in summary.lines)


def test_an_import_is_applied_by_the_next_scan(scanner: Scanner, catalogue: Registry, tmp_path: Path) -> None:
    assert scanner.scan(catalogue.host).findings.total == 0
    known = advisories(tmp_path / "osv", advisory("PYSEC-2023-1", "PyPI", "flask", "2.3.3"))
    import_advisories(known, scanner.settings, complete=("PyPI",))
    summary = scanner.scan(catalogue.host)
    assert summary.layers.planned == 0
    assert summary.findings.total == 2


def test_a_package_names_the_layer_that_brought_it(scanner: Scanner, catalogue: Registry) -> None:
    scanner.scan(catalogue.host)
    packages = {package.name: package for package in scanner.show(f"{catalogue.host}/team/app:upgraded").packages}
    lower = base().digest
    upper = layer(dpkg(openssl="3.0.11-1", zlib1g="1:1.2.13-1")).digest
    assert (packages["openssl"].layer, packages["openssl"].evidence_layer) == (upper, upper)
    assert (packages["zlib1g"].layer, packages["zlib1g"].evidence_layer) == (lower, upper)


def test_one_tag_can_be_scanned_by_its_digest(scanner: Scanner, catalogue: Registry) -> None:
    digest = scanner.scan(f"{catalogue.host}/team/base:latest").lines[0].digest
    summary = scanner.scan(f"{catalogue.host}/team/base@{digest}")
    assert [line.state for line in summary.lines] == [Outcome.ANALYSED]
    assert summary.layers.planned == 0


def test_a_tag_that_is_gone_is_no_longer_listed(scanner: Scanner, catalogue: Registry) -> None:
    digest = {line.reference: line.digest for line in scanner.scan(catalogue.host).lines}[
        f"{catalogue.host}/team/app:2"
    ]
    catalogue.pusher.delete("team/app", digest)
    references = {line.reference for line in scanner.scan(catalogue.host).lines}
    assert f"{catalogue.host}/team/app:1" in references
    assert f"{catalogue.host}/team/app:2" not in references
