"""Images of a registry: its catalogue, a repository, or one reference.

Names come page by page, and each tag's digest by one HEAD, several at a time but in order. A registry that stops answering ends
the listing with an error after a while, instead of costing every remaining tag its time-out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from catalog.errors import LongshoreError, NotFound, ProtocolViolation, Retry, SourceError
from catalog.images import BlobLocation, LayerDescriptor, RegistryBlob
from tasks.digests import is_digest
from tasks.registry.client import RegistryClient, registries
from tasks.registry.configurations import LARGEST_CONFIGURATION
from tasks.registry.manifests import RawManifest
from tasks.registry.names import is_repository, is_tag, shown
from tasks.sources.ahead import in_order
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Scope, SourceKind
from tasks.sources.references import SourceReference, join_name
from tasks.sources.resolution import resolve_images
from tasks.transport import RegistryAccess

PATIENCE = 32
"""References in a row that fail for a passing reason until the registry counts as gone."""


@dataclass(frozen=True, slots=True)
class RepositoryLibrary:
    """One repository as a place that keeps manifests and blobs (see `resolution.Library`)."""

    client: RegistryClient
    repository: str

    def manifest(self, digest: str) -> RawManifest:
        """A manifest or index."""
        return self.client.manifest(self.repository, digest)

    def configuration(self, descriptor: LayerDescriptor) -> bytes:
        """A configuration blob."""
        return self.client.small_blob(self.repository, descriptor.digest, descriptor.size, limit=LARGEST_CONFIGURATION)

    def location(self, layer: LayerDescriptor) -> BlobLocation:
        """In this repository."""
        return RegistryBlob(self.client.host, self.repository, layer.digest)


@dataclass(frozen=True, slots=True)
class _Named:
    """A tag that a listing named, or a repository whose tags could not be listed."""

    repository: str
    tag: str
    error: SourceError | None = None


class RegistrySource:
    """A registry, or a part of it (see `interface.Source`).

    Args:
        reference: which part.
        access: how registries are spoken to.

    Raises:
        SettingsError: the file of authorities cannot be read.
    """

    def __init__(self, reference: SourceReference, access: RegistryAccess) -> None:
        self.text = reference.text
        self._reference = reference
        self._access = access
        self._client = registries(access).client(reference.place)
        self._complete: list[str] = []
        self._broken = False
        self._finished = False

    def list(self) -> Iterator[Listed]:
        """The references, each with its digest or its error."""
        repository, name = self._reference.repository, self._reference.name
        if name:
            yield look_up(self._client, repository, name)
            return
        names = self._names(self._client.tags(repository), repository) if repository else self._catalogue()
        yield from self._patient(in_order(self._look_up, names, self._access.concurrency))
        self._finished = True

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
        """The images of a reference; any of this registry will do."""
        return resolve_listed(listed, platforms, self._access)

    def scopes(self) -> tuple[Scope, ...]:
        """The registry, or those of its repositories that were listed to their end."""
        if not self._finished:
            return ()
        if not self._reference.repository and not self._broken:
            return (Scope(self._reference.place, ""),)
        return tuple(Scope(self._reference.place, repository) for repository in self._complete)

    def _catalogue(self) -> Iterator[_Named]:
        for repository, tags in in_order(self._tags_of, self._client.repositories(), self._access.concurrency):
            if isinstance(tags, SourceError):
                self._broken = True
                yield _Named(repository, "", tags)
            else:
                yield from self._names(tags, repository)

    def _names(self, tags: Iterable[str], repository: str) -> Iterator[_Named]:
        for tag in tags:
            yield _Named(repository, tag)
        self._complete.append(repository)

    def _look_up(self, named: _Named) -> Listed:
        if named.error is not None:
            return _broken(self._client.host, named.repository, named.tag, named.error)
        return look_up(self._client, named.repository, named.tag)

    def _tags_of(self, repository: str) -> tuple[str, tuple[str, ...] | SourceError]:
        if not is_repository(repository):
            return repository, ProtocolViolation("the catalogue names what is no repository", where=self._client.host)
        try:
            return repository, tuple(self._client.tags(repository))
        except NotFound:
            return repository, ()  # what Docker's registry says of a repository whose last tag was deleted
        except SourceError as error:
            return repository, error

    def _patient(self, found: Iterator[Listed]) -> Iterator[Listed]:
        failures = 0
        for listed in found:
            passing = listed.error is not None and listed.error.retry is Retry.TRANSIENT
            failures = failures + 1 if passing else 0
            if failures >= PATIENCE and listed.error is not None:
                raise listed.error
            yield listed


def look_up(client: RegistryClient, repository: str, name: str) -> Listed:
    """One reference with the digest it points to now, or its error; a digest needs no asking."""
    if not is_digest(name) and not is_tag(name):
        return _broken(client.host, repository, name, ProtocolViolation("lists what is no tag", where=client.host))
    reference = join_name(f"{client.host}/{repository}", name)
    try:
        target = name if is_digest(name) else client.digest_of(repository, name)
    except SourceError as error:
        return Listed(reference, client.host, repository, name, SourceKind.REGISTRY, error=error)
    return Listed(reference, client.host, repository, name, SourceKind.REGISTRY, target=target)


def resolve_listed(listed: Listed, platforms: PlatformChoice, access: RegistryAccess) -> tuple[ResolvedImage, ...]:
    """The images of a registry's reference, whichever source listed it.

    Raises:
        SourceError: it leads nowhere.
    """
    client = registries(access).client(listed.registry)
    target = listed.target or client.digest_of(listed.repository, listed.name)
    return resolve_images(RepositoryLibrary(client, listed.repository), target, platforms)


def _broken(host: str, repository: str, name: str, error: LongshoreError) -> Listed:
    shown_repository, shown_name = shown(repository), shown(name)
    reference = join_name(f"{host}/{shown_repository}", shown_name)
    return Listed(reference, host, shown_repository, shown_name, SourceKind.REGISTRY, error=error)
