"""Compiled programs of this machine's toolchains and distribution against what `go version -m`, cargo and dpkg say of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
import zipfile
import zlib
from pathlib import Path

import pytest

from tasks.analyzers.binaries.elf import MAGIC
from tasks.analyzers.go_binary import GoBinary
from tasks.analyzers.interface import Analyser
from tasks.analyzers.product_binary import ProductBinary
from tasks.analyzers.rust_binary import RustBinary
from tests.servers.missing import missing

FOUND_ON_DEBIAN = Path(__file__).with_name("products_on_debian.toml")
DEBIAN_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")

MODULES = {
    ("example.com/rope", "v1.4.2"): "package rope\n\nfunc Length() int { return 1 }\n",
    ("example.com/hull", "v1.0.0"): "package hull\n\nfunc Weight() int { return 2 }\n",
    ("example.com/hullfork", "v1.0.1"): "package hull\n\nfunc Weight() int { return 3 }\n",
}
MAIN = """package main

import (
\t"example.com/hull"
\t"example.com/keel"
\t"example.com/rope"
)

func main() { println(rope.Length() + hull.Weight() + keel.Depth()) }
"""
GO_MOD = """module example.com/harbour/Crane

go 1.18

require (
\texample.com/hull v1.0.0
\texample.com/keel v0.3.0
\texample.com/rope v1.4.2
)

replace example.com/hull => example.com/hullfork v1.0.1

