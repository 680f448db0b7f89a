"""Images of an OCI layout in a directory (OCI image-spec, image-layout.md).

Blobs are found by digest, and a digest is checked before it becomes a path; a blob that is a symlink is followed as long as it
stays in the layout. Nothing in a layout can make us read outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.errors import MalformedManifest, NotFound, SourceError
from catalog.images import BlobLocation, FileBlob, LayerDescriptor
from tasks.digests import is_digest, sha256_digest
from tasks.local_files import read_whole
from tasks.registry.configurations import LARGEST_CONFIGURATION
from tasks.registry.manifests import IndexEntry, RawManifest, parse_entries, parse_object
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Scope, SourceKind
from tasks.sources.references import SourceReference, join_name
from tasks.sources.resolution import resolve_images

_LARGEST_INDEX = 256 << 20  # of a whole fleet's layout
_LARGEST_MANIFEST = 4 << 20
_LONGEST_NAME = 1024


class LayoutLibrary:
    """A layout as a place that keeps manifests and blobs (see `resolution.Library`).

    Args:
        directory: of the layout.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    def index(self) -> tuple[IndexEntry, ...]:
        """What `index.json` names.

        Raises:
            NotFound: there is no layout.
            SourceError: it is a file.
            MalformedManifest: it cannot be understood.
        """
        path = self._directory / "index.json"
        if self._directory.is_file():
            raise SourceError("is a file, not an OCI layout's directory", where=str(self._directory))
        try:
            data = read_whole(path, _LARGEST_INDEX)
        except NotFound as error:
            what = (
                "is no OCI layout: it has no index.json" if self._directory.is_dir() else "there is no such directory"
            )
            raise NotFound(what, where=str(self._directory)) from error
        return parse_entries(parse_object(data, str(path)), str(path))

    def manifest(self, digest: str) -> RawManifest:
        """A manifest or index."""
        return RawManifest(digest, self._read(digest, _LARGEST_MANIFEST))

    def configuration(self, descriptor: LayerDescriptor) -> bytes:
        """A configuration blob."""
        return self._read(descriptor.digest, LARGEST_CONFIGURATION)

    def location(self, layer: LayerDescriptor) -> BlobLocation:
        """The blob's file."""
        return FileBlob(str(self._path(layer.digest)), 0, layer.size)

    def _path(self, digest: str) -> Path:
        if not is_digest(digest):
            raise SourceError("is no sha256 digest", where=digest)
        path = (self._directory / "blobs" / "sha256" / digest.removeprefix("sha256:")).resolve()
        if not path.is_relative_to(self._directory):
            raise SourceError("leads out of the layout", where=f"{self._directory}: {digest}")
        return path

    def _read(self, digest: str, limit: int) -> bytes:
        data = read_whole(self._path(digest), limit)
        if sha256_digest(data) != digest:
            raise MalformedManifest(f"the file holds {sha256_digest(data)}", where=f"{self._directory}: {digest}")
        return data


class LayoutSource:
    """An OCI layout, or one entry of it (see `interface.Source`).

    Args:
        reference: the directory, and perhaps a tag or digest.
    """

    def __init__(self, reference: SourceReference) -> None:
        self.text = reference.text
        self._reference = reference
        self._repository = f"{SourceKind.OCI.value}:{reference.place}"
        self._library = LayoutLibrary(Path(reference.place))
        self._complete = False

    def list(self) -> Iterator[Listed]:
        """The entries of `index.json`, by name where they have one."""
        wanted, found = self._reference.name, False
        names: set[str] = set()
        for entry in self._library.index():
            name = entry.digest if _is_odd(entry.name) or entry.name in names else entry.name
            names.add(name)
            if wanted in {"", name, entry.digest}:
                found = True
                reference = join_name(self._repository, wanted or name)
                yield Listed(reference, "", self._repository, wanted or name, SourceKind.OCI, entry.digest)
                if wanted:
                    return
        if wanted and is_digest(wanted):  # a blob that index.json does not name may still be asked for
            yield Listed(self.text, "", self._repository, wanted, SourceKind.OCI, wanted)
        elif wanted and not found:
            error = NotFound(f"the layout has no {wanted!r}", where=self._reference.place)
            yield Listed(self.text, "", self._repository, wanted, SourceKind.OCI, error=error)
        self._complete = not wanted

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
        """The images of an entry."""
        if listed.target is None:
            raise listed.error or NotFound("the layout does not have it", where=listed.reference)
        return resolve_images(self._library, listed.target, platforms)

    def scopes(self) -> tuple[Scope, ...]:
        """The layout, where all of it was listed."""
        return (Scope("", self._repository),) if self._complete else ()


def _is_odd(name: str) -> bool:
    return not name or len(name) > _LONGEST_NAME or not name.isprintable() or " " in name
