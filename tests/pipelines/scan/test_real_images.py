"""Real images through the whole way, held to what their own package managers say."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from catalog.states import Outcome
from pipelines.advisories import import_advisories
from tasks.oci_writer import BuiltLayer, OciWriter, build_layer
from tests.servers.missing import missing
from tests.servers.real_images import layer_of_tree
from tests.servers.registry import Registry
from tests.servers.scanning import Scanner

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.postgres]


def installed_by_dpkg(root: Path) -> set[tuple[str, str]]:
    asked = subprocess.run(
        ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split() for line in asked.stdout.splitlines()]
    return {(name, version) for state, name, version in rows if state == "installed"}


def installed_by_apk(archive: Path) -> set[tuple[str, str, str]]:
    """Type, name and version of what the database in the archive's one layer names, by tarfile alone."""
    with tarfile.open(archive) as outer:
        (member,) = [name for name in outer.getnames() if name.endswith("layer.tar")]
        with tarfile.open(fileobj=outer.extractfile(member)) as inner:
            lines = inner.extractfile("lib/apk/db/installed").read().decode().splitlines()
    names = [line[2:] for line in lines if line.startswith("P:")]
    versions = [line[2:] for line in lines if line.startswith("V:")]
    return {("apk", name, version) for name, version in zip(names, versions, strict=True)}


@pytest.fixture(scope="module")
def python_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few real Python packages, installed by pip."""
    root = tmp_path_factory.mktemp("python")
    target = root / "usr" / "local" / "lib" / "python3.11" / "dist-packages"
    packages = ["requests==2.30.0", "urllib3==1.26.15", "jinja2==3.1.2", "certifi==2022.12.7"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), *packages], check=True
    )
    return root


@pytest.mark.debootstrap
@pytest.mark.registry
def test_debian_and_python_images_have_the_packages_that_dpkg_and_pip_installed(
    scanner: Scanner, registry: Registry, debian_root: Path, debian_layer: BuiltLayer, python_tree: Path, tmp_path: Path
) -> None:
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image([debian_layer], tag="bookworm")
        writer.add_image([debian_layer, layer_of_tree(python_tree)], tag="python")
    registry.pusher.push(tmp_path / "layout", "debian")
    summary = scanner.scan(registry.host)
    assert (summary.outcomes.analysed, summary.layers.named, summary.layers.analysed) == (2, 3, 2)
    report = scanner.show(f"{registry.host}/debian:python")
    found = {(package.name, package.version) for package in report.packages if package.type == "deb"}
    assert found == installed_by_dpkg(debian_root)
    python = {(package.name, package.version) for package in report.packages if package.type == "pypi"}
    assert python == {("requests", "2.30.0"), ("urllib3", "1.26.15"), ("jinja2", "3.1.2"), ("certifi", "2022.12.7")}
    assert report.distribution == "debian 12"


@pytest.mark.debootstrap
def test_a_root_file_system_has_the_packages_that_dpkg_installed(scanner: Scanner, debian_root: Path) -> None:
    summary = scanner.scan(f"rootfs:{debian_root}")
    assert summary.outcomes.analysed == 1
    report = scanner.show(f"rootfs:{debian_root}")
    assert {(package.name, package.version) for package in report.packages} == installed_by_dpkg(debian_root)


@pytest.mark.conformance
@pytest.mark.parametrize("version", ["3.10.3", "3.11.5"])
def test_real_alpine_images_have_the_packages_that_apk_lists(scanner: Scanner, real_data: Path, version: str) -> None:
    archive = real_data / "images" / f"alpine-{version}.tar.gz"
    summary = scanner.scan(f"docker-archive:{archive}")
    assert [line.state for line in summary.lines] == [Outcome.ANALYSED]
    report = scanner.show(f"docker-archive:{archive}")
    assert report.distribution == f"alpine {version}"
    listed = installed_by_apk(archive)
    assert len(listed) == 14
    assert {(package.type, package.name, package.version) for package in report.packages} == listed


@pytest.mark.conformance
@pytest.mark.registry
def test_an_archive_and_a_registry_that_skopeo_filled_have_the_same_findings(
    scanner: Scanner, registry: Registry, real_data: Path, tmp_path: Path
) -> None:
    if shutil.which("skopeo") is None:
        missing("skopeo", "apt-get install skopeo")
    archive = tmp_path / "alpine.tar"
    archive.write_bytes(gzip.decompress((real_data / "images" / "alpine-3.11.5.tar.gz").read_bytes()))
    target = f"docker://{registry.host}/alpine:3.11.5"
    subprocess.run(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"docker-archive:{archive}", target], check=True)
    import_advisories(real_data / "osv" / "Alpine", scanner.settings, complete=("Alpine",))
    scanner.scan(registry.host, f"docker-archive:{archive}")
    pulled = scanner.show(f"{registry.host}/alpine:3.11.5")
    saved = scanner.show(f"docker-archive:{archive}")
    assert pulled.findings == saved.findings
    assert {(p.name, p.version) for p in pulled.packages} == {(p.name, p.version) for p in saved.packages}
    assert pulled.coverage == 1.0


@pytest.mark.conformance
def test_real_advisories_find_what_an_old_alpine_package_is_affected_by(
    scanner: Scanner, real_data: Path, tmp_path: Path
) -> None:
    """busybox 1.29.3-r9 on Alpine 3.10: CVE-2018-20679 is fixed in r10, CVE-2019-5747 in 1.30.1-r2, CVE-2017-16544 long before."""
    members = {
        "etc/os-release": "ID=alpine\nVERSION_ID=3.10.0\n",
        "lib/apk/db/installed": "P:ssl_client\nV:1.29.3-r9\nA:x86_64\no:busybox\n\n",
    }
    with OciWriter(tmp_path / "layout") as writer:
        writer.add_image([build_layer(members)], tag="old")
    import_advisories(real_data / "osv" / "Alpine", scanner.settings, complete=("Alpine:v3.10",))
    scanner.scan(f"oci:{tmp_path}/layout")
    report = scanner.show(f"oci:{tmp_path}/layout:old")
    assert {finding.vulnerability for finding in report.findings} == {"CVE-2018-20679", "CVE-2019-5747"}
    assert all("source package: busybox 1.29.3-r9" in finding.reason for finding in report.findings)
