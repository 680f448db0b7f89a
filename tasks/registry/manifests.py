"""Manifests and indexes, OCI and Docker (OCI image-spec 1.1, manifest.md and image-index.md; Docker image manifest v2.2).

A document is read for what it is: its own `mediaType` first, then the server's content type, then its shape. One that is two
things at once is refused, so that nobody can show us another image than others see (CVE-2021-41190). What is no container
image — an artifact, an attestation, a signature, schema 1 — raises NotAnImage with what it is instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.errors import MalformedManifest, NotAnImage
from catalog.images import ImagePlatform, LayerDescriptor
from tasks.digests import is_digest
from tasks.registry.names import shown

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX)
"""The types we ask for."""

_CONFIG_TYPES = frozenset({
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",  # early Docker clients pushed configurations as this
    "",
})  # fmt: skip
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"
_LAYER_TYPE = re.compile(r"application/vnd\.(oci\.image\.layer\.|docker\.image\.rootfs\.(foreign\.)?diff\.tar)")
_LARGEST_SIZE = 1 << 62
_MOST_URLS = 16
_MOST_LAYERS = 512  # no engine mounts as many; a manifest of 4 MiB could name 40,000
_FIELDS = frozenset({
    "schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "urls", "platform", "annotations",
    "os", "architecture", "variant",
})  # fmt: skip
_READ_AS = {name.casefold(): name for name in _FIELDS}


@dataclass(frozen=True, slots=True)
class RawManifest:
    """A document as it was stored or served.

    Args:
        digest: of its bytes, verified.
        data: the bytes.
        content_type: as the server says; empty where nobody says.
    """

    digest: str
    data: bytes
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A manifest that an index names.

    Args:
        digest: of it.
        size: bytes.
        media_type: of it; empty where the index does not say.
        platform: empty fields where the index does not say.
        attestation: it is for the platform "unknown", as nothing that an engine runs, and says something of another manifest.
        name: the `org.opencontainers.image.ref.name` annotation, in layouts.
    """

    digest: str
    size: int
    media_type: str
    platform: ImagePlatform
    attestation: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """An image's manifest.

    Args:
        media_type: of it.
        config: descriptor of the configuration.
        layers: bottom first.
    """

    media_type: str
    config: LayerDescriptor
    layers: tuple[LayerDescriptor, ...]


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """An index: the same image for several platforms, mostly."""

    entries: tuple[IndexEntry, ...]


def parse_manifest(raw: RawManifest) -> ManifestDocument | IndexDocument:
    """Read a manifest or an index.

    Raises:
        NotAnImage: it is something else, well-formed or of an age we do not read.
        MalformedManifest: it cannot be understood.
    """
    document = parse_object(raw.data, raw.digest)
    _refuse_look_alikes(document, raw.digest)
    _refuse_schema_1(document, raw)
    is_index, is_manifest = "manifests" in document, "layers" in document or "config" in document
    if is_index and is_manifest:
        raise MalformedManifest("is a manifest and an index at once", where=raw.digest)
    named = document.get("mediaType") or raw.content_type
    if not isinstance(named, str):
        raise MalformedManifest("has a media type that is no text", where=raw.digest)
    if (named in {OCI_INDEX, DOCKER_INDEX} and is_manifest) or (named in {OCI_MANIFEST, DOCKER_MANIFEST} and is_index):
        raise MalformedManifest(f"says it is {shown(named)} and is not", where=raw.digest)
    if is_index:
        return IndexDocument(parse_entries(document, raw.digest))
    if not is_manifest:
        raise NotAnImage(f"is no image manifest{f' but {shown(named)}' if named else ''}", where=raw.digest)
    return _parse_image(document, named or OCI_MANIFEST, raw.digest)


