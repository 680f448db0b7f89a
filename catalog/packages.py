"""A package as evidence in a layer names it, and the identity that makes it shared by the whole fleet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from catalog.identities import PACKAGE_RECIPE, hash_texts

OPERATING_SYSTEM_TYPES = frozenset({"deb", "apk", "rpm", "alpm", "portage", "opkg"})
"""purl types whose packages belong to a distribution: matched per platform, without a namespace of their own."""


class Role(StrEnum):
    """What a package is to the image."""

    INSTALLED = "installed"
    APPLICATION = "application"
    """The application's own manifest (a package.json outside node_modules), not something installed."""


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """One package as its evidence names it.

    Args:
        type: purl type (`deb`, `apk`, `pypi`, `npm`, …).
        name: the package's name, normalised as its ecosystem does (PEP 503 for pypi).
        version: the raw version, a dpkg epoch included.
        namespace: purl namespace (npm scope `@scope`, Maven group); empty for operating-system packages.
        epoch: the epoch where it is a field of its own (rpm), else None.
        architecture: as the package manager writes it, else empty.
        source_name: the source package's name, where it is known, else empty.
        source_version: the source package's version, where it is known, else empty.
        module: rpm module stream `name:stream`, else empty.
        qualifiers: sorted purl qualifiers other than distro, arch, epoch and upstream.
        licences: as declared; no part of the identity.
        role: installed, or the application's own.
    """

    type: str
    name: str
    version: str
    namespace: str = ""
    epoch: int | None = None
    architecture: str = ""
    source_name: str = ""
    source_version: str = ""
    module: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()
    licences: tuple[str, ...] = field(default=(), compare=False)
    role: Role = field(default=Role.INSTALLED, compare=False)

    @property
    def qualifier_text(self) -> str:
        """The qualifiers as `k=v&k=v`, sorted."""
        return "&".join(f"{key}={value}" for key, value in sorted(self.qualifiers)) if self.qualifiers else ""

    @property
    def package_id(self) -> bytes:
        """16 bytes that name this package version fleet-wide: the recipe of identities.PACKAGE_RECIPE."""
        return hash_texts(
            PACKAGE_RECIPE,
            self.type,
            self.namespace,
            self.name,
            self.version,
            "" if self.epoch is None else str(self.epoch),
            self.architecture,
            self.source_name,
            self.source_version,
            self.module,
            self.qualifier_text,
        )
