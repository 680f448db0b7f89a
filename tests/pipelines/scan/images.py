"""Small images for scans: layers with a few packages, and advisories that speak of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tasks.oci_writer import BuiltLayer, Member, OciWriter, build_layer

OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def dpkg(**versions: str) -> dict[str, Member]:
    """A dpkg status file."""
    stanzas = [
        f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
        for name, version in versions.items()
    ]
    return {"var/lib/dpkg/status": "\n".join(stanzas)}


def python(name: str, version: str) -> dict[str, Member]:
    """An installed Python package."""
    return {
        f"usr/lib/python3/{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    }


def base(**versions: str) -> BuiltLayer:
    """A Debian base layer."""
    return build_layer(
        {"etc/os-release": OS_RELEASE} | dpkg(**(versions or {"openssl": "3.0.9-1", "zlib1g": "1:1.2.13-1"}))
    )


def layer(members: Mapping[str, Member]) -> BuiltLayer:
    """Any layer."""
    return build_layer(members)


def layout(folder: Path, images: Mapping[str, tuple[BuiltLayer, ...]]) -> Path:
    """An OCI layout with images by tag; more are added to one that is there."""
    with OciWriter(folder) as writer:
        for tag, layers in images.items():
            writer.add_image(layers, tag=tag)
    return folder


def advisory(name: str, ecosystem: str, package: str, fixed: str) -> dict[str, object]:
    """An OSV record: all versions before `fixed` are affected."""
    events = [{"introduced": "0"}, {"fixed": fixed}]
    return {
        "schema_version": "1.7.0",
        "id": name,
        "modified": "2026-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {"package": {"ecosystem": ecosystem, "name": package}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        ],
    }


def advisories(folder: Path, *records: dict[str, object]) -> Path:
    """A directory of OSV records."""
    folder.mkdir(exist_ok=True)
    for record in records:
        (folder / f"{record['id']}.json").write_text(json.dumps(record))
    return folder
