"""Language packages that the distribution's packages brought, from a registry to what a person sees: counted as their owners."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.active.fleet import ImageFilter, fleet_status, list_images
from pipelines.advisories import import_advisories
from pipelines.models.show import ImageReport
from pipelines.workspace import open_workspace
from tasks.oci_writer import BuiltLayer, Member, Symlink, build_layer
from tests.pipelines.scan.images import OS_RELEASE, advisories, advisory, dpkg, layer, layout, python
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres, pytest.mark.registry]

SITE = "usr/lib/python3/dist-packages"


def egg_info(name: str, version: str) -> dict[str, Member]:
    """A Python package as Debian's packages bring it."""
    return {f"{SITE}/{name}-{version}.egg-info/PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}


def file_list(package: str, *paths: str) -> dict[str, Member]:
    """dpkg's list of a package's files."""
    lines = "".join(f"/{line}\n" for line in ("usr", "usr/lib", *paths))
    return {f"var/lib/dpkg/info/{package}.list": f"/.\n{lines}"}


def debian() -> BuiltLayer:
    """A Debian with python3-six and python3-requests; the latter's files are listed by their names in a merged /usr."""
    six, requests = egg_info("six", "1.16.0"), egg_info("requests", "2.28.1")
    return build_layer(
        {"etc/os-release": OS_RELEASE, "usr/bin/env": "", "lib": Symlink("usr/lib")}
        | dpkg(python3_six="1.16.0-4", python3_requests="2.28.1+dfsg-1", openssl="3.0.9-1")
        | six
        | requests
        | file_list("python3-six", *six)
        | file_list("python3-requests", *(path.removeprefix("usr/") for path in requests))
    )


def names(report: ImageReport) -> set[tuple[str, str]]:
    return {(package.type, package.name) for package in report.packages}


@pytest.fixture
def images(scanner: Scanner, registry: Registry, tmp_path: Path) -> dict[str, str]:
    """References by what was done to the image, all of them scanned with advisories for six, requests, flask and openssl."""
    base = debian()
    venv = {f"srv/venv/{path}": text for path, text in python("six", "1.16.0").items()}
    made = {
        "base": (base,),
        "flask": (base, layer(python("flask", "2.3.2"))),
        "over": (base, layer({f"{SITE}/six-1.16.0.egg-info/PKG-INFO": "Name: six\nVersion: 1.17.0\n"})),
        "slim": (base, layer({"var/lib/dpkg/.wh.info": ""})),
        "venv": (base, layer(venv)),
    }
    registry.push(layout(tmp_path / "layout", made), "team/app")
    known = advisories(
        tmp_path / "osv",
        *(advisory(f"PYSEC-2023-{n}", "PyPI", name, "9") for n, name in enumerate(("six", "requests", "flask"))),
        advisory("DEBIAN-CVE-2023-1", "Debian:12", "openssl", "3.0.10-1"),
    )
    import_advisories(known, scanner.settings, complete=("Debian:12", "PyPI"))
    scanner.scan(registry.host)
    return {name: f"{registry.host}/team/app:{name}" for name in made}


def test_what_the_distribution_owns_is_counted_and_matched_as_its_owner_alone(
    scanner: Scanner, images: dict[str, str], registry: Registry
) -> None:
    distribution = {("deb", "python3-six"), ("deb", "python3-requests"), ("deb", "openssl")}
    owners = {("six", "deb/python3-six"), ("requests", "deb/python3-requests")}
    base, flask = scanner.show(images["base"]), scanner.show(images["flask"])
    assert names(base) == distribution
    assert names(flask) == distribution | {("pypi", "flask")}
    for report in (base, flask):
        assert {(package.name, package.owned_by) for package in report.owned} == owners
        assert all(package.path.startswith(SITE) and package.layer for package in report.owned)
        assert report.coverage == 1
    assert {finding.package for finding in base.findings} == {"openssl"}
    assert {finding.package for finding in flask.findings} == {"openssl", "flask"}

    # What was put over an owned file, whose owner nobody knows any more, or lies elsewhere too, is matched for itself.
    over = scanner.show(images["over"])
    assert {package.name for package in over.owned} == {"requests"}
    assert ("pypi", "six") in names(over)
    assert {finding.package for finding in over.findings} == {"openssl", "six"}
    assert scanner.show(images["slim"]).owned == ()
    venv = scanner.show(images["venv"])
    assert {(package.name, package.owned_by) for package in venv.owned} == owners
    assert [package.path for package in venv.packages if package.name == "six"] == [
        "srv/venv/usr/lib/python3/six-1.16.0.dist-info/METADATA"
    ]

    with open_workspace(scanner.settings, writes=False) as workspace:
        lines = {line.reference: line for line in list_images(workspace.database, ImageFilter())}
        assert {name: (lines[text].packages, lines[text].findings.total) for name, text in images.items()} == {
            "base": (3, 1),
            "flask": (4, 2),
            "over": (4, 2),
            "slim": (5, 3),
            "venv": (4, 2),
        }
        with_six = list_images(workspace.database, ImageFilter(package="six"))
        assert {line.reference for line in with_six} == {images["over"], images["slim"], images["venv"]}
        with workspace.database.transaction() as tx:
            assert fleet_status(tx).unjudged == 0
            assert fleet_status(tx).package_sets == 5  # the distribution's, flask, six 1.17, six with requests, six

    before, objects = scanner.rows_written(), scanner.objects()
    scanner.scan(registry.host)
    after = scanner.rows_written()
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {"run": 1}
    assert scanner.objects() == objects
