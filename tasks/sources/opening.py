"""From what a person wrote to sources, lists in files included."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.sources.docker_archive import ArchiveSource
from tasks.sources.interface import Source, SourceKind
from tasks.sources.list_file import ListFileSource
from tasks.sources.oci_layout import LayoutSource
from tasks.sources.references import SourceReference, parse_source
from tasks.sources.registry import RegistrySource
from tasks.sources.rootfs import TreeSource
from tasks.sources.sbom import SbomSource
from tasks.transport import RegistryAccess


def open_sources(texts: Sequence[str], access: RegistryAccess) -> list[Source]:
    """The sources that a command line names, in order, each once. Nothing is contacted yet; lists are read for mistakes.

    Args:
        texts: SOURCE as `references` describes it, or `@FILE`.
        access: how registries are spoken to.

    Raises:
        InvalidReference: a text, or a line of a list, names no source.
        NotFound, SourceError: a list cannot be read.
        SettingsError: the file of authorities cannot be read.
    """
    sources: dict[str, Source] = {}
    for text in texts:
        source: Source
        if text.startswith("@"):
            source = ListFileSource(text[1:], access, open_source)
        else:
            source = open_source(parse_source(text), access)
        sources.setdefault(source.text, source)
    return list(sources.values())


def open_source(reference: SourceReference, access: RegistryAccess) -> Source:
    """The source of one reference. Raises SettingsError."""
    match reference.kind:
        case SourceKind.REGISTRY:
            return RegistrySource(reference, access)
        case SourceKind.OCI:
            return LayoutSource(reference)
        case SourceKind.DOCKER_ARCHIVE:
            return ArchiveSource(reference)
        case SourceKind.ROOTFS:
            return TreeSource(reference)
        case SourceKind.SBOM:
            return SbomSource(reference)
