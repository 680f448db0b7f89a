"""What the analysers find in real trees, made on the spot, against what each ecosystem's own tool says of the same tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.analyzers.python import normalised_name
from tests.servers.missing import missing
from tests.tasks.analyzers.comparing import Named, Table, found_below, reasons

pytestmark = pytest.mark.slow

DEBIANS_PYTHON = (
    "six",
    "gpg",
    "selinux",
    "yaml",
    "debian",
    "simplejson",
    "docutils",
    "lxml",
    "cryptography",
    "decorator",
)
PIP_PACKAGES = Path(__file__).with_name("pip_packages.txt").read_text().split()


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    made = Table(request.config.cache.mkdir("oracles") / "table.md")
    yield made
    if made.lines:
        request.config.get_terminal_writer().write(f"\n{made.file.read_text()}")


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What a command prints; without the command the test is one for a machine that has it."""
    if shutil.which(str(command[0])) is None:
        missing(str(command[0]), f"install Debian's package of {command[0]}")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def unpack_debian(folder: Path, *packages: str) -> None:
    """Debian's packages, unpacked below `tree`."""
    run("apt-get", "download", "-qq", *packages, cwd=folder)
    for file in folder.glob("*.deb"):
        run("dpkg-deb", "-x", file, folder / "tree")


def test_every_exception_is_explained() -> None:
    assert all(len(reason.why) > 40 and reason.side in ("missed", "extra") for reason in reasons())


def test_python_as_pip_lists_it(tmp_path: Path, table: Table) -> None:
    target = tmp_path / "site-packages"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "-q", "--no-deps", "--no-compile", "--no-warn-conflicts", "--target", target, *PIP_PACKAGES)
    told = json.loads(run(*pip, "list", "--path", target, "--format", "json"))
    assert len(told) >= 100
    found = found_below(tmp_path, "python")
    table.compare("python", "pip list", found, [(normalised_name(one["name"]), one["version"]) for one in told])


def test_debians_python_as_pip_lists_it(tmp_path: Path, table: Table) -> None:
    """Debian's packages have egg-info in both of its forms."""
    unpack_debian(tmp_path, *(f"python3-{name}" for name in DEBIANS_PYTHON))
    folder = tmp_path / "tree/usr/lib/python3/dist-packages"
    told = json.loads(run(sys.executable, "-m", "pip", "list", "--path", folder, "--format", "json"))
    assert len(told) >= len(DEBIANS_PYTHON)
    found = found_below(tmp_path, "python")
    assert {one.path.count(".egg-info/") for one in found if ".egg-info" in one.path} == {0, 1}
    names = [(normalised_name(one["name"]), one["version"]) for one in told]
    table.compare("python", "pip list, Debian's packages", found, names)


def test_npm_as_npm_lists_it(tmp_path: Path, table: Table) -> None:
    app = tmp_path / "app"
    lib = app / "packages" / "lib"
    lib.mkdir(parents=True)
    app.joinpath("package.json").write_text('{"name": "app", "version": "1.0.0", "workspaces": ["packages/*"]}')
    lib.joinpath("package.json").write_text('{"name": "@app/lib", "version": "2.0.0"}')
    packages = ("express@4", "eslint@8", "jest@29", "webpack@5", "lodash@3", "npm@9")
    run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *packages, cwd=app)
    listed = json.loads(run("npm", "ls", "--all", "--long", "--json", cwd=app))
    told = set(npm_packages(listed))
    assert len(told) > 400
    table.compare("npm", "npm ls", found_below(tmp_path, "npm"), told)


def npm_packages(node: dict) -> Iterator[Named]:
    if "version" in node:
        yield node["name"], node["version"]
    for below in node.get("dependencies", {}).values():
        if not below.get("missing"):
            yield from npm_packages(below)


def test_gems_as_rubygems_lists_them(tmp_path: Path, table: Table) -> None:
    """All of the machine's gems, and some installed on the spot: with a platform, with a version of odd form, twice."""
    home = tmp_path / "gems"
    for version, platform in (("1.0", "ruby"), ("2.0.0.pre1", "ruby"), ("1.1", "x86_64-linux"), ("3", "java")):
        source = tmp_path / f"odd-name_x-{version}-{platform}"
        source.mkdir()
        source.joinpath("x.gemspec").write_text(GEM.format(version=version, platform=platform))
        run("gem", "build", "x.gemspec", cwd=source)
        file = next(source.glob("*.gem"))
        run("gem", "install", "--local", "--force", "--install-dir", home, file)
    folders = [Path(folder) for folder in run("gem", "environment", "gempath").strip().split(":")]
    listed = run("gem", "list", "--local", "--all", GEM_PATH=":".join(map(str, [home, *folders])))
    told = {named for line in listed.splitlines() for named in gem_versions(line)}
    assert ("odd-name_x", "2.0.0.pre1") in told
    default = Path(run("gem", "environment", "gemdir").strip())
    every = {*folders, default, home, Path(run("ruby", "-e", "print Gem.default_dir"))}
    found = [one for folder in every for one in found_below(Path("/"), "ruby", [str(folder).lstrip("/")])]
    assert {one.package.qualifiers for one in found if one.package.name == "odd-name_x"} == {
        (), (("platform", "x86_64-linux"),), (("platform", "java"),),
    }  # fmt: skip
    table.compare("ruby", "gem list", found, told)


GEM = """
Gem::Specification.new do |s|
  s.name = 'odd-name_x'; s.version = '{version}'; s.platform = '{platform}'; s.licenses = ['MIT', 'Ruby "x"']
  s.summary = 's'; s.authors = ['a']; s.homepage = 'http://localhost'; s.files = []
end
"""


