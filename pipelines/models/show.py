"""One image in depth: what `longshore show IMAGE --json` prints."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from catalog.end_of_life import AS_OF, end_of_life
from catalog.states import Coverage, FixState, Outcome, Residence, Severity
from pipelines.models.base import Answer, Digest, Share
from pipelines.models.image_facts import Configuration, Layer, PrivilegedFile, Secret

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
"""A day, RFC 3339."""


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


class EndOfLife(Answer):
    """Until when the image's distribution gets security updates that everybody gets, by a table that comes with Longshore."""

    last_day: Day | None = Field(description="null where it is not known, or the distribution has no end")
    past: bool | None = Field(
        description="whether that day was over on the day of asking (UTC); null where it is not known"
    )
    as_of: Day = Field(description="up to when the table follows what was announced")

    @classmethod
    def of(cls, distribution: str, version: str, name: str, today: date) -> EndOfLife:
        """What the table says of a release on some day; arguments as `catalog.end_of_life.end_of_life`."""
        last = end_of_life(distribution, version, name)
        return cls(
            last_day=last.isoformat() if last else None,
            past=today > last if last else None,
            as_of=AS_OF.isoformat(),
        )


class ImageReport(Answer):
    """One image. Clean means: analysed, at least one package, coverage 1, no finding."""

    image: str = Field(description="the reference, or the digest where it was asked for by that")
    digest: Digest | None = Field(description="null where the reference leads to no image")
    state: Outcome
    reason: str = Field(description="why the state is not `analysed`, a stable word first; else empty")
    residence: Residence
    coverage: Share = Field(description="share of its packages that a complete advisory feed covers")
    distribution: str | None = Field(description="`id version` of os-release, null where there is none")
    end_of_life: EndOfLife | None = Field(description="null where there is no distribution")
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
