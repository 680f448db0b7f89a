"""Archives as Maven fetches them, against the coordinates they were asked for by."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from tasks.analyzers.zip import ZipDirectory
from tests.servers.missing import missing
from tests.tasks.analyzers.comparing import Found, Named, Table, found_below

pytestmark = pytest.mark.slow

ARTIFACTS = [line.split(":") for line in Path(__file__).with_name("maven_artifacts.txt").read_text().split()]
TOLD: list[Named] = [(f"{group}/{artifact}", version) for group, artifact, version, *_ in ARTIFACTS]
OWN = b"groupId=com.example\nartifactId=fat\nversion=1.0\n"
OWN_PATH = "META-INF/maven/com.example/fat/pom.properties"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if which("mvn") is None:
        missing("mvn", "install Debian's package maven")
    folder = tmp_path_factory.mktemp("maven")
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<type>{kind[0] if kind else 'jar'}</type>"
        "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
        for group, artifact, version, *kind in ARTIFACTS
    )
    folder.joinpath("pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>"
        f"<packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )
    command = ("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=archives")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return folder / "archives"


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Table:
    return Table(request.config.cache.mkdir("oracles") / "java.md")


def test_archives_are_named_by_maven_s_coordinates(repository: Path, table: Table) -> None:
    found = found_below(repository, "java")
    assert len(ARTIFACTS) > 45
    table.compare("java", "Maven's coordinates", found, TOLD)


def test_the_same_archives_are_found_within_others(repository: Path, table: Table, tmp_path: Path) -> None:
    boot = io.BytesIO()
    with zipfile.ZipFile(boot, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(OWN_PATH, OWN)
        for file in sorted(repository.iterdir()):
            archive.write(file, f"BOOT-INF/lib/{file.name}")
    with zipfile.ZipFile(tmp_path / "fat.ear", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lib/boot.war", boot.getvalue())
    found = found_below(tmp_path, "java")
    assert {one.path for one in found} == {"fat.ear"}
    table.compare("java", "Maven's coordinates, nested", found, [*TOLD, ("com.example/fat", "1.0")])


def test_each_of_maven_s_own_files_is_a_package(repository: Path, table: Table) -> None:
    told: set[Named] = set()
    found: list[Found] = found_below(repository, "java")
    for file in repository.iterdir():
        told |= set(maven_files(file.read_bytes()))
    # What is named otherwise is the matter of the tests above.
    table.compare("java", "pom.properties by zipfile", [one for one in found if one.named in told], told)


def maven_files(data: bytes) -> Iterator[Named]:
    """Name and version in every pom.properties of an archive and those within it, by Python's own reader."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.endswith(("/pom.properties", ".jar", ".war")):
                content = archive.read(name)
                if name.endswith("pom.properties"):
                    fields = dict(line.split("=", 1) for line in content.decode().split("\n") if "=" in line)
                    fields = {key.strip(): value.strip() for key, value in fields.items()}
                    yield f"{fields['groupId']}/{fields['artifactId']}", fields["version"]
                elif content:
                    yield from maven_files(content)


def test_members_and_contents_are_those_of_zipfile(repository: Path) -> None:
    for file in repository.iterdir():
        data = file.read_bytes()
        directory = ZipDirectory(data)
        assert not directory.broken
        with zipfile.ZipFile(file) as archive:
            told = archive.infolist()
            assert len(told) == len(directory)
            for entry, info in zip(directory, told, strict=True):
                assert entry.name.decode() == info.orig_filename
                assert (entry.size, entry.compressed, entry.checksum) == (info.file_size, info.compress_size, info.CRC)
                if entry.size < 1 << 20:
                    assert directory.read(entry, 1 << 20) == archive.read(info)