def parse_object(data: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        MalformedManifest: it is none.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedManifest("is no JSON", where=where) from error
    if not isinstance(document, dict):
        raise MalformedManifest("is no JSON object", where=where)
    return document


def parse_entries(document: dict[str, Any], where: str) -> tuple[IndexEntry, ...]:
    """The manifests that an index names.

    Raises:
        MalformedManifest: they are not as the specification says.
    """
    entries = document.get("manifests")
    if not isinstance(entries, list):
        raise MalformedManifest("its manifests are no list", where=where)
    return tuple(_parse_entry(entry, where) for entry in entries)


def parse_platform(value: object) -> ImagePlatform:
    """A platform object, or an image configuration, which has the same fields; what is no text counts as not said."""
    if not isinstance(value, dict):
        return ImagePlatform()
    fields = (value.get(name) for name in ("os", "architecture", "variant"))
    return ImagePlatform(*(shown(field)[:64] if isinstance(field, str) else "" for field in fields))


def _refuse_look_alikes(fields: dict[str, Any], where: str) -> None:
    # Container engines are written in Go, whose JSON reader takes "Layers" for "layers", and whichever comes last.
    for name in fields:
        meant = _READ_AS.get(name.casefold(), name)
        if meant != name:
            raise MalformedManifest(f"has a field {shown(name)!r}, which others read as {meant!r}", where=where)


def _refuse_schema_1(document: dict[str, Any], raw: RawManifest) -> None:
    if document.get("schemaVersion") == 1 or raw.content_type.startswith(_SCHEMA_1):
        raise NotAnImage("is a schema 1 manifest, withdrawn since 2019", where=raw.digest, advice="push the image anew")


def _parse_image(document: dict[str, Any], media_type: str, where: str) -> ManifestDocument:
    config = _descriptor(document.get("config"), where)
    artifact = document.get("artifactType")
    if config.media_type not in _CONFIG_TYPES:
        raise NotAnImage(f"is an artifact: {shown(str(artifact or config.media_type))}", where=where)
    found = document.get("layers")
    if not isinstance(found, list):
        raise MalformedManifest("its layers are no list", where=where)
    if len(found) > _MOST_LAYERS:
        raise MalformedManifest(f"has more than {_MOST_LAYERS} layers", where=where)
    layers = tuple(_descriptor(layer, where) for layer in found)
    if layers and not any(_LAYER_TYPE.match(layer.media_type) for layer in layers):
        raise NotAnImage(f"holds {shown(layers[0].media_type) or 'something'} instead of layers", where=where)
    return ManifestDocument(shown(media_type), config, layers)


def _descriptor(value: object, where: str) -> LayerDescriptor:
    if not isinstance(value, dict):
        raise MalformedManifest("has a descriptor that is no object", where=where)
    _refuse_look_alikes(value, where)
    digest, size, media_type = value.get("digest"), value.get("size"), value.get("mediaType", "")
    if not isinstance(digest, str) or not is_digest(digest):
        raise MalformedManifest(f"names something by {shown(str(digest))!r}, which is no sha256 digest", where=where)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST_SIZE:
        raise MalformedManifest(f"gives {digest} no size", where=where)
    if not isinstance(media_type, str):
        raise MalformedManifest(f"gives {digest} a media type that is no text", where=where)
    urls = value.get("urls")
    places = tuple(shown(url) for url in urls[:_MOST_URLS] if isinstance(url, str)) if isinstance(urls, list) else ()
    return LayerDescriptor(digest, size, shown(media_type), places)


def _parse_entry(value: object, where: str) -> IndexEntry:
    descriptor = _descriptor(value, where)
    fields = value if isinstance(value, dict) else {}
    annotations = fields.get("annotations")
    annotations = annotations if isinstance(annotations, dict) else {}
    if isinstance(fields.get("platform"), dict):
        _refuse_look_alikes(fields["platform"], where)
    platform = parse_platform(fields.get("platform"))
    unknown = platform.os == "unknown" and platform.architecture == "unknown"
    name = annotations.get("org.opencontainers.image.ref.name")
    return IndexEntry(
        descriptor.digest,
        descriptor.size,
        descriptor.media_type,
        platform,
        unknown,
        name if isinstance(name, str) else "",
    )
