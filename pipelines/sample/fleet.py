"""A small fleet to try Longshore on: made images in an OCI layout that share base and runtime layers as real fleets do.

The package lists are a few real packages of Debian 12, Alpine 3.18, the Python index and npm at versions that were once
current; nothing in the layers runs. Three applications in several versions each, one image without any package, one of a
distribution that nobody publishes advisories for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tasks.oci_writer import BuiltLayer, Member, OciWriter, StoredBlob, Whiteout, build_layer

DEBIAN = (
    # binary package, version, source package where it differs
    ("base-files", "12.4+deb12u1", ""),
    ("bash", "5.2.15-2+b2", "bash (5.2.15-2)"),
    ("ca-certificates", "20230311", ""),
    ("coreutils", "9.1-1", ""),
    ("dpkg", "1.21.22", ""),
    ("libc6", "2.36-9", "glibc"),
    ("libexpat1", "2.5.0-1", "expat"),
    ("libgnutls30", "3.7.9-2", "gnutls28"),
    ("libncursesw6", "6.4-4", "ncurses"),
    ("libssl3", "3.0.9-1", "openssl"),
    ("libsystemd0", "252.6-1", "systemd"),
    ("perl-base", "5.36.0-7", "perl"),
    ("tar", "1.34+dfsg-1.2", ""),
    ("zlib1g", "1:1.2.13.dfsg-1", "zlib"),
)
CURL = (("curl", "7.88.1-10", ""), ("libcurl4", "7.88.1-10", "curl"), ("openssl", "3.0.9-1", ""))
ALPINE = (
    # package, version, origin
    ("alpine-baselayout", "3.4.3-r1", "alpine-baselayout"),
    ("apk-tools", "2.14.0-r2", "apk-tools"),
    ("busybox", "1.36.1-r0", "busybox"),
    ("ca-certificates-bundle", "20230506-r0", "ca-certificates"),
    ("libcrypto3", "3.1.0-r4", "openssl"),
    ("libssl3", "3.1.0-r4", "openssl"),
    ("musl", "1.2.4-r0", "musl"),
    ("scanelf", "1.3.7-r1", "pax-utils"),
    ("ssl_client", "1.36.1-r0", "busybox"),
    ("zlib", "1.2.13-r1", "zlib"),
)
PYTHON_RUNTIME = (("pip", "23.1.2"), ("setuptools", "65.5.1"), ("wheel", "0.40.0"))
FLASK = (
    ("certifi", "2022.12.7"),
    ("click", "8.1.3"),
    ("Flask", "2.3.2"),
    ("idna", "3.4"),
    ("Jinja2", "3.1.2"),
    ("MarkupSafe", "2.1.3"),
    ("requests", "2.30.0"),
    ("urllib3", "1.26.15"),
    ("Werkzeug", "2.3.4"),
)
NODE_RUNTIME = (("npm", "9.6.7"), ("semver", "7.3.8"), ("minimist", "1.2.5"))
HARBOUR = 'ID=harbourlinux\nVERSION_ID="1"\nPRETTY_NAME="Harbour Linux 1"\n'
EXPRESS = (("express", "4.18.2"), ("lodash", "4.17.20"), ("qs", "6.11.0"), ("ws", "8.13.0"), ("axios", "1.4.0"))


def write_sample_fleet(directory: Path) -> tuple[str, ...]:
    """Write the fleet as an OCI image layout; writing it again gives the same bytes.

    Args:
        directory: made where it is missing.

    Returns:
        The tags, sorted.

    Raises:
        OSError: the directory cannot be written.
    """
    debian = build_layer(_debian(DEBIAN))
    tools = build_layer(_dpkg_status((*DEBIAN, *CURL)))
    python = build_layer(_python(PYTHON_RUNTIME))
    flask = build_layer(_python(FLASK))
    flask_fixed = build_layer(
        _python_upgrade("requests", "2.30.0", "2.31.0") | _python_upgrade("urllib3", "1.26.15", "1.26.18")
    )
    alpine = build_layer(_alpine(ALPINE), compression="zstd")
    node = build_layer(_node(NODE_RUNTIME, "usr/lib/node_modules"))
    express = build_layer(_node(EXPRESS, "srv/app/node_modules"))
    tags: dict[str, tuple[BuiltLayer, ...]] = {
        "debian-base": (debian,),
        "debian-tools": (debian, tools),
        "python-runtime": (debian, tools, python),
        "node-runtime": (alpine, node),
        "alpine-base": (alpine,),
        "scratch-empty": (build_layer({"app": b"\0" * 512}),),
        "unknown-linux": (build_layer({"etc/os-release": HARBOUR} | _dpkg_status(DEBIAN[:4])),),
    }
    for version in ("1.0", "1.1", "1.2"):
        tags[f"orders-{version}"] = (debian, tools, python, flask, _application("orders", version))
        tags[f"billing-{version}"] = (debian, tools, python, flask, _application("billing", version))
        tags[f"web-{version}"] = (alpine, node, express, _application("web", version))
    tags["orders-2.0"] = (debian, tools, python, flask, flask_fixed, _application("orders", "2.0"))
    with OciWriter(directory) as writer:
        for tag, layers in tags.items():
            _add(writer, tag, layers)
    return tuple(sorted(tags))


def _add(writer: OciWriter, tag: str, layers: tuple[BuiltLayer, ...]) -> StoredBlob:
    steps = [f"COPY layer-{number} /" for number in range(1, len(layers) + 1)]
    return writer.add_image(layers, tag=tag, config={"User": "1000", "Labels": {"sample": "longshore"}}, history=steps)


def _application(name: str, version: str) -> BuiltLayer:
    return build_layer(
        {f"srv/{name}/VERSION": f"{version}\n", f"srv/{name}/main": f"#!/bin/sh\necho {name} {version}\n"}
    )


def _debian(packages: Iterable[tuple[str, str, str]]) -> dict[str, Member]:
    release = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
    return {"etc/os-release": release, "etc/debian_version": "12.1\n"} | _dpkg_status(packages)


def _dpkg_status(packages: Iterable[tuple[str, str, str]]) -> dict[str, Member]:
    stanzas = []
    for name, version, source in packages:
        lines = [f"Package: {name}", "Status: install ok installed", "Architecture: amd64"]
        lines += [f"Source: {source}"] if source else []
        stanzas.append("\n".join([*lines, f"Version: {version}", "Maintainer: Debian", ""]))
    return {"var/lib/dpkg/status": "\n".join(stanzas) + "\n"}


def _alpine(packages: Iterable[tuple[str, str, str]]) -> dict[str, Member]:
    release = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.18.0\nPRETTY_NAME="Alpine Linux v3.18"\n'
    blocks = [f"P:{name}\nV:{version}\nA:x86_64\no:{origin}\nL:MIT\n" for name, version, origin in packages]
    return {"etc/os-release": release, "lib/apk/db/installed": "\n".join(blocks) + "\n"}


_SITE = "usr/local/lib/python3.11/site-packages"


def _python(packages: Iterable[tuple[str, str]]) -> dict[str, Member]:
    return {
        f"{_SITE}/{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n"
        for name, version in packages
    }


def _python_upgrade(name: str, old: str, new: str) -> dict[str, Member]:
    return {f"{_SITE}/{name}-{old}.dist-info": Whiteout(), **_python([(name, new)])}


def _node(packages: Iterable[tuple[str, str]], folder: str) -> dict[str, Member]:
    return {
        f"{folder}/{name}/package.json": json.dumps({"name": name, "version": version, "license": "MIT"})
        for name, version in packages
    }
