"""From a digest to images: reads the manifest behind it, walks indexes, reads configurations, and gives every manifest an outcome.

The same for every place that keeps manifests and blobs by digest; such a place is a `Library`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from catalog.errors import LongshoreError, MalformedManifest, NotAnImage, SourceError
from catalog.images import BlobLocation, ImageManifest, ImagePlatform, LayerDescriptor
from catalog.states import Outcome
from tasks.registry.configurations import parse_configuration
from tasks.registry.manifests import IndexDocument, IndexEntry, ManifestDocument, RawManifest, parse_manifest
from tasks.sources.interface import PlatformChoice, ResolvedImage

_DEEPEST_INDEX = 3
_MOST_MANIFESTS = 1000
UNWANTED_PLATFORM = "unwanted-platform"
"""The reason of an image that was skipped because nobody asked for its platform."""


class Library(Protocol):
    """A place that keeps manifests and blobs by digest. Everything it returns is verified."""

    def manifest(self, digest: str) -> RawManifest:
        """A manifest or index. Raises SourceError."""

    def configuration(self, descriptor: LayerDescriptor) -> bytes:
        """A configuration blob. Raises SourceError."""

    def location(self, layer: LayerDescriptor) -> BlobLocation:
        """Where a layer's bytes lie, whether they are there or not. Raises SourceError where it leads out of the place."""


@dataclass(slots=True)
class _Walk:
    library: Library
    platforms: PlatformChoice
    seen: set[tuple[str, ImagePlatform]] = field(default_factory=set)

    def index(self, document: IndexDocument, where: str, depth: int) -> Iterator[ResolvedImage]:
        if depth > _DEEPEST_INDEX:
            raise MalformedManifest(f"nests indexes deeper than {_DEEPEST_INDEX}", where=where)
        for entry in document.entries:
            # Named for two platforms it is there twice: engines choose by the entry's platform, and one may be a pretence.
            if (entry.digest, entry.platform) in self.seen:
                continue
            self.seen.add((entry.digest, entry.platform))
            if len(self.seen) > _MOST_MANIFESTS:
                raise MalformedManifest(f"leads to more than {_MOST_MANIFESTS:,} manifests", where=where)
            yield from self.entry(entry, depth)

    def entry(self, entry: IndexEntry, depth: int) -> Iterator[ResolvedImage]:
        known = bool(entry.platform.os or entry.platform.architecture)
        if entry.attestation:
            yield _skipped(entry, NotAnImage.reason, "is an attestation")
        elif known and not self.platforms.includes(entry.platform):
            yield _skipped(entry, UNWANTED_PLATFORM, f"{entry.platform} was not asked for")
        else:
            try:
                document = parse_manifest(self.library.manifest(entry.digest))
                if isinstance(document, IndexDocument):
                    yield from self.index(document, entry.digest, depth + 1)
                else:
                    yield self.image(document, entry.digest, entry.platform)
            except NotAnImage as error:
                yield _skipped(entry, error.reason, str(error))
            except SourceError as error:
                yield _failed(entry, error)

    def image(self, document: ManifestDocument, digest: str, named: ImagePlatform) -> ResolvedImage:
        data = self.library.configuration(document.config)
        configuration = parse_configuration(data, len(document.layers), document.config.digest)
        platform = _merge(configuration.platform, named)
        # Where an index chose it by its platform, so do engines, whatever the configuration says of itself.
        chosen = bool(named.os or named.architecture)
        if not chosen and not self.platforms.includes(platform):
            detail = f"{platform} was not asked for"
            return ResolvedImage(platform, Outcome.SKIPPED, UNWANTED_PLATFORM, detail, digest=digest)
        manifest = ImageManifest(
            digest,
            document.media_type,
            document.config.digest,
            platform,
            document.layers,
            configuration.facts,
        )
        locations = tuple(self.library.location(layer) for layer in document.layers)
        return ResolvedImage(platform, Outcome.PENDING, manifest=manifest, locations=locations, digest=digest)


def resolve_images(library: Library, digest: str, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
    """The images behind a digest: one, or one for each manifest of an index.

    Args:
        library: where everything is.
        digest: of a manifest or index.
        platforms: those that are wanted; the others are skipped by name.

    Raises:
        SourceError: the digest as a whole leads nowhere (NotAnImage, MalformedManifest, NotFound, …). A manifest
            of an index that leads nowhere is a failed image instead.
    """
    walk = _Walk(library, platforms)
    document = parse_manifest(library.manifest(digest))
    if isinstance(document, ManifestDocument):
        return (walk.image(document, digest, ImagePlatform()),)
    images = tuple(walk.index(document, digest, 1))
    if not images:
        raise NotAnImage("is an index of nothing", where=digest)
    return images


def _merge(configured: ImagePlatform, named: ImagePlatform) -> ImagePlatform:
    # The configuration is what the image is; an index often knows the variant better.
    if not configured.os and not configured.architecture:
        return named
    same = (configured.os, configured.architecture) == (named.os, named.architecture)
    return named if same and not configured.variant else configured


def _skipped(entry: IndexEntry, reason: str, detail: str) -> ResolvedImage:
    return ResolvedImage(entry.platform, Outcome.SKIPPED, reason, detail, digest=entry.digest)


def _failed(entry: IndexEntry, error: LongshoreError) -> ResolvedImage:
    return ResolvedImage(
        entry.platform, Outcome.FAILED, error.reason, str(error), retry=error.retry, digest=entry.digest
    )
