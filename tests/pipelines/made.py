"""Made values that tests of what a person sees start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from catalog.active.views import (
    CoverageCounts,
    FindingCounts,
    FindingRecord,
    FleetStatus,
    ImageLine,
    ImageRecord,
    PackageRecord,
    RunRecord,
)
from catalog.advisories import FeedReceipt
from catalog.images import ImagePlatform
from catalog.receipts import ObjectReceipt
from catalog.states import Coverage, FixState, Outcome, Residence, Severity
from pipelines.image_facts import ImageFacts
from pipelines.known_images import KeptImage
from pipelines.models.image_facts import Configuration, Label, Layer, PrivilegedFile, Secret
from pipelines.rescan_summary import RescannedLayers, RescanSummary
from pipelines.summary import LayerCounts, OutcomeCounts, ScanSummary

HOSTILE = "\x1b]0;owned\x07\x1b[2J[red]bold[/red]\nfake line\u202e\x9b31m"
"""A name as an attacker would choose it: control sequences of both kinds, markup, a line break, a reversed order."""

DIGEST = "sha256:" + "ab" * 32

LINE = ImageLine(
    reference="registry.example/team/app:1",
    digest=DIGEST,
    platform=ImagePlatform("linux", "amd64"),
    state=Outcome.ANALYSED,
    reason="",
    detail="",
    residence=Residence.ACTIVE,
    present=True,
    distribution="Debian GNU/Linux 12 (bookworm)",
    packages=100,
    findings=FindingCounts(critical=1, high=2, medium=3, low=4, negligible=5, unknown=6, fixable=7),
    coverage=CoverageCounts(covered=80, not_covered=15, not_comparable=5),
    first_analysed=datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
)
CLEAN = replace(LINE, findings=FindingCounts(), coverage=CoverageCounts(covered=100))
UNCOVERED = replace(LINE, findings=FindingCounts(), coverage=CoverageCounts(not_covered=100))
FAILED = replace(
    LINE,
    reference="registry.example/team/app:gone",
    digest="",
    state=Outcome.FAILED,
    reason="not-found",
    detail="registry.example/team/app:gone: there is no such manifest",
    packages=0,
    findings=FindingCounts(),
    coverage=CoverageCounts(),
    first_analysed=None,
)


def record(line: ImageLine = LINE, **changes: object) -> ImageRecord:
    """An image's record."""
    made = ImageRecord(
        image=1,
        line=line,
        target=line.digest,
        media_type="application/vnd.oci.image.manifest.v1+json",
        created="",
        chain=b"c" * 32,
        layers=(DIGEST,),
        references=(line.reference,),
        distribution="debian",
        distribution_version="12",
    )
    return replace(made, **changes)


def package(name: str = "openssl", **changes: object) -> PackageRecord:
    """A package's record."""
    made = PackageRecord(
        package=name.encode("utf-8", "surrogatepass").ljust(16, b"\0")[:16],
        type="deb",
        namespace="",
        name=name,
        version="3.0.11-1",
        epoch=None,
        architecture="amd64",
        source_name="",
        source_version="",
        module="",
        qualifiers=(),
        licences=(),
        role="installed",
        coverage=Coverage.COVERED,
        ecosystem_platform=("debian", "12"),
    )
    return replace(made, **changes)


def finding(advisory: str = "DSA-5532-1", **changes: object) -> FindingRecord:
    """An advisory that matches the package above."""
    made = FindingRecord(
        package=package().package,
        type="deb",
        name="openssl",
        version="3.0.11-1",
        vulnerability="CVE-2023-5363",
        advisory=advisory,
        severity=Severity.HIGH,
        score=7.5,
        fix_state=FixState.FIXED,
        fixed_version="3.0.11-1~deb12u2",
        how="source",
        ecosystem="Debian:12",
        compared_name="openssl",
        compared_version="3.0.11-1",
        range_text="introduced 0, fixed 3.0.11-1~deb12u2",
    )
    return replace(made, **changes)


