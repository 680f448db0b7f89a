"""Trees of real packages, as the instructions of an image's build file leave them: fetched by each ecosystem's own client.

Debian packages are resolved as on an empty system, so that a tree holds what `apt-get install` adds to the base image and
nothing that this machine happens to have; nothing is installed here and no package's scripts run. The clients are asked once,
for the corpus, which is kept.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BASE = ("?essential", "apt", "adduser", "tzdata", "ca-certificates")
"""What a base image of Debian has."""
INSTALLED = {
    "debian": ("build-essential", "git", "curl", "python3", "openssh-client", "imagemagick", "default-libmysqlclient-dev"),
    "java": (
        "openjdk-17-jre-headless", "tomcat10", "groovy", "scala", "kotlin", "clojure", "maven", "zookeeper", "libderby-java",
        "libspring-web-java", "libnetty-java", "libjetty9-java", "libbatik-java", "liblucene4.10-java", "puppetserver",
    ),
    "go": (
        "docker.io", "containerd", "hugo", "rclone", "prometheus", "prometheus-alertmanager", "restic", "podman", "skopeo",
        "buildah", "gh", "caddy", "kubernetes-client", "etcd-server", "syncthing", "golang-1.19-go",
    ),
    "ruby": ("rails", "jekyll", "puma", "ruby-sinatra", "ruby-gitlab", "asciidoctor", "vagrant"),
    "nginx": ("nginx-full", "libnginx-mod-http-perl", "libnginx-mod-http-image-filter", "certbot"),
    "postgres": ("postgresql-15", "postgresql-15-postgis-3", "postgresql-plpython3-15", "postgresql-contrib"),
}  # fmt: skip
"""Debian packages of each kind of layer."""
DISTRIBUTIONS = (
    "numpy", "scipy", "pandas", "scikit-learn", "matplotlib", "pyarrow", "pillow", "django", "djangorestframework", "flask",
    "fastapi", "sqlalchemy", "celery", "boto3", "requests", "cryptography", "jupyterlab", "grpcio", "transformers", "sympy",
)  # fmt: skip
"""Python distributions of the layers `python`."""
MODULES = (
    "express", "react", "react-dom", "next", "typescript", "webpack", "webpack-cli", "eslint", "jest", "vite", "prettier",
    "@babel/core", "@babel/preset-env", "@nestjs/core", "@angular/cli", "@aws-sdk/client-s3", "lodash", "axios", "antd",
    "aws-sdk", "puppeteer-core", "firebase", "three", "rxjs", "date-fns", "@mui/material", "graphql", "mongoose", "prisma",
)  # fmt: skip
"""npm packages of the layers `node`."""

_SECONDS = 1_800


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder with the files that a layer's instruction adds, below where they lie in the image.

    Args:
        kind: of layer.
        root: the folder.
        first: of its files, relative, those that an image builder writes again in each such layer.
    """

    kind: str
    root: Path
    first: tuple[str, ...] = ()


def package_trees(staging: Path) -> Iterator[Tree]:
    """Fetch and unpack the packages of each kind when it is asked for; one whose client is missing or fails is said and left out.

    Args:
        staging: an empty folder, large enough for some gigabytes; to be removed by the caller.
    """
    base = staging / "status-of-the-base"
    base.touch()
    makers: dict[str, Callable[[], Tree]] = {"base": lambda: _debian("base", BASE, staging, base)}
    makers |= {kind: lambda kind=kind: _debian(kind, INSTALLED[kind], staging, base) for kind in INSTALLED}  # type: ignore[misc]
    makers |= {"python": lambda: _python(staging), "node": lambda: _node(staging)}
    for kind, make in makers.items():
        try:
            tree = make()
        except (OSError, subprocess.CalledProcessError) as error:
            detail = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
            print(f"{kind}: left out, {' '.join(detail)}", flush=True)
            continue
        if kind == "base":
            shutil.copy(tree.root / "var/lib/dpkg/status", base)
        print(f"{kind}: fetched", flush=True)
        yield tree


def _debian(kind: str, names: Sequence[str], staging: Path, installed: Path) -> Tree:
    """The files of packages and all they depend on, without those that are installed, and dpkg's own records of both."""
    archives, root = staging / f"{kind}-archives", staging / kind
    (archives / "partial").mkdir(parents=True)
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    settings = {
        "Dir::State::status": installed,
        "Dir::Cache::archives": archives,
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "",
    }
    options = [f"-o{key}={value}" for key, value in settings.items()]
    _run("apt-get", *options, "install", "--download-only", "--no-install-recommends", "--yes", *names)
    stanzas = [installed.read_text()]
    for package in sorted(archives.glob("*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(root))
        name = _run("dpkg-deb", "--field", str(package), "Package").strip()
        listing = [line.split(maxsplit=5)[5] for line in _run("dpkg-deb", "--contents", str(package)).splitlines()]
        listed = "\n".join(path.partition(" -> ")[0].removeprefix(".").rstrip("/") or "/." for path in listing)
        (root / f"var/lib/dpkg/info/{name}.list").write_text(f"{listed}\n")
        first, _, rest = _run("dpkg-deb", "--field", str(package)).partition("\n")
        stanzas.append(f"{first}\nStatus: install ok installed\n{rest}\n")
    (root / "var/lib/dpkg/status").write_text("".join(stanzas))
    shutil.rmtree(archives)
    return Tree(kind, root, ("var/lib/dpkg/status",))


def _python(staging: Path) -> Tree:
    root = staging / "python"
    target = root / "usr/local/lib/python3/site-packages"
    _run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--only-binary=:all:",
        "--target",
        str(target),
        *DISTRIBUTIONS,
    )
    return Tree("python", root)


def _node(staging: Path) -> Tree:
    root = staging / "node"
    (root / "app").mkdir(parents=True)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-bin-links", "--legacy-peer-deps", "--loglevel=error")
    _run("npm", "install", *quiet, "--prefix", str(root / "app"), *MODULES)
    return Tree("node", root)


def _run(*command: str) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=_SECONDS
    )
    return done.stdout
