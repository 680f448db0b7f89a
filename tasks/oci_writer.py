r"""Writes OCI image layouts (OCI image-spec, image-layout.md): the demo's fleet and the tests' registries come from here.

    base = build_layer({"etc/os-release": "ID=debian\n"})
    with OciWriter(folder) as writer:
        writer.add_image([base, build_layer({"app": "1"})], tag="app-1")
        arm = writer.add_image([base], platform="linux/arm64")
        writer.add_index([writer.add_image([base]), arm], tag="app-2")

Blobs are stored once however many images share them. `index.json` is written when the writer is closed, so readers never see
a layout that names what is not there; opening an existing layout adds to it, and a tag that is given again moves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tasks.digests import sha256_digest
from tasks.layer_builder import (
    BuiltLayer,
    Compression,
    Directory,
    Fifo,
    File,
    HardLink,
    Member,
    Opaque,
    Symlink,
    Whiteout,
    build_layer,
    build_tar,
    layer_from_tar,
)

__all__ = [
    "BuiltLayer",
    "Compression",
    "Directory",
    "Fifo",
    "File",
    "HardLink",
    "Member",
    "OciWriter",
    "Opaque",
    "StoredBlob",
    "Symlink",
    "Whiteout",
    "build_layer",
    "build_tar",
    "layer_from_tar",
    "sha256_digest",
]

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"

Json = dict[str, Any]
"""A JSON object on its way into a blob."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob of the layout, as a descriptor names it."""

    digest: str
    size: int
    media_type: str
    platform: str = ""

    def descriptor(self, annotations: Mapping[str, str] | None = None) -> Json:
        """The OCI descriptor of the blob."""
        document: Json = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.platform:
            document["platform"] = platform_object(self.platform)
        if annotations:
            document["annotations"] = dict(annotations)
        return document


def platform_object(platform: str) -> dict[str, str]:
    """`os/architecture[/variant]` as the object that descriptors and configurations hold."""
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


class OciWriter:
    """Writes, or adds to, the OCI layout in a directory.

    Args:
        directory: of the layout; made where it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._blobs = directory / "blobs" / "sha256"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._entries: dict[str, Json] = {}
        index = directory / "index.json"
        if index.exists():
            for entry in orjson.loads(index.read_bytes())["manifests"]:
                self._entries[entry.get("annotations", {}).get(REF_NAME, entry["digest"])] = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """Write `oci-layout` and `index.json`; blobs are there already."""
        _write(self.directory / "oci-layout", orjson.dumps({"imageLayoutVersion": "1.0.0"}))
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": list(self._entries.values())}
        _write(self.directory / "index.json", orjson.dumps(index))

    def add_blob(self, data: bytes, media_type: str = "application/octet-stream", *, platform: str = "") -> StoredBlob:
        """Store some bytes under their digest; what is there already is not written again."""
        blob = StoredBlob(sha256_digest(data), len(data), media_type, platform)
        path = self._blobs / blob.digest.removeprefix("sha256:")
        if not path.exists():
            _write(path, data)
        return blob

    def add_image(
        self,
        layers: Sequence[BuiltLayer],
        *,
        tag: str | None = None,
        platform: str = "linux/amd64",
        config: Mapping[str, Any] | None = None,
        history: Sequence[str] = (),
        created: str = "2024-01-01T00:00:00Z",
    ) -> StoredBlob:
        """Add an image; returns its manifest.

        Args:
            layers: bottom first; the same may come twice.
            tag: name in the layout; None leaves it out of `index.json`, for an index of its own.
            platform: `os/architecture[/variant]`.
            config: the configuration's `config` object (`User`, `Env`, `Labels`, …).
            history: the instruction behind each layer, bottom first.
            created: RFC 3339 time in the configuration.
        """
        steps = [{"created": created, "created_by": step} for step in history]
        configuration = {
            "created": created,
            **platform_object(platform),
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            **({"history": steps} if steps else {}),
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.add_blob(orjson.dumps(configuration), CONFIG_TYPE).descriptor(),
            "layers": [self.add_blob(layer.data, layer.media_type).descriptor() for layer in layers],
        }
        return self.add_manifest(manifest, tag=tag, platform=platform)

    def add_index(self, manifests: Sequence[StoredBlob], *, tag: str | None = None) -> StoredBlob:
        """Add an index over manifests (or indexes) that were added before."""
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [manifest.descriptor() for manifest in manifests],
        }
        return self.add_manifest(document, media_type=INDEX_TYPE, tag=tag)

    def add_manifest(
        self, document: Json | bytes, *, media_type: str = MANIFEST_TYPE, tag: str | None = None, platform: str = ""
    ) -> StoredBlob:
        """Add any document as a manifest, however odd: what tests of bad input are made of."""
        data = document if isinstance(document, bytes) else orjson.dumps(document)
        blob = self.add_blob(data, media_type, platform=platform)
        if tag is not None:
            self.tag(blob, tag)
        return blob

    def tag(self, blob: StoredBlob, tag: str) -> None:
        """Point a tag at a manifest or index; where it pointed elsewhere, it moves."""
        self._entries[tag] = blob.descriptor({REF_NAME: tag})

    def untag(self, tag: str) -> None:
        """Take a tag out of the layout; its blobs stay."""
        self._entries.pop(tag, None)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