replace example.com/keel v0.3.0 => ./keel
"""
BUILDS = {
    "amd64": ("amd64", ()),
    "amd64-stripped": ("amd64", ("-trimpath", "-ldflags=-s -w -buildid=")),
    "amd64-movable": ("amd64", ("-buildmode=pie",)),
    "386": ("386", ()),
    "arm64": ("arm64", ("-ldflags=-s -w",)),
    "ppc64": ("ppc64", ()),
    "mips": ("mips", ()),
}


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    if shutil.which(str(command[0])) is None:
        missing(str(command[0]), f"install {command[0]}")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def found(analyser: Analyser, path: Path) -> list[tuple[str, str]]:
    data = path.read_bytes()
    assert data[:4] == MAGIC
    assert analyser.looks_right(str(path), data[:4096])
    packages = analyser.analyse(str(path), data).packages
    return [(f"{p.namespace}/{p.name}" if p.namespace else p.name, p.version) for p in packages]


def told_by_go(listing: str) -> dict[str, list[tuple[str, str]]]:
    """By program: what `go version -m` lists, replacements in place; a folder keeps the name of what it replaces."""
    programs: dict[str, list[tuple[str, str]]] = {}
    for line in listing.splitlines():
        if not line.startswith("\t"):
            program, _, toolchain = line.rpartition(": go")
            packages = programs[program] = [("stdlib", toolchain.split()[0])]
            continue
        kind, *words = line.strip("\t").split("\t")
        if kind in ("mod", "dep"):
            packages.append((words[0], words[1]))
        elif kind == "=>":
            packages[-1] = (packages[-1][0], "(devel)") if words[0].startswith(".") else (words[0], words[1])
    return programs


def test_gos_own_programs_hold_what_go_says_of_them() -> None:
    root = Path(run("go", "env", "GOROOT").strip())
    folders = [folder for folder in (root / "bin", *(root / "pkg" / "tool").glob("*_*")) if folder.is_dir()]
    told = told_by_go(run("go", "version", "-m", *folders))
    assert len(told) >= 2
    assert {program: found(GoBinary(), Path(program)) for program in told} == told


@pytest.mark.slow
@pytest.mark.parametrize("build", BUILDS)
def test_programs_built_here_hold_what_go_says_of_them(build: str, tmp_path: Path) -> None:
    proxy, source = tmp_path / "proxy", tmp_path / "source"
    for (path, version), text in MODULES.items():
        folder = proxy / path / "@v"
        folder.mkdir(parents=True)
        (folder / f"{version}.info").write_text(f'{{"Version": "{version}"}}')
        (folder / f"{version}.mod").write_text(f"module {path}\n")
        with zipfile.ZipFile(folder / f"{version}.zip", "w") as archive:
            archive.writestr(f"{path}@{version}/go.mod", f"module {path}\n")
            archive.writestr(f"{path}@{version}/code.go", text)
    (source / "keel").mkdir(parents=True)
    (source / "keel" / "go.mod").write_text("module example.com/keel\n")
    (source / "keel" / "code.go").write_text("package keel\n\nfunc Depth() int { return 4 }\n")
    (source / "go.mod").write_text(GO_MOD)
    (source / "main.go").write_text(MAIN)
    architecture, flags = BUILDS[build]
    run(
        "go", "build", "-mod=mod", *flags, "-o", tmp_path / "crane", ".", cwd=source,
        GOARCH=architecture, GOOS="linux", CGO_ENABLED="0", GOPROXY=proxy.as_uri(), GONOSUMDB="*", GOFLAGS="-modcacherw",
        GOMODCACHE=str(tmp_path / "cache"), GOTOOLCHAIN="local",
    )  # fmt: skip
    (told,) = told_by_go(run("go", "version", "-m", tmp_path / "crane")).values()
    assert sorted(found(GoBinary(), tmp_path / "crane")) == sorted(told)
    assert {name for name, _ in told} == {
        "stdlib", "example.com/harbour/Crane", "example.com/rope", "example.com/hullfork", "example.com/keel",
    }  # fmt: skip


@pytest.mark.slow
def test_a_library_written_in_go_holds_what_go_says_of_it(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module example.com/library\n\ngo 1.18\n")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "C"\n\n//export Sum\nfunc Sum() int { return 1 }\n\nfunc main() {}\n'
    )
    library = tmp_path / "library.so"
    run(
        "go",
        "build",
        "-buildmode=c-shared",
        "-o",
        library,
        ".",
        cwd=tmp_path,
        CGO_ENABLED="1",
        GOFLAGS="-buildvcs=false",
    )
    (told,) = told_by_go(run("go", "version", "-m", library)).values()
    assert found(GoBinary(), library) == told


@pytest.mark.slow
def test_a_rust_program_holds_the_list_that_was_put_into_it(tmp_path: Path) -> None:
    (tmp_path / "main.rs").write_text('fn main() { println!("1"); }\n')
    run("rustc", "-o", tmp_path / "plain", tmp_path / "main.rs")
    assert found(RustBinary(), tmp_path / "plain") == []
    rows = b'{"packages":[{"name":"harbour","version":"0.1.0"},{"name":"cc","version":"1.0.0","kind":"build"}]}'
    (tmp_path / "list").write_bytes(zlib.compress(rows))
    run("objcopy", "--add-section", f".dep-v0={tmp_path / 'list'}", tmp_path / "plain", tmp_path / "listed")
    run("strip", tmp_path / "listed")
    assert found(RustBinary(), tmp_path / "listed") == [("harbour", "0.1.0")]


@pytest.mark.slow
def test_products_on_a_debian_are_those_that_dpkg_owns(tmp_path: Path) -> None:
    """Every file of the folders is looked at; what dpkg does not confirm is explained in the file, or fails."""
    explained = tomllib.loads(FOUND_ON_DEBIAN.read_text())["unconfirmed"]
    unconfirmed, confirmed = [], 0
    for folder in filter(Path.is_dir, map(Path, DEBIAN_FOLDERS)):
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or not path.is_file() or not ProductBinary().confirm(str(path)):
                continue
            data = path.read_bytes()
            if data[:4] != MAGIC:
                continue
            for package in ProductBinary().analyse(str(path), data).packages:
                owner = owning_version(path)
                if re.match(re.escape(package.version) + r"(?![0-9])", owner):
                    confirmed += 1
                elif not any(package.name == e["product"] and re.fullmatch(e["path"], str(path)) for e in explained):
                    unconfirmed.append((str(path), package.name, package.version, owner))
    assert unconfirmed == []
    assert confirmed >= 3


def owning_version(path: Path) -> str:
    """The upstream version of the Debian package that owns a file, or empty."""
    for name in (str(path), str(path).removeprefix("/usr")):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if done.returncode == 0:
            package = done.stdout.partition(": ")[0].split(",")[0]
            version = run("dpkg-query", "-W", "-f=${Version}", package)
            return version.rpartition(":")[2].partition("-")[0] if "-" in version else version.rpartition(":")[2]
    return ""
