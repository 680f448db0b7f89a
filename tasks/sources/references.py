"""What a person writes to name images, and its one canonical text.

| written | means |
|---|---|
| `host[:port]` | every tag of every repository in the registry's catalogue |
| `host/repository` | every tag of the repository |
| `host/repository:tag`, `host/repository@sha256:…` | one reference; with both, the digest counts |
| `oci:DIR[:tag]`, `oci:DIR@sha256:…` | an OCI layout, or one entry of it |
| `docker-archive:FILE[:name:tag]` | what `docker save` wrote, or one image of it |
| `rootfs:DIR` | a directory tree that is a root file system |
| `sbom:FILE` | a bill of materials, CycloneDX or SPDX |

A registry is always named: the first part needs a dot, a port, or to be `localhost`; Docker's own is `docker.io`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InvalidReference
from tasks.digests import is_digest
from tasks.registry.names import is_host, is_repository, is_tag, shown
from tasks.sources.interface import SourceKind

_LONGEST = 8192
_PATHS = ("/", "./", "../", "~")  # how no registry's name begins
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class SourceReference:
    """A source, taken apart.

    Args:
        kind: of the source.
        place: host of a registry; absolute path otherwise.
        repository: in a registry; empty for all.
        name: tag, digest, or name in an archive; empty for all.
    """

    kind: SourceKind
    place: str
    repository: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The canonical text."""
        if self.kind is SourceKind.REGISTRY:
            return join_name(f"{self.place}/{self.repository}" if self.repository else self.place, self.name)
        return join_name(f"{self.kind.value}:{self.place}", self.name)


def join_name(whole: str, name: str) -> str:
    """A repository or layout with a tag (`:tag`), a digest (`@sha256:…`), or neither."""
    return f"{whole}{'@' if is_digest(name) else ':'}{name}" if name else whole


def parse_source(text: str) -> SourceReference:
    """Take a source apart; nothing but the existence of local directories is looked at.

    Raises:
        InvalidReference: it names no source.
    """
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise InvalidReference(f"{shown(text)!r} names no image source")
    prefix, separator, rest = text.partition(":")
    if separator and prefix in _LOCAL:
        if not rest:
            raise InvalidReference("names no path", where=text)
        return _LOCAL[prefix](rest)
    _refuse_credentials(text)
    if "://" in text:
        raise InvalidReference("is a URL", where=text, advice="write host/repository:tag without the scheme")
    return _parse_registry(text)


def canonical_reference(text: str) -> str:
    """The text by which an image that was scanned is known: a repository without a tag means its `latest`; a digest stays.

    Raises:
        InvalidReference: it names no image.
    """
    if is_digest(text):
        return text
    found = parse_source(text)
    if found.kind is SourceKind.REGISTRY:
        if not found.repository:
            raise InvalidReference("names a registry, not an image", where=text)
        if not found.name:
            return f"{found.text}:latest"
    return found.text


def _refuse_credentials(text: str) -> None:
    # What stands before such an @ is a password as often as not, and errors end up in logs: it is not repeated.
    _, at, digest = text.rpartition("@")
    if at and not is_digest(digest):
        raise InvalidReference(
            "has no sha256 digest behind its @",
            where=f"…@{shown(digest)}",
            advice="where a user and password were meant: docker login",
        )


def _parse_registry(text: str) -> SourceReference:
    if text in {".", ".."} or text.startswith(_PATHS) or text.endswith(_ARCHIVES):
        raise InvalidReference("is a path", where=text, advice="write docker-archive:FILE, oci:DIR or rootfs:DIR")
    if text.endswith("/"):
        raise InvalidReference("ends in a slash", where=text, advice=f"write {shown(text.rstrip('/'))}")
    host, slash, rest = text.partition("/")
    host = host.lower()
    if not is_host(host) or not (host == "localhost" or "." in host or ":" in host):
        raise InvalidReference(
            "names no registry", where=text, advice=f"write it in full, such as docker.io/{shown(text)}"
        )
    _, _, port = host.rpartition("]")[2].partition(":")
    if port and not 0 < int(port) < 65536:
        raise InvalidReference("names a port that no host has", where=text)
    host = "docker.io" if host in _HUB_NAMES else host
    if not slash:
        return SourceReference(SourceKind.REGISTRY, host)
    named, at, digest = rest.partition("@")
    repository, colon, tag = named.partition(":")
    if host == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    if not is_repository(repository):
        raise InvalidReference(f"{shown(repository)!r} is no repository name", where=text)
    if colon and not is_tag(tag):
        raise InvalidReference(f"{shown(tag)!r} is no tag", where=text)
    if at and not is_digest(digest):
        raise InvalidReference(f"{shown(digest)!r} is no sha256 digest", where=text)
    return SourceReference(SourceKind.REGISTRY, host, repository, digest or tag)


def _absolute(path: str) -> str:
    # Not resolved: what the person wrote is the name, wherever a symlink leads today.
    absolute = Path(path).expanduser().absolute()
    parts: list[str] = []
    for part in absolute.parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return absolute.anchor + "/".join(parts)


def _parse_layout(rest: str) -> SourceReference:
    head, at, digest = rest.rpartition("@")
    if at and is_digest(digest):
        return SourceReference(SourceKind.OCI, _absolute(head), name=digest)
    return _split_name(SourceKind.OCI, rest, Path.is_dir)


def _parse_archive(rest: str) -> SourceReference:
    return _split_name(SourceKind.DOCKER_ARCHIVE, rest, Path.is_file)


def _parse_tree(rest: str) -> SourceReference:
    return SourceReference(SourceKind.ROOTFS, _absolute(rest))


def _parse_document(rest: str) -> SourceReference:
    return SourceReference(SourceKind.SBOM, _absolute(rest))


def _split_name(kind: SourceKind, rest: str, exists: Callable[[Path], bool]) -> SourceReference:
    """Split `PATH[:name]`; both may hold colons, so what exists decides, and else the first colon."""
    cuts = [len(rest), *(place for place in range(len(rest) - 1, 0, -1) if rest[place] == ":")]
    for cut in cuts:
        if exists(Path(_absolute(rest[:cut]))):
            break
    else:
        cut = cuts[-1]
    return SourceReference(kind, _absolute(rest[:cut]), name=rest[cut + 1 :])


_LOCAL: dict[str, Callable[[str], SourceReference]] = {
    "oci": _parse_layout,
    "docker-archive": _parse_archive,
    "rootfs": _parse_tree,
    "sbom": _parse_document,
}
