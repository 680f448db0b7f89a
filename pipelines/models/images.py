"""The fleet's images: what `longshore images --json` prints."""

from __future__ import annotations

from pydantic import Field

from catalog.active.views import ImageLine
from catalog.states import Outcome, Residence
from pipelines.models.base import (
    Answer,
    Digest,
    Findings,
    Moment,
    PackagesByCoverage,
    Share,
    covered_share,
    explained,
    moment,
)


class ImageEntry(Answer):
    """A reference on one platform."""

    image: str = Field(description="the canonical reference")
    digest: Digest | None = Field(description="null where the reference leads to no image")
    platform: str = Field(description="os/architecture[/variant], empty where unknown")
    state: Outcome
    reason: str
    residence: Residence
    present: bool = Field(description="the source still had the reference when it was last listed")
    distribution: str | None
    packages: PackagesByCoverage
    findings: Findings
    coverage: Share
    clean: bool = Field(description="analysed, at least one package, every package covered, no finding")
    first_analysed: Moment | None

    @classmethod
    def of(cls, line: ImageLine) -> ImageEntry:
        """A line of the active set."""
        return cls(
            image=line.reference,
            digest=line.digest or None,
            platform=str(line.platform),
            state=line.state,
            reason=explained(line.reason, line.detail),
            residence=line.residence,
            present=line.present,
            distribution=line.distribution or None,
            packages=PackagesByCoverage.of(line.coverage),
            findings=Findings.of(line.findings),
            coverage=covered_share(line.coverage),
            clean=line.clean,
            first_analysed=moment(line.first_analysed) if line.first_analysed else None,
        )


class ImagesReport(Answer):
    """The images that were asked for."""

    images: tuple[ImageEntry, ...]
    more: bool = Field(description="there are more than the limit let through")
