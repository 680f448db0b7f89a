"""A directory tree as an image of one layer."""

from __future__ import annotations

import io
import os
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import NotFound, SourceChanged
from catalog.images import RootfsTree
from catalog.limits import Limits
from catalog.states import Outcome
from tasks.analyzers.selection import DEFAULT
from tasks.blobs import open_blob
from tasks.digests import sha256_digest
from tasks.layers.layer import analyse_stream
from tasks.sources.interface import PlatformChoice, ResolvedImage
from tasks.sources.opening import open_sources
from tasks.sources.rootfs import host_platform
from tasks.transport import RegistryAccess
from tests.tasks.analyzers.binaries.elf_writer import Program
from tests.tasks.analyzers.binaries.go_writer import inline, modules

ACCESS = RegistryAccess()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree with evidence of each kind."""
    root = tmp_path / "root"
    for path, text in {
        "usr/lib/os-release": "ID=debian\n",
        "var/lib/dpkg/status": "Package: a\n",
        "srv/app/package.json": "{}",
        "opt/venv/lib/python3/site-packages/x-1.dist-info/METADATA": "Name: x\n",
        "home/me/notes.txt": "nobody wants this",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    return root


def resolve(root: Path, *platforms: str) -> ResolvedImage:
    (source,) = open_sources([f"rootfs:{root}"], ACCESS)
    (listed,) = source.list()
    (image,) = source.resolve(listed, PlatformChoice(platforms))
    return image


def stream(image: ResolvedImage) -> bytes:
    assert image.manifest is not None
    (layer,), (location,) = image.manifest.layers, image.locations
    with open_blob(location, layer.digest, layer.size, ACCESS) as opened:
        data = b"".join(iter(lambda: opened.read(777), b""))
    assert (sha256_digest(data), len(data)) == (layer.digest, layer.size)
    return data


def members(image: ResolvedImage) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(stream(image))) as tar:
        return {
            member.name: f"-> {member.linkname}" if member.issym() else tar.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in tar
        }


def test_the_stream_holds_the_evidence_and_nothing_else(root: Path) -> None:
    found = members(resolve(root))
    assert found == {
        "etc/os-release": "-> ../usr/lib/os-release",
        "opt/venv/lib/python3/site-packages/x-1.dist-info/METADATA": "Name: x\n",
        "srv/app/package.json": "{}",
        "usr/lib/os-release": "ID=debian\n",
        "var/lib/dpkg/status": "Package: a\n",
    }
    assert list(found) == sorted(found)


GO = Program(sections={b".go.buildinfo": inline("go1.22.1", modules("path\tx.y/app", "mod\tx.y/app\tv1.2.3\t"))})
LARGE = bytes(5_000)


def program(path: Path, data: bytes, mode: int = 0o755) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def entries(image: ResolvedImage) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(stream(image))) as tar:
        return {member.name: member for member in tar}


def test_a_program_is_evidence_by_its_first_bytes_and_sections(root: Path) -> None:
    program(root / "srv/app/server", GO.pack() + LARGE)
    program(root / "srv/app/stripped", replace(GO, section_table=False).pack() + LARGE)
    assert {"srv/app/server", "srv/app/stripped"} <= set(entries(resolve(root)))
    assert stream(resolve(root)).count(b"go1.22.1") == 2


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        (GO.pack() + LARGE, 0o644),
        (GO.pack(), 0o755),
        (Program(sections={b".text": b"code"}).pack() + LARGE, 0o755),
        (b"#!/bin/sh\n" + LARGE, 0o755),
        (b"\x7fELF" + LARGE, 0o755),
    ],
    ids=["cannot be started", "smaller than any", "nothing in it", "a script", "no program"],
)
def test_a_program_that_holds_nothing_is_not_read(root: Path, data: bytes, mode: int) -> None:
    before = resolve(root).digest
    program(root / "srv/app/server", data, mode)
    assert resolve(root).digest == before


def test_the_packages_of_a_program_in_a_tree_are_found(root: Path, tmp_path: Path) -> None:
    program(root / "srv/app/server", GO.pack() + LARGE)
    data, image = stream(resolve(root)), resolve(root)
    records = analyse_stream(
        io.BytesIO(data), image.digest, len(data), selection=DEFAULT, limits=Limits(), scratch=tmp_path
    )
    with closing(records):
        rows = records.evidence.packages.to_pylist()
    assert {row["name"] for row in rows if row["path"] == "srv/app/server"} == {"stdlib", "app"}


def test_privileged_files_keep_mode_and_owner_and_not_their_content(root: Path) -> None:
    program(root / "usr/bin/sudo", b"secret" + LARGE, 0o4711)
    program(root / "usr/bin/write", b"x", 0o2755)
    found = entries(resolve(root))
    owner = (os.geteuid(), (root / "usr/bin/sudo").stat().st_gid)
    assert [
        (each.mode, each.uid, each.gid, each.size) for each in map(found.get, ("usr/bin/sudo", "usr/bin/write"))
    ] == [
        (0o4711, *owner, 0),
        (0o2755, *owner, 0),
    ]
    assert b"secret" not in stream(resolve(root))


def test_a_privileged_program_that_is_evidence_is_there_whole(root: Path) -> None:
    data = GO.pack() + LARGE
    program(root / "usr/bin/tool", data, 0o4755)
    found = entries(resolve(root))["usr/bin/tool"]
    assert (found.mode, found.size) == (0o4755, len(data))


def test_a_suid_bit_that_comes_or_goes_is_another_image(root: Path) -> None:
    program(root / "usr/bin/sudo", LARGE, 0o755)
    before = resolve(root).digest
    (root / "usr/bin/sudo").chmod(0o4755)
    privileged = resolve(root).digest
    (root / "usr/bin/sudo").chmod(0o755)
    assert (privileged != before, resolve(root).digest) == (True, before)


def test_privileged_files_of_a_tree_are_facts_of_its_layer(root: Path, tmp_path: Path) -> None:
    program(root / "usr/bin/sudo", LARGE, 0o4755)
    data, image = stream(resolve(root)), resolve(root)
    records = analyse_stream(
        io.BytesIO(data), image.digest, len(data), selection=DEFAULT, limits=Limits(), scratch=tmp_path
    )
    with closing(records):
        assert [(row["path"], row["mode"]) for row in records.privileged.to_pylist()] == [("usr/bin/sudo", 0o4755)]


def test_it_is_one_image_of_this_machines_platform_named_by_its_evidence(root: Path) -> None:
    image = resolve(root)
    assert image.manifest is not None
    assert image.platform == host_platform()
    assert image.manifest.digest == image.manifest.layers[0].digest
    assert isinstance(image.locations[0], RootfsTree)
    assert resolve(root, "plan9/mips").outcome is Outcome.SKIPPED


def test_what_is_no_evidence_changes_nothing(root: Path) -> None:
    before = resolve(root).digest
    (root / "home/me/notes.txt").write_text("other")
    (root / "var/lib/dpkg/status").chmod(0o600)
    os.utime(root / "srv/app/package.json", (0, 0))
    assert resolve(root).digest == before


def test_a_changed_package_list_is_another_image(root: Path) -> None:
    before = resolve(root).digest
    (root / "var/lib/dpkg/status").write_text("Package: b\n")
    assert resolve(root).digest != before


def test_a_tree_that_changes_between_listing_and_reading_says_so(root: Path) -> None:
    image = resolve(root)
    (root / "var/lib/dpkg/status").write_text("Package: b\n")
    with pytest.raises(SourceChanged):
        stream(image)
    (root / "var/lib/dpkg/status").write_text("Package: b\n" * 1000)
    with pytest.raises(SourceChanged):
        stream(image)


def test_a_database_behind_links_is_found_with_the_links(root: Path) -> None:
    (root / "opt/data").mkdir()
    (root / "var/lib/dpkg/status").rename(root / "opt/data/status")
    (root / "var/lib/dpkg").rmdir()
    (root / "var/lib/dpkg").symlink_to("/opt/data")
    found = members(resolve(root))
    assert found["var/lib/dpkg"] == "-> /opt/data"
    assert found["opt/data/status"] == "Package: a\n"


def test_a_folder_of_databases_behind_a_link_is_found(root: Path) -> None:
    (root / "opt/data").mkdir()
    (root / "opt/data/base").write_text("Package: base\n")
    (root / "var/lib/dpkg/status.d").symlink_to("../../../opt/data")
    found = members(resolve(root))
    assert found["opt/data/base"] == "Package: base\n"
    assert found["var/lib/dpkg/status.d"] == "-> ../../../opt/data"


def test_links_to_folders_of_evidence_are_kept_where_lists_of_files_name_them(root: Path) -> None:
    (root / "app").symlink_to("srv/app")
    (root / "opt/libraries").symlink_to("venv/lib")
    (root / "me").symlink_to("home/me")
    (root / "opt/venv/deeper").symlink_to("lib")
    found = members(resolve(root))
    assert {path: target for path, target in found.items() if target.startswith("->")} == {
        "app": "-> srv/app",
        "etc/os-release": "-> ../usr/lib/os-release",
        "opt/libraries": "-> venv/lib",
    }


@pytest.mark.parametrize("target", ["/etc/hostname", "../../../../../../../../../etc/hostname", "/proc/self/environ"])
def test_no_link_leads_out_of_the_tree(root: Path, target: str) -> None:
    (root / "var/lib/dpkg/status").unlink()
    (root / "var/lib/dpkg/status").symlink_to(target)
    assert not any(
        "hostname" in path or "environ" in path or path == "var/lib/dpkg/status" for path in members(resolve(root))
    )


def test_links_in_circles_end(root: Path) -> None:
    (root / "var/lib/dpkg/status").unlink()
    (root / "var/lib/dpkg/status").symlink_to("status")
    (root / "loop").symlink_to(".")
    assert "var/lib/dpkg/status" not in members(resolve(root))


def test_pipes_and_devices_with_wanted_names_are_not_opened(root: Path) -> None:
    os.mkfifo(root / "srv/package.json")
    assert "srv/package.json" not in members(resolve(root))


def test_names_that_are_no_utf_8_and_long_ones_are_kept_as_they_are(root: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(root / "srv") + b"/\xff" + b"y" * 150))
    odd.mkdir()
    (odd / "package.json").write_text("{}")
    with tarfile.open(fileobj=io.BytesIO(stream(resolve(root))), errors="surrogateescape") as tar:
        assert os.fsdecode(b"srv/\xff" + b"y" * 150 + b"/package.json") in tar.getnames()


def test_a_file_larger_than_any_evidence_is_a_problem(root: Path) -> None:
    os.truncate(root / "srv/app/package.json", 1 << 40)
    image = resolve(root)
    assert [(note.path, note.reason, note.partial) for note in image.notes] == [
        ("srv/app/package.json", "limit-exceeded", True)
    ]
    assert "srv/app/package.json" not in members(image)


def test_unreadable_places_are_named_and_are_part_of_the_identity(root: Path) -> None:
    whole = resolve(root).digest
    (root / "opt").chmod(0)
    (root / "srv/app/package.json").chmod(0)
    root.parent.chmod(0o755)
    for parent in list(root.parents)[:4]:
        if parent.is_dir() and parent.stat().st_uid == os.getuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    became = os.geteuid() == 0
    if became:
        os.seteuid(65534)
    try:
        image = resolve(root)
        assert [(note.path, note.reason, note.partial) for note in image.notes] == [
            ("opt", "unreadable", True), ("srv/app/package.json", "unreadable", True)]  # fmt: skip
        assert image.digest != whole
        assert stream(image)
    finally:
        if became:
            os.seteuid(0)
        (root / "opt").chmod(0o755)


def test_deep_trees_are_walked_to_a_limit_that_is_named(root: Path) -> None:
    handle = os.open(root, os.O_RDONLY)
    for _ in range(250):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    assert [note.reason for note in resolve(root).notes] == ["limit-exceeded"]


def test_a_tree_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        resolve(tmp_path / "nothing")


@pytest.mark.slow
def test_this_machine_is_read_and_its_pseudo_file_systems_are_notes() -> None:
    image = resolve(Path("/"))
    proc = [note for note in image.notes if note.path == "proc"]
    assert [(note.reason, note.partial) for note in proc] == [("other-file-system", False)]
