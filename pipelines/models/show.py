"""One image in depth: what `longshore show IMAGE --json` prints."""

from __future__ import annotations

from pydantic import Field

from catalog.states import Coverage, FixState, Outcome, Residence, Severity
from pipelines.models.base import Answer, Digest, Share
from pipelines.models.image_facts import Configuration, Layer, PrivilegedFile, Secret


class Package(Answer):
    """A package at one path; the same package at two paths is there twice."""

    type: str = Field(description="purl type")
    name: str
    version: str
    purl: str
    path: str | None = Field(description="the evidence that names it, relative to the image's root")
    layer: Digest | None = Field(description="the lowest layer from which on it is there without a gap")
    evidence_layer: Digest | None = Field(description="the layer whose copy of the evidence counts")
    coverage: Coverage


class OwnedPackage(Answer):
    """A language package at a path that a package of the distribution owns: a part of that one, counted and judged as that."""

    type: str = Field(description="purl type")
    name: str
    version: str
    purl: str
    owned_by: str = Field(description="`type/name` of the owner among the packages")
    path: str = Field(description="the evidence that names it, relative to the image's root")
    layer: Digest | None = Field(description="the lowest layer from which on it is there without a gap")
    evidence_layer: Digest | None = Field(description="the layer whose copy of the evidence counts")


class Finding(Answer):
    """A vulnerability of a package; advisories that say the same are named in the reason."""

    vulnerability: str = Field(description="canonical id: the CVE of its alias group where there is one")
    package: str
    version: str
    severity: Severity
    fix_state: FixState
    fixed_version: str | None
    advisory: str
    reason: str = Field(description="what was compared with which range, directly or by the source package")


class Problem(Answer):
    """Something that could not be read as it should."""

    layer: Digest | None
    path: str
    analyser: str
    reason: str
    detail: str
    partial: bool = Field(description="evidence is missing because of it; otherwise a note")


class ImageReport(Answer):
    """One image. Clean means: analysed, at least one package, coverage 1, no finding."""

    image: str = Field(description="the reference, or the digest where it was asked for by that")
    digest: Digest | None = Field(description="null where the reference leads to no image")
    state: Outcome
    reason: str = Field(description="why the state is not `analysed`, a stable word first; else empty")
    residence: Residence
    coverage: Share = Field(description="share of its packages that a complete advisory feed covers")
    distribution: str | None = Field(description="`id version` of os-release, null where there is none")
    packages: tuple[Package, ...]
    owned: tuple[OwnedPackage, ...] = Field(
        description="language packages that packages of the distribution own: not among `packages`, nor in any count"
    )
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    configuration: Configuration | None = Field(description="null where nothing was composed yet")
    layers: tuple[Layer, ...] = Field(description="bottom first")
    privileged: tuple[PrivilegedFile, ...] = Field(
        description="files with a suid or sgid bit that are left in the image"
    )
    secrets: tuple[Secret, ...] = Field(description="those in layers only where a scan looked for them")
