"""What every image source offers: it lists references, cheaply, and resolves one reference to its images.

Listing and resolving are apart because a fleet's references hardly change: a reference whose target is known needs no
second look, so an unchanged catalogue costs one HEAD a tag and not a single manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from catalog.errors import LongshoreError, Retry
from catalog.images import BlobLocation, ImageManifest, ImagePlatform
from catalog.problems import Problem
from catalog.states import Outcome


class SourceKind(StrEnum):
    """The kinds of sources."""

    REGISTRY = "registry"
    OCI = "oci"
    DOCKER_ARCHIVE = "docker-archive"
    ROOTFS = "rootfs"
    SBOM = "sbom"


_EVIDENCE_ONLY = (f"{SourceKind.ROOTFS}:", f"{SourceKind.SBOM}:")


def evidence_only(reference: str) -> bool:
    """Whether a source's layers hold package evidence and nothing else, so that a search for secrets in them proves nothing.

    Args:
        reference: its canonical text.
    """
    return reference.startswith(_EVIDENCE_ONLY)


@dataclass(frozen=True, slots=True)
class Listed:
    """A reference that a source has.

    Args:
        reference: its canonical text: `host/repository:tag`, `host/repository@sha256:…`, `oci:/dir:tag`,
            `docker-archive:/file` (`docker-archive:/file:name:tag` where the file holds several), `rootfs:/dir`,
            `sbom:/file`.
        registry: host with optional port; empty for local sources.
        repository: name in the registry; of a local source its text without the tag (`oci:/dir`).
        name: tag or digest; empty where the repository holds one image.
        kind: of the source.
        target: digest of the manifest or index it points to now; None with an error.
        error: why the target is not known.
    """

    reference: str
    registry: str
    repository: str
    name: str
    kind: SourceKind
    target: str | None = None
    error: LongshoreError | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a listing covered completely: a reference in it that was not listed is gone.

    Args:
        registry: host with optional port; empty for local sources.
        repository: as in `Listed`; empty for all of the registry.
    """

    registry: str
    repository: str


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """The platforms a person wants.

    Args:
        wanted: `os/architecture[/variant]` each; empty for all.
    """

    wanted: tuple[str, ...] = ()

    def includes(self, platform: ImagePlatform) -> bool:
        """Whether an image of that platform is wanted. A wish without a variant takes every variant."""
        if not self.wanted:
            return True
        parts = (platform.os, platform.architecture, platform.variant or _default_variant(platform.architecture))
        return any(parts[: wish.count("/") + 1] == tuple(wish.split("/")) for wish in self.wanted)


def _default_variant(architecture: str) -> str:
    # containerd's normalisation: an arm64 image that names no variant is v8, an arm one v7.
    return {"arm64": "v8", "arm": "v7"}.get(architecture, "")


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """One image of a reference, or why a manifest there leads to none.

    Args:
        platform: as the index or the configuration says.
        outcome: pending (to be analysed), skipped or failed.
        reason: an error's word where it is not pending.
        detail: one line for a person.
        manifest: None unless pending.
        locations: where each layer's bytes lie, one for each layer of the manifest.
        notes: problems known before any layer is read (a tree's unreadable places).
        retry: the error's class where it failed.
        digest: of the manifest, also where it was not read.
    """

    platform: ImagePlatform
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    manifest: ImageManifest | None = None
    locations: tuple[BlobLocation, ...] = ()
    notes: tuple[Problem, ...] = ()
    retry: Retry | None = None
    digest: str = ""


class Source(Protocol):
    """One place that images come from. `resolve` may be called from several threads."""

    @property
    def text(self) -> str:
        """The source as a person would write it, canonical."""

    def list(self) -> Iterator[Listed]:
        """The references it has, as they are found.

        Raises:
            SourceError: the source as a whole cannot be listed; one reference's trouble is its `Listed.error`.
        """

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
        """The images a listed reference leads to: one for each manifest it names, wanted or not.

        Raises:
            SourceError: the reference as a whole leads nowhere (NotFound, NotAnImage, RegistryBusy, …).
        """

    def scopes(self) -> tuple[Scope, ...]:
        """What was listed completely; to be asked when `list` has ended."""