FACTS = ImageFacts(
    configuration=Configuration(
        user=HOSTILE,
        entrypoint=("/bin/run", "two words"),
        command=(HOSTILE,),
        environment=("PATH", HOSTILE),
        ports=("80/tcp",),
        health_check=("CMD-SHELL", HOSTILE),
        labels=(Label(name=HOSTILE, value=HOSTILE),),
        created=HOSTILE,
    ),
    layers=(
        Layer(digest=DIGEST, size=1234, outcome="complete", reason="", instruction=HOSTILE, searched=True),
        Layer(digest=DIGEST, size=None, outcome="partial", reason="limit-exceeded", instruction="", searched=False),
    ),
    privileged=(PrivilegedFile(path=HOSTILE, mode="4755", uid=0, gid=0, layer=DIGEST),),
    secrets=(
        Secret(rule="github-token", place="environment", name=HOSTILE, line=None, layer=None, deleted=False),
        Secret(rule="private-key", place="file", name=HOSTILE, line=7, layer=DIGEST, deleted=True),
    ),
)
"""What an image is besides its packages, as an attacker would have it."""

FEED = FeedReceipt(
    feed="Debian",
    releases=(("Debian:11", 5), ("Debian:12", 7)),
    complete=("Debian:12",),
    as_of="2026-11-01T00:00:00Z",
    advisories=3,
    withdrawn=0,
    ranges=12,
    not_comparable=0,
    advisory_object=ObjectReceipt("advisories", "v1/advisories/x", "00", 3, 100),
    range_object=None,
)
STATUS = FleetStatus(
    references=((Outcome.ANALYSED, 3), (Outcome.FAILED, 1)),
    references_gone=1,
    images=((Outcome.ANALYSED, 2), (Outcome.PARTIAL, 1)),
    residences=((Residence.ACTIVE, 3),),
    reasons=((Outcome.FAILED, "not-found", 1), (Outcome.PARTIAL, "limit-exceeded", 1)),
    layers=4,
    layers_with_result=3,
    layers_failed=1,
    layer_edges=9,
    layer_bytes=1_000_000,
    edge_bytes=4_000_000,
    chains=5,
    packages=120,
    package_sets=4,
    set_edges=6,
    findings=LINE.findings,
    coverage=LINE.coverage,
    snapshot="ab" * 32,
    feeds=(FEED,),
    generation=7,
    objects=12,
    object_bytes=345_678,
    leases=0,
    unjudged=0,
)
SUMMARY = ScanSummary(
    run="20261120T100000-0a1b2c3d",
    sources=("registry.example/team/app",),
    outcomes=OutcomeCounts(analysed=1, failed=1),
    images=1,
    new_images=1,
    layers=LayerCounts(9, 4, 3, 3, 0, 4_000_000, 1_000_000),
    coverage=LINE.coverage,
    findings=LINE.findings,
    snapshot="ab" * 32,
    lines=(FAILED, LINE),
    seconds=12.3,
    cpu_seconds=20.1,
    statements=5,
)
RESCAN = RescanSummary(
    run="20261120T100000-0a1b2c3d",
    sources=("registry.example/team",),
    reanalysed=True,
    images=2,
    outcomes=OutcomeCounts(analysed=2),
    composed=1,
    kept=(KeptImage(HOSTILE, DIGEST, "not-found", HOSTILE),),
    layers=RescannedLayers(4, 3, 1, 1, 0, 1, 1_000_000, 10),
    coverage=LINE.coverage,
    findings=LINE.findings,
    statements=5,
    notes=(HOSTILE,),
)
RUN = RunRecord(
    "20261120T100000-0a1b2c3d",
    "scan",
    datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
    datetime(2026, 11, 20, 10, 0, 12, tzinfo=UTC),
    "completed",
    "registry.example/team/app",
    '{"images": 1}',
)