def gem_versions(line: str) -> Iterator[Named]:
    """`name (2.0 ruby java, default: 1.0)`: versions, each with its platforms behind it."""
    if match := re.fullmatch(r"(\S+) \((.*)\)", line):
        for version in match[2].split(", "):
            yield match[1], version.removeprefix("default: ").split()[0]


def test_php_as_composer_lists_it(tmp_path: Path, table: Table) -> None:
    for number in range(20):
        folder = tmp_path / "sources" / f"p{number}"
        folder.mkdir(parents=True)
        package = {"name": f"acme/lib{number}", "version": f"v1.{number}.0", "license": ["MIT"]}
        folder.joinpath("composer.json").write_text(json.dumps(package))
    app = tmp_path / "app"
    app.mkdir()
    project = {
        "name": "acme/app",
        "repositories": [{"type": "path", "url": "../sources/*", "options": {"symlink": False}}, {"packagist": False}],
        "require": {f"acme/lib{number}": "*" for number in range(15)},
        "require-dev": {f"acme/lib{number}": "*" for number in range(15, 20)},
    }
    app.joinpath("composer.json").write_text(json.dumps(project))
    run("composer", "install", "--no-interaction", "--quiet", cwd=app, COMPOSER_ALLOW_SUPERUSER="1")
    shown = run("composer", "show", "--format=json", cwd=app, COMPOSER_ALLOW_SUPERUSER="1")
    told = [(one["name"].lower(), one["version"]) for one in json.loads(shown)["installed"]]
    assert len(told) == 20
    table.compare("php", "composer show", found_below(app, "php"), told)


def test_r_as_r_lists_it(table: Table) -> None:
    script = 'p <- installed.packages(); cat(paste(p[,"Package"], p[,"Version"]), sep="\n")'
    told = [tuple(line.split()) for line in run("Rscript", "--vanilla", "-e", script).splitlines()]
    folders = run("Rscript", "--vanilla", "-e", 'cat(.libPaths(), sep="\n")').split()
    found = found_below(Path("/"), "r", [folder.lstrip("/") for folder in folders])
    table.compare("r", "installed.packages()", found, told)


def test_rocks_as_luarocks_lists_them(tmp_path: Path, table: Table) -> None:
    header = tmp_path / "include" / "lua.h"
    header.parent.mkdir()
    told: list[Named] = []
    for lua in ("5.1", "5.3"):
        header.write_text(f"#define LUA_VERSION_NUM {lua.replace('.', '0')}\n")
        for number in range(6):
            name = f"rock{number}-x"
            tmp_path.joinpath(f"{name}-{number}.0-1.rockspec").write_text(ROCK.format(name=name, number=number))
            options = ("--deps-mode", "none", "--tree", "tree", f"LUA_INCDIR={header.parent}")
            run("luarocks", "--lua-version", lua, "make", *options, f"{name}-{number}.0-1.rockspec", cwd=tmp_path)
        listed = run("luarocks", "--lua-version", lua, "list", "--tree", "tree", "--porcelain", cwd=tmp_path)
        told += [(line.split("\t")[0], line.split("\t")[1]) for line in listed.splitlines()]
    assert len(told) == 12
    table.compare("lua", "luarocks list", found_below(tmp_path, "lua"), told)


ROCK = """
package = "{name}" -- not 'this'
version = '{number}.0-1'
source = {{ url = "file:///dev/null" }}
description = {{ summary = [==[ package = "no" ]==], license = "MIT/X11" }}
build = {{ type = "none" }}
"""


def test_erlang_as_erlang_reads_it(table: Table) -> None:
    """Every application resource of Erlang/OTP and Elixir on this machine, read by Erlang's own `file:consult`."""
    script = """
        Files = [F || P <- ["/usr/lib/erlang/lib/*/ebin/*.app", "/usr/lib/elixir/lib/*/ebin/*.app"], F <- filelib:wildcard(P)],
        [begin {ok, [{application, N, P}]} = file:consult(F), io:format("~s ~s~n", [N, proplists:get_value(vsn, P)]) end
         || F <- Files], halt().
    """
    told = [tuple(line.split()) for line in run("erl", "-noshell", "-eval", script).splitlines()]
    assert len(told) > 10
    folders = [folder for folder in ("usr/lib/erlang/lib", "usr/lib/elixir/lib") if Path("/", folder).is_dir()]
    table.compare("erlang", "file:consult", found_below(Path("/"), "erlang", folders), told)


def test_plugins_as_wordpress_reads_them(tmp_path: Path, table: Table) -> None:
    """Debian's WordPress and plugins, asked by WordPress' own function."""
    unpack_debian(tmp_path, "wordpress", "wordpress-shibboleth", "wordpress-xrds-simple")
    site = tmp_path / "tree" / "usr" / "share" / "wordpress"
    script = tmp_path / "list.php"
    script.write_text(WORDPRESS)
    told = [tuple(line.split("\t")) for line in run("php", script, site).splitlines()]
    table.compare("wordpress", "get_file_data", found_below(tmp_path / "tree", "wordpress"), told)


WORDPRESS = r"""<?php
define('ABSPATH', $argv[1] . '/'); define('WPINC', 'wp-includes'); define('KB_IN_BYTES', 1024); define('WP_DEBUG', false);
require ABSPATH . 'wp-includes/plugin.php';
require ABSPATH . 'wp-includes/functions.php';
foreach (glob(ABSPATH . 'wp-content/plugins/{*.php,*/*.php}', GLOB_BRACE) as $file) {
    $data = get_file_data($file, ['name' => 'Plugin Name', 'version' => 'Version']);
    $folder = basename(dirname($file));
    if ($data['name']) echo $folder === 'plugins' ? basename($file, '.php') : $folder, "\t", $data['version'], "\n";
}
"""
