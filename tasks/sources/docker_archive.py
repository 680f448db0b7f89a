"""Images of what `docker save`, `podman save` and `skopeo copy … docker-archive:` write, compressed as a whole or not.

`manifest.json` names, for each image, its configuration and its layers as members of the archive (moby, image/spec v1.2). Three
layouts are in use: `<id>/layer.tar` with every layer a file, the same with repeated layers as symbolic links to the first, and
an OCI layout's `blobs/sha256/<digest>`. An image is named by the digest of its configuration; a layer by the digest of what is
stored, which is the configuration's diff id as long as the layer is stored uncompressed, and is computed where it is not. What the
members are called says nothing of them.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from catalog.errors import BlobError, LayerError, LimitExceeded, MalformedManifest, NotFound, SourceError
from catalog.images import FileBlob, ImageManifest, LayerDescriptor
from catalog.limits import Limits
from catalog.states import Outcome
from tasks.digests import sha256_digest
from tasks.layers.blob import BlobReader
from tasks.layers.compression import decoder_errors, open_tar_stream
from tasks.local_files import DECOMPRESSION_ERRORS, FileStream, compression_of, open_regular, unpacked
from tasks.registry.configurations import LARGEST_CONFIGURATION, parse_configuration
from tasks.registry.names import shown
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Scope, SourceKind
from tasks.sources.references import SourceReference, join_name
from tasks.sources.resolution import UNWANTED_PLATFORM
from tasks.sources.tar_index import ArchiveMember, index_archive

MEDIA_TYPE = "application/vnd.docker.save.v1+json"
"""Media type of an image that an archive's `manifest.json` describes: it has no manifest of its own."""
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"
"""Media type of its layers, stored uncompressed or not."""

_LARGEST_MANIFEST = 4 << 20
_MOST_IMAGES = 10_000
_MOST_LAYERS = 1_000
_MOST_LINKS = 8
_READ_AS = {name.casefold(): name for name in ("Config", "RepoTags", "Layers")}


@dataclass(frozen=True, slots=True)
class _Image:
    """An entry of `manifest.json`, with its configuration read."""

    digest: str
    configuration: bytes
    layers: tuple[str, ...]
    names: tuple[str, ...]


class ArchiveSource:
    """A docker archive, or one image of it (see `interface.Source`).

    Args:
        reference: the file, and perhaps an image's name.
    """

    def __init__(self, reference: SourceReference) -> None:
        self.text = reference.text
        self._wanted = reference.name
        self._repository = f"{SourceKind.DOCKER_ARCHIVE.value}:{reference.place}"
        self._archive = _Archive(os.path.realpath(reference.place))
        self._lock = threading.Lock()
        self._images: tuple[_Image, ...] | None = None
        self._complete = False

    def list(self) -> Iterator[Listed]:
        """The images: by the file alone where it holds one, else by their names in it, or `@<number>`."""
        images = self._read()
        found = False
        for number, image in enumerate(images):
            names = ("",) if len(images) == 1 else (image.names or (f"@{number}",))
            for name in names:
                if self._wanted and self._wanted not in {name, *image.names}:
                    continue
                found = True
                named = self._wanted or name
                reference = join_name(self._repository, named)
                yield Listed(reference, "", self._repository, named, SourceKind.DOCKER_ARCHIVE, image.digest)
                if self._wanted:
                    return
        if self._wanted and not found:
            error = NotFound(f"the archive has no {self._wanted!r}", where=self._repository)
            yield Listed(self.text, "", self._repository, self._wanted, SourceKind.DOCKER_ARCHIVE, error=error)
        self._complete = not self._wanted

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
        """The one image a reference is."""
        image = next((image for image in self._read() if image.digest == listed.target), None)
        if image is None:
            raise listed.error or NotFound("the archive does not have it", where=listed.reference)
        configuration = parse_configuration(image.configuration, len(image.layers), image.digest)
        platform = configuration.platform
        if not platforms.includes(platform):
            detail = f"{platform} was not asked for"
            return (ResolvedImage(platform, Outcome.SKIPPED, UNWANTED_PLATFORM, detail, digest=image.digest),)
        if len(configuration.diff_ids) != len(image.layers):
            raise MalformedManifest(
                f"has {len(image.layers)} layers, and its configuration names {len(configuration.diff_ids)}",
                where=image.digest,
            )
        stored = [
            self._archive.layer(path, claim) for path, claim in zip(image.layers, configuration.diff_ids, strict=True)
        ]
        layers = tuple(LayerDescriptor(digest, blob.length, LAYER_TYPE) for digest, blob in stored)
        manifest = ImageManifest(image.digest, MEDIA_TYPE, image.digest, platform, layers, configuration.facts)
        locations = tuple(blob for _, blob in stored)
        return (ResolvedImage(platform, Outcome.PENDING, manifest=manifest, locations=locations, digest=image.digest),)

    def scopes(self) -> tuple[Scope, ...]:
        """The archive, where all of it was listed."""
        return (Scope("", self._repository),) if self._complete else ()

    def _read(self) -> tuple[_Image, ...]:
        with self._lock:
            if self._images is None:
                self._archive.open()
                self._images = tuple(self._archive.images())
            return self._images


