"""A small fleet put straight into an archive and an active set, through the commits that a scan makes.

One reference with two platforms (this machine's, analysed; another, pending) and one reference that leads nowhere. The
image has two layers: openssl below, zlib and an npm package at two paths above, where dpkg's status is written anew.
"""

from __future__ import annotations

import pyarrow as pa

from catalog.active.commits import commit_images, commit_layers
from catalog.active.database import Database
from catalog.active.judging import commit_judgements, refresh_summaries, unjudged_packages
from catalog.active.listing import ListedImage, ListedReference, commit_listing
from catalog.active.snapshots import commit_snapshot, current
from catalog.advisories import FeedReceipt
from catalog.errors import Retry
from catalog.facts import FactWriter
from catalog.identities import ROOT_CHAIN, chain_id, package_set_id, platform_id
from catalog.images import ImageManifest, ImagePlatform, LayerDescriptor
from catalog.packages import PackageFacts
from catalog.receipts import (
    AnalysisReceipt,
    ChainReceipt,
    CompositionReceipt,
    ImageReceipt,
    LayerReceipt,
    ObjectReceipt,
)
from catalog.schemas import IMAGES, OCCURRENCES, PACKAGE_SETS, PACKAGES, PROBLEMS, Dataset
from catalog.states import LayerOutcome, Outcome
from catalog.store import Store
from pipelines.scanned_image import host_platform
from tests.pipelines.made import HOSTILE

RUN = "20261120T100000-0a1b2c3d"
REFERENCE = "registry.example:5000/team/app:1"
GONE = "registry.example:5000/team/app:gone"
IMAGE = "sha256:" + "1a" * 32
OTHER = "sha256:" + "2b" * 32
INDEX = "sha256:" + "3c" * 32
LOWER = "sha256:" + "01" * 32
UPPER = "sha256:" + "02" * 32
STATUS = "var/lib/dpkg/status"
FINGERPRINTS = b"f" * 16

OPENSSL = PackageFacts("deb", "openssl", "3.0.11-1", architecture="amd64")
ZLIB = PackageFacts(
    "deb", "zlib1g", "1:1.2.13-1", architecture="amd64", source_name="zlib", source_version="1:1.2.13-1"
)
BABEL = PackageFacts("npm", "core", "7.0.0", namespace="@babel")
PLATFORM = platform_id("debian", "12")
BOTTOM = chain_id(ROOT_CHAIN, LOWER, b"a" * 32)
TOP = chain_id(BOTTOM, UPPER, b"b" * 32)


def put_fleet(db: Database, store: Store, *, advisories: bool = True) -> None:
    """List, analyse, compose and, unless told not to, judge the fleet."""
    commit_listing(db, RUN, [_reference(), _broken_reference()])
    commit_layers(db, RUN, _analysis(store), _package_rows())
    composed, images, sets = _composition(store)
    commit_images(db, RUN, composed, images, sets, fingerprint_set=FINGERPRINTS)
    if advisories:
        judge_fleet(db)
    refresh_summaries(db)


def judge_fleet(db: Database) -> None:
    """Make Debian:12 complete, with two advisories that say the same of openssl; npm has none."""
    written = ObjectReceipt("advisories", "v1/advisories/x", "00", 2, 100)
    feed = FeedReceipt(
        feed="Debian",
        releases=(("Debian:12", 2),),
        complete=("Debian:12",),
        as_of="2026-11-01T00:00:00Z",
        advisories=2,
        withdrawn=0,
        ranges=2,
        not_comparable=0,
        advisory_object=written,
        range_object=None,
    )
    commit_snapshot(db, RUN, b"s" * 32, (feed,))
    with db.transaction() as tx:
        snapshot = current(tx)
        assert snapshot is not None
        waiting = unjudged_packages(tx, snapshot.snapshot).to_pylist()
    judgements = [
        {
            "package": row["package"],
            "platform": row["platform"],
            "coverage": "covered" if row["type"] == "deb" else "not covered",
        }
        for row in waiting
    ]
    (openssl,) = (row for row in waiting if row["name"] == "openssl")
    said = {
        "package": openssl["package"],
        "platform": openssl["platform"],
        "vulnerability": "CVE-2023-5363",
        "severity": "high",
        "score": 7.5,
        "fix_state": "fixed",
        "fixed_version": "3.0.11-1~deb12u2",
        "how": "direct",
        "compared_name": "openssl",
        "compared_version": "3.0.11-1",
        "range_text": "introduced 0, fixed 3.0.11-1~deb12u2",
        "ecosystem": "Debian:12",
    }
    matches = [{**said, "advisory": name} for name in ("DEBIAN-CVE-2023-5363", "DSA-5532-1")]
    commit_judgements(db, snapshot.snapshot, pa.Table.from_pylist(judgements), pa.Table.from_pylist(matches))


def _reference() -> ListedReference:
    def image(digest: str, platform: ImagePlatform, layers: tuple[str, ...]) -> ListedImage:
        descriptors = tuple(LayerDescriptor(layer, 1000) for layer in layers)
        manifest = ImageManifest(digest, "application/vnd.oci.image.manifest.v1+json", digest, platform, descriptors)
        return ListedImage(platform, manifest=manifest, digest=digest)

    images = (image(OTHER, ImagePlatform("linux", "s390x"), (LOWER,)), image(IMAGE, host_platform(), (LOWER, UPPER)))
    return ListedReference(REFERENCE, "registry.example:5000", "team/app", "1", "registry", target=INDEX, images=images)


