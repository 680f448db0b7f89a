"""An image as its manifest and configuration describe it: what the driver learns before a single layer is read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImagePlatform:
    """The platform an image is built for (OCI image-spec, `platform`)."""

    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class LayerDescriptor:
    """A layer as the manifest names it; the media type belongs to this edge, not to the layer.

    Args:
        digest: `sha256:<hex>` of the blob as served.
        size: bytes of the blob; -1 where the source does not say.
        media_type: as the manifest has it.
        urls: foreign URLs, never fetched.
    """

    digest: str
    size: int
    media_type: str = ""
    urls: tuple[str, ...] = ()

    @property
    def withheld(self) -> str:
        """Why its bytes cannot be read here, `foreign` or `encrypted`; empty where a registry serves them plainly."""
        if self.urls or "foreign" in self.media_type or "nondistributable" in self.media_type:
            return "foreign"
        return "encrypted" if self.media_type.endswith("+encrypted") else ""


@dataclass(frozen=True, slots=True)
class ConfigurationSecret:
    """A place in a configuration at which a rule of ours matched; what matched is nowhere kept.

    Args:
        place: `environment`, `label`, `history`, `command`, …
        name: of the variable or label, or the step; empty where the place says it all.
        rule: the rule's name.
    """

    place: str
    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class ImageConfiguration:
    """Facts of the image's configuration blob (OCI image-spec, `config`); the environment's names only, its values may be secrets."""

    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment_names: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    health_check: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    history: tuple[str, ...] = ()
    created: str = ""
    secrets: tuple[ConfigurationSecret, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """One platform's image.

    Args:
        digest: of the platform manifest; for a docker-archive the configuration's; for a rootfs or an SBOM the evidence's hash.
        media_type: the manifest's.
        config_digest: the configuration blob's, empty where there is none.
        platform: what it runs on.
        layers: bottom first; the same digest may come twice.
        configuration: facts of the configuration blob.
    """

    digest: str
    media_type: str
    config_digest: str
    platform: ImagePlatform
    layers: tuple[LayerDescriptor, ...]
    configuration: ImageConfiguration = field(default_factory=ImageConfiguration)


@dataclass(frozen=True, slots=True)
class RegistryBlob:
    """A layer's bytes in a registry. Credentials are found on the node that reads, never carried here.

    Args:
        registry: host with optional port.
        repository: name in the registry.
        digest: of the blob.
    """

    registry: str
    repository: str
    digest: str


@dataclass(frozen=True, slots=True)
class FileBlob:
    """A layer's bytes in a local file.

    Args:
        path: the file.
        offset: where the blob begins, in bytes.
        length: of the blob, in bytes.
        packed: the file as a whole is compressed (a `docker save | gzip`), and offset and length count what comes out. A
            compressed layer that is a file of its own is not packed: the blob is what is stored.
    """

    path: str
    offset: int
    length: int
    packed: bool = False


@dataclass(frozen=True, slots=True)
class RootfsTree:
    """The evidence of a directory tree, read as a canonical tar stream.

    Args:
        path: the directory.
        digest: hash of that stream when it was listed.
    """

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class SbomDocument:
    """The packages that a bill of materials lists, read as a canonical tar stream.

    Args:
        path: the document.
        digest: hash of that stream when it was listed.
    """

    path: str
    digest: str


BlobLocation = RegistryBlob | FileBlob | RootfsTree | SbomDocument