class _Archive:
    """The file: its members by path, and what is read of them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._packed = False
        self._members: dict[str, ArchiveMember] = {}
        self._digests: dict[str, tuple[str, str]] = {}

    def open(self) -> None:
        with open_regular(self._path) as file:
            stream = unpacked(file)
            self._packed = stream is not file
            try:
                self._members = index_archive(stream, self._path, seekable=not self._packed)
            except DECOMPRESSION_ERRORS as error:
                raise MalformedManifest(f"cannot be read: {error}", where=self._path) from error
            finally:
                stream.close()

    def images(self) -> Iterator[_Image]:
        if "manifest.json" not in self._members:
            advice = "extract it and name it as oci:DIR" if "index.json" in self._members else "save the image anew"
            raise MalformedManifest("is no docker archive: it has no manifest.json", where=self._path, advice=advice)
        try:
            entries = orjson.loads(self._bytes(self._member("manifest.json"), _LARGEST_MANIFEST))
        except orjson.JSONDecodeError as error:
            raise MalformedManifest("its manifest.json is no JSON", where=self._path) from error
        if not isinstance(entries, list) or len(entries) > _MOST_IMAGES:
            raise MalformedManifest("its manifest.json is no list of images", where=self._path)
        for entry in entries:
            config, names, layers = self._entry(entry)
            data = self._bytes(self._member(config), LARGEST_CONFIGURATION)
            yield _Image(sha256_digest(data), data, layers, names)

    def layer(self, path: str, diff_id: str) -> tuple[str, FileBlob]:
        """A layer's digest and place.

        The configuration names the image, so its layers must be those that the configuration names: what is stored as it is
        goes by that name, which its reader checks; what is stored compressed is unpacked once to see.

        Args:
            path: of the member.
            diff_id: digest of the unpacked layer, as the configuration has it.

        Raises:
            MalformedManifest: it is another layer.
        """
        member = self._member(path)
        blob = FileBlob(self._path, member.offset, member.size, self._packed)
        if not compression_of(member.start):
            return diff_id, blob
        if member.path not in self._digests:
            self._digests[member.path] = self._hashes(blob)
        stored, unpacked_digest = self._digests[member.path]
        if unpacked_digest != diff_id:
            what = f"its member {shown(member.path)} is not the layer that the configuration names"
            raise MalformedManifest(what, where=self._path)
        return stored, blob

    def _entry(self, entry: object) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
        if any(_READ_AS.get(name.casefold(), name) != name for name in fields):
            # Docker reads "layers" as "Layers", and whichever comes last.
            raise MalformedManifest("its manifest.json has fields that others read as other ones", where=self._path)
        config, names, layers = fields.get("Config"), fields.get("RepoTags") or [], fields.get("Layers") or []
        if not isinstance(config, str) or not _are_texts(names) or not _are_texts(layers) or len(layers) > _MOST_LAYERS:
            raise MalformedManifest("its manifest.json describes no image", where=self._path)
        return config, tuple(name for name in names if name.isprintable() and " " not in name), tuple(layers)

    def _member(self, path: str) -> ArchiveMember:
        member = self._members.get(path.removeprefix("./"))
        for _ in range(_MOST_LINKS):
            if member is None or member.target is None:
                break
            member = self._members.get(member.target)
        if member is None or member.target is not None:
            raise MalformedManifest(f"the archive has no member {shown(path)}", where=self._path)
        return member

    def _bytes(self, member: ArchiveMember, limit: int) -> bytes:
        if member.size > limit:
            raise MalformedManifest(f"its {shown(member.path)} has more than {limit:,} bytes", where=self._path)
        data = b"".join(self._pieces(FileBlob(self._path, member.offset, member.size, self._packed)))
        if len(data) != member.size:
            raise SourceError("ends early", where=self._path)
        return data

    def _hashes(self, blob: FileBlob) -> tuple[str, str]:
        """Digests of a compressed layer as it is stored, and unpacked."""
        content = hashlib.sha256()
        for piece in self._pieces(blob):
            content.update(piece)
        stored = f"sha256:{content.hexdigest()}"
        content, limits, buffer = hashlib.sha256(), Limits(), memoryview(bytearray(1 << 18))
        count = 0
        try:
            with FileStream(blob.path, blob.offset, blob.length, packed=blob.packed) as stream, decoder_errors():
                layer = open_tar_stream(BlobReader(stream, stored, blob.length), limits)
                while got := layer.readinto(buffer):
                    content.update(buffer[:got])
                    count += got
                    if count > max(limits.ratio_from_bytes, limits.layer_ratio * blob.length):
                        raise LimitExceeded(f"more than {limits.layer_ratio} times its compressed size")
                layer.check_end()
        except (BlobError, LayerError) as error:
            raise MalformedManifest(f"a layer cannot be unpacked: {error.what}", where=self._path) from error
        return stored, f"sha256:{content.hexdigest()}"

    def _pieces(self, blob: FileBlob) -> Iterator[bytes]:
        try:
            with FileStream(blob.path, blob.offset, blob.length, packed=blob.packed) as stream:
                yield from iter(lambda: stream.read(1 << 20), b"")
        except BlobError as error:
            raise MalformedManifest(error.what, where=self._path) from error


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