def _broken_reference() -> ListedReference:
    return ListedReference(
        GONE,
        "registry.example:5000",
        "team/app",
        "gone",
        "registry",
        outcome=Outcome.FAILED,
        reason="not-found",
        detail=f"{GONE}: there is no such manifest {HOSTILE}",
        retry=Retry.PERMANENT,
    )


def _write(store: Store, dataset: Dataset, rows: list[dict[str, object]]) -> ObjectReceipt:
    writer = FactWriter(store, dataset, month="2026-11")
    writer.append(pa.Table.from_pylist(rows, dataset.schema))
    receipt = writer.close()
    assert receipt is not None
    return receipt


def _analysis(store: Store) -> AnalysisReceipt:
    problem = {
        "layer": UPPER,
        "ordinal": 0,
        "path": f"opt/{HOSTILE}",
        "analyser": "python",
        "reason": "parse-error",
        "detail": HOSTILE,
        "partial": False,
    }
    layers = tuple(
        LayerReceipt(
            layer,
            LayerOutcome.COMPLETE,
            verified=True,
            composition_hash=composition,
            size=1000,
            tar_size=4000,
            entries=9,
            packages=2,
            problems=problems,
        )
        for layer, composition, problems in ((LOWER, b"a" * 32, 0), (UPPER, b"b" * 32, 1))
    )
    return AnalysisReceipt(FINGERPRINTS, layers, (_write(store, PROBLEMS, [problem]),))


def _package_rows() -> pa.Table:
    rows = [
        {
            "package": facts.package_id,
            "type": facts.type,
            "namespace": facts.namespace,
            "name": facts.name,
            "version": facts.version,
            "epoch": facts.epoch,
            "architecture": facts.architecture,
            "source_name": facts.source_name,
            "source_version": facts.source_version,
            "module": facts.module,
            "qualifiers": facts.qualifier_text,
            "licences": [],
            "role": facts.role.value,
        }
        for facts in (OPENSSL, ZLIB, BABEL)
    ]
    return pa.Table.from_pylist(rows, PACKAGES.schema)


def _composition(store: Store) -> tuple[CompositionReceipt, pa.Table, pa.Table]:
    lower_set = package_set_id("deb", PLATFORM, [OPENSSL.package_id])
    upper_set = package_set_id("deb", PLATFORM, [OPENSSL.package_id, ZLIB.package_id])
    npm_set = package_set_id("npm", b"", [BABEL.package_id])
    members = [
        (lower_set, "deb", PLATFORM, OPENSSL),
        (upper_set, "deb", PLATFORM, OPENSSL),
        (upper_set, "deb", PLATFORM, ZLIB),
        (npm_set, "npm", b"", BABEL),
    ]
    sets = sorted(
        (
            {"set": content, "type": kind, "platform": platform, "package": facts.package_id}
            for content, kind, platform, facts in members
        ),
        key=lambda row: (row["set"], row["package"]),
    )
    image = {
        "image": IMAGE,
        "layers": [LOWER, UPPER],
        "chain": TOP,
        "platform": PLATFORM,
        "sets": [upper_set, npm_set],
        "packages": 3,
        "outcome": "analysed",
    }
    images = pa.Table.from_pylist([image], IMAGES.schema)
    debian = ("debian", "12", "Debian GNU/Linux 12 (bookworm)")
    receipt = CompositionReceipt(
        images=(ImageReceipt(IMAGE, Outcome.ANALYSED),),
        objects=(_write(store, OCCURRENCES, _occurrences()),),
        chains=(
            ChainReceipt(BOTTOM, ROOT_CHAIN, LOWER, PLATFORM, debian, (lower_set,), 1),
            ChainReceipt(TOP, BOTTOM, UPPER, PLATFORM, debian, (upper_set, npm_set), 3),
        ),
    )
    return receipt, images, pa.Table.from_pylist(sets, PACKAGE_SETS.schema)


def _occurrences() -> list[dict[str, object]]:
    def row(
        chain: bytes, parent: bytes, facts: PackageFacts, path: str, introduced: str, evidence: str
    ) -> dict[str, object]:
        return {
            "chain": chain,
            "parent": parent,
            "package": facts.package_id,
            "path": path,
            "change": 1,
            "introduced": introduced,
            "evidence": evidence,
        }

    rows = [
        row(BOTTOM, ROOT_CHAIN, OPENSSL, STATUS, LOWER, LOWER),
        row(TOP, BOTTOM, OPENSSL, STATUS, LOWER, UPPER),
        row(TOP, BOTTOM, ZLIB, STATUS, UPPER, UPPER),
        row(TOP, BOTTOM, BABEL, "app/node_modules/@babel/core/package.json", UPPER, UPPER),
        row(TOP, BOTTOM, BABEL, "opt/node_modules/@babel/core/package.json", UPPER, UPPER),
    ]
    return sorted(rows, key=lambda row: (row["chain"], row["path"], row["package"]))
