"""What Longshore asks of one registry: repositories, tags, manifests, blobs. Shared by threads; reads only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache

from catalog.errors import (
    BlobError,
    BlobTruncated,
    NotFound,
    ProtocolViolation,
    RegistryUnreachable,
    SourceError,
    Unauthorised,
)
from tasks.digests import is_digest, sha256_digest
from tasks.registry.auth import CATALOGUE_SCOPE, Authenticator, pull_scope
from tasks.registry.blobs import RegistryStream
from tasks.registry.credentials import DOCKER_HUB
from tasks.registry.listing import pages
from tasks.registry.manifests import MANIFEST_TYPES, RawManifest
from tasks.transport import Document, RegistryAccess, Reply, Transport

LARGEST_MANIFEST = 4 << 20
"""Bytes of a manifest or index at most, as most registries have it."""
LARGEST_PAGE = 16 << 20
"""Bytes of a page of names at most."""

_ACCEPT = ", ".join(MANIFEST_TYPES)


class RegistryClient:
    """Reads from one registry.

    Args:
        host: `name[:port]`; `docker.io` stands for the host that serves it.
        transport: connections, shared with other registries.
    """

    def __init__(self, host: str, transport: Transport) -> None:
        self.host = host
        self._served_by = DOCKER_HUB if host == "docker.io" else host
        self._transport = transport
        self._authenticator: Authenticator | None = None
        self._lock = threading.Lock()

    def repositories(self) -> Iterator[str]:
        """The catalogue, as the registry names it: not every text must be a valid name.

        Raises:
            Unauthorised, NotFound: the registry does not offer its catalogue to us.
            RegistryUnreachable, RegistryBusy, ProtocolViolation: as everywhere.
        """
        try:
            yield from pages(
                "/v2/_catalog", "repositories", lambda path: self._document("GET", path, CATALOGUE_SCOPE, LARGEST_PAGE)
            )
        except (NotFound, Unauthorised) as error:
            ways = [error.advice] if error.advice else []
            advice = ", or ".join([*ways, "name its repositories instead"])
            raise type(error)("does not offer its catalogue to us", where=self.host, advice=advice) from error

    def tags(self, repository: str) -> Iterator[str]:
        """The tags of a repository, as the registry names them.

        Raises:
            NotFound: there is no such repository (some registries say so of an emptied one, too).
            Unauthorised, RegistryUnreachable, RegistryBusy, ProtocolViolation: as everywhere.
        """
        scope = pull_scope(repository)
        yield from pages(
            f"/v2/{repository}/tags/list", "tags", lambda path: self._document("GET", path, scope, LARGEST_PAGE)
        )

    def digest_of(self, repository: str, tag: str) -> str:
        """The digest that a tag points to now, by HEAD; where the registry does not say it, by reading the manifest.

        Raises:
            NotFound, Unauthorised, RegistryUnreachable, RegistryBusy, ProtocolViolation: as everywhere.
        """
        path = f"/v2/{repository}/manifests/{tag}"
        document = self._exchange("HEAD", path, pull_scope(repository), 0, {"Accept": _ACCEPT})
        named = document.headers.get("docker-content-digest", "")
        if document.status == 200 and is_digest(named):
            return named
        if document.status in {200, 400, 405, 501}:
            return sha256_digest(self._document("GET", path, pull_scope(repository), LARGEST_MANIFEST).data)
        raise self._error(document, path)

    def manifest(self, repository: str, digest: str) -> RawManifest:
        """A manifest or index by its digest, verified.

        Raises:
            ProtocolViolation: the registry sent something else, too.
            NotFound, Unauthorised, RegistryUnreachable, RegistryBusy: as everywhere.
        """
        path = f"/v2/{repository}/manifests/{digest}"
        document = self._document("GET", path, pull_scope(repository), LARGEST_MANIFEST)
        self._check(document.data, digest)
        return RawManifest(digest, document.data, document.headers.get("content-type", "").partition(";")[0].strip())

    def small_blob(self, repository: str, digest: str, size: int, *, limit: int) -> bytes:
        """A blob read whole and verified: a configuration.

        Args:
            repository: that has it.
            digest: of it.
            size: bytes it must have.
            limit: bytes it may have.

        Raises:
            ProtocolViolation: it is not what the digest and size promised, or larger than the limit.
            NotFound, Unauthorised, RegistryUnreachable, RegistryBusy: as everywhere.
        """
        where = f"{self.host}/{repository}@{digest}"
        if size > limit:
            raise ProtocolViolation(f"has more than {limit:,} bytes", where=where)
        try:
            with self.blob(repository, digest, size) as stream:
                data = b"".join(iter(lambda: stream.read(1 << 20), b""))
        except BlobTruncated as error:
            raise RegistryUnreachable(error.what, where=where) from error
        except BlobError as error:
            raise ProtocolViolation(error.what, where=where) from error
        self._check(data, digest)
        return data

    def blob(self, repository: str, digest: str, size: int) -> RegistryStream:
        """Open a blob; its digest is the reader's to check. Raises as RegistryStream."""
        path, scope = f"/v2/{repository}/blobs/{digest}", pull_scope(repository)

        def opener(headers: dict[str, str]) -> Reply:
            authenticator = self._authenticate()
            reply = self._transport.stream(self._url(path), {**headers, **authenticator.header(scope)})
            if reply.status == 401:
                answer = authenticator.answer(reply.document(LARGEST_MANIFEST), scope)
                reply = self._transport.stream(self._url(path), {**headers, **answer})
            if reply.status in {401, 403}:
                raise self._error(reply.document(LARGEST_MANIFEST), path)
            return reply

        return RegistryStream(
            opener, where=f"{self.host}/{repository}@{digest}", size=size, access=self._transport.access
        )

    def _document(self, method: str, path: str, scope: str, limit: int) -> Document:
        document = self._exchange(method, path, scope, limit, {"Accept": _ACCEPT} if "/manifests/" in path else {})
        if document.status != 200:
            raise self._error(document, path)
        return document

    def _exchange(self, method: str, path: str, scope: str, limit: int, headers: dict[str, str]) -> Document:
        authenticator = self._authenticate()
        url = self._url(path)
        document = self._transport.fetch(method, url, {**headers, **authenticator.header(scope)}, limit=limit)
        if document.status == 401:
            answer = authenticator.answer(document, scope)
            document = self._transport.fetch(method, url, {**headers, **answer}, limit=limit)
        return document

    def _authenticate(self) -> Authenticator:
        with self._lock:
            if self._authenticator is None:
                base = self._transport.base_url(self._served_by)
                self._authenticator = Authenticator(self._transport, self._served_by, base)
            return self._authenticator

    def _url(self, path: str) -> str:
        return self._transport.base_url(self._served_by) + path

    def _error(self, document: Document, path: str) -> SourceError:
        where = self.host + path.partition("?")[0].removeprefix("/v2")
        match document.status:
            case 401 | 403:
                return self._authenticate().refused(f"the registry refuses us ({document.status})")
            case 404:
                return NotFound("the registry does not have this", where=where)
            case status:
                return ProtocolViolation(f"the registry answers {status}", where=where)

    def _check(self, data: bytes, digest: str) -> None:
        found = sha256_digest(data)
        if found != digest:
            raise ProtocolViolation(f"the registry sent {found} instead", where=f"{self.host}: {digest}")


class Registries:
    """The clients of one process: a connection pool, and one client a host. Shared by threads.

    Args:
        access: how registries are spoken to.

    Raises:
        SettingsError: the file of authorities cannot be read.
    """

    def __init__(self, access: RegistryAccess) -> None:
        self._transport = Transport(access)
        self._clients: dict[str, RegistryClient] = {}
        self._lock = threading.Lock()

    def client(self, host: str) -> RegistryClient:
        """The client of a host."""
        with self._lock:
            return self._clients.setdefault(host, RegistryClient(host, self._transport))


@lru_cache(maxsize=8)
def registries(access: RegistryAccess) -> Registries:
    """The clients for some access, made once a process: tokens and connections outlive a batch."""
    return Registries(access)
