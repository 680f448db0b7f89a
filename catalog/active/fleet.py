"""Read queries for what a person sees: the fleet's images, one image in depth, the whole in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from catalog.active.database import Database, Row, Transaction
from catalog.active.listing import reference_key
from catalog.active.one_image import (
    image_chain,
    image_chains,
    image_findings,
    image_keys,
    image_layers,
    image_owned_packages,
    image_packages,
)
from catalog.active.snapshots import current
from catalog.active.statements import lines, statistics
from catalog.active.views import (
    ChainObjects,
    CoverageCounts,
    FindingCounts,
    FindingRecord,
    FleetStatus,
    ImageLine,
    ImageRecord,
    LayerState,
    PackageRecord,
    RunRecord,
)
from catalog.states import Outcome, Residence, Severity

__all__ = [
    "ChainObjects",
    "CoverageCounts",
    "FindingCounts",
    "FindingRecord",
    "FleetStatus",
    "ImageFilter",
    "ImageLine",
    "ImageOrder",
    "ImageRecord",
    "LayerState",
    "PackageRecord",
    "RunRecord",
    "find_images",
    "fleet_status",
    "image_chain",
    "image_chains",
    "image_findings",
    "image_keys",
    "image_layers",
    "image_owned_packages",
    "image_packages",
    "list_images",
]


class ImageOrder(StrEnum):
    """How `list_images` sorts."""

    REFERENCE = "reference"
    SEVERITY = "severity"
    """Most critical findings first, then high, and so on."""
    PACKAGES = "packages"
    """Most packages first."""
    STATE = "state"
    """Worst outcome first."""


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images to list: every condition given must hold.

    Args:
        reference: text with `*` wildcards, against the canonical reference.
        outcomes: any of these.
        at_least: some finding of this severity or worse.
        package: a package's name, exactly as its ecosystem normalises it.
        vulnerability: a vulnerability's canonical id, in any case of letters.
        distribution: os-release's ID.
        not_covered: some package is not covered or not comparable.
        gone: also references that the registry no longer has.
        texts: exactly these references (what a scan touched); empty for any.
    """

    reference: str = ""
    outcomes: tuple[Outcome, ...] = ()
    at_least: Severity | None = None
    package: str = ""
    vulnerability: str = ""
    distribution: str = ""
    not_covered: bool = False
    gone: bool = False
    texts: tuple[str, ...] = ()


_ORDERS = {
    ImageOrder.REFERENCE: "r.text, ri.ordinal",
    ImageOrder.SEVERITY: "y.critical DESC NULLS LAST, y.high DESC, y.medium DESC, y.low DESC, y.negligible DESC, y.unknown DESC,"
    " r.text, ri.ordinal",
    ImageOrder.PACKAGES: "i.packages DESC NULLS LAST, r.text, ri.ordinal",
    ImageOrder.STATE: "array_position(ARRAY['failed', 'pending', 'partial', 'skipped', 'analysed'],"
    " coalesce(r.outcome, ri.outcome, i.outcome, 'pending')), r.text, ri.ordinal",
}


def list_images(
    db: Database,
    wanted: ImageFilter = ImageFilter(),
    *,
    limit: int | None = None,
    order: ImageOrder = ImageOrder.REFERENCE,
) -> Iterator[ImageLine]:
    """One line for each (reference, image), streamed: memory does not grow with the fleet.

    A reference that could not be resolved is one line without a digest; a platform that was skipped is a line of its own.

    Args:
        db: the active set.
        wanted: which.
        limit: at most so many lines.
        order: of the lines.

    Raises:
        DatabaseUnreachable: Postgres does not answer.
    """
    conditions, parameters = _conditions(wanted)
    statement = f"{lines.COLUMNS}{lines.FROM_REFERENCES} WHERE {' AND '.join(conditions)} ORDER BY {_ORDERS[order]} LIMIT %(limit)s"
    with db.transaction() as tx:
        for row in tx.stream(statement, {**parameters, "limit": limit}):
            yield lines.image_line(row)


def fleet_status(tx: Transaction) -> FleetStatus:
    """The whole fleet in numbers."""
    numbers = dict(zip(statistics.NUMBER_NAMES, tx.row(statistics.NUMBERS) or (), strict=True))
    findings = tx.row(statistics.FINDINGS) or (0,) * 10
    snapshot = current(tx)
    return FleetStatus(
        references=tuple((Outcome(word), count) for word, count in tx.rows(statistics.REFERENCES)),
        images=tuple((Outcome(word), count) for word, count in tx.rows(statistics.IMAGES)),
        residences=tuple((Residence(word), count) for word, count in tx.rows(statistics.RESIDENCES)),
        reasons=tuple((Outcome(word), reason, count) for word, reason, count in tx.rows(statistics.REASONS)),
        findings=FindingCounts(*findings[:7]),
        coverage=CoverageCounts(*findings[7:]),
        snapshot=snapshot.content_id.hex() if snapshot else "",
        feeds=snapshot.feeds if snapshot else (),
        unjudged=int((tx.row(statistics.UNJUDGED, {"snapshot": snapshot.snapshot}) or (0,))[0])
        if snapshot
        else numbers["packages"],
        **numbers,
    )


def find_images(tx: Transaction, name: str) -> list[ImageRecord]:
    """The images that a reference or digest names; none where it was never scanned.

    Args:
        tx: a transaction.
        name: a canonical reference text, or `sha256:<hex>` of an image or of an index, or a prefix of an image's that is unique
            and has at least 12 hex digits.

    Returns:
        One record for each image (and each platform that was skipped or failed) of the reference, in the index's order;
        a reference that could not be resolved gives one record with image 0 and its reason.
    """
    name = name.replace("\0", "")
    parameters = {"key": reference_key(name), "name": name, "after": name + "g"}
    for source, condition in _WAYS_TO_FIND:
        if found := tx.rows(f"{lines.COLUMNS}{lines.DETAILS}{source}{condition}", parameters):
            return [_record(row) for row in found]
    return []


def _record(row: Row) -> ImageRecord:
    image, target, media_type, created, chain, layers, references, distribution, version, cpes = row[lines.WIDTH :]
    return ImageRecord(
        image=image,
        line=lines.image_line(row[: lines.WIDTH]),
        target=target,
        media_type=media_type,
        created=created,
        chain=b"" if chain is None else bytes(chain),
        layers=tuple(layers),
        references=tuple(references),
        distribution=distribution,
        distribution_version=version,
        distribution_cpes=tuple(cpes),
    )


def _conditions(wanted: ImageFilter) -> tuple[list[str], dict[str, object]]:
    worse = list(Severity)[: list(Severity).index(wanted.at_least) + 1] if wanted.at_least else []
    parameters: dict[str, object] = {
        "reference": _like(wanted.reference),
        "outcomes": list(wanted.outcomes),
        "package": wanted.package,
        "vulnerability": _spellings(wanted.vulnerability),
        "distribution": wanted.distribution,
        "keys": [reference_key(text) for text in wanted.texts],
    }
    conditions = {
        "r.present": not wanted.gone,
        "r.text LIKE %(reference)s": wanted.reference,
        "coalesce(r.outcome, ri.outcome, i.outcome, 'pending') = ANY(%(outcomes)s::text[])": wanted.outcomes,
        " + ".join(f"y.{severity}" for severity in worse) + " > 0": worse,
        _WITH_PACKAGE: wanted.package,
        _WITH_VULNERABILITY: wanted.vulnerability,
        "p.distribution = %(distribution)s": wanted.distribution,
        "coalesce(y.not_covered + y.not_comparable, i.packages) > 0": wanted.not_covered,
        "r.key = ANY(%(keys)s::bytea[])": wanted.texts,
    }
    return ["true", *(condition for condition, asked in conditions.items() if asked)], parameters


def _spellings(identifier: str) -> list[str]:
    """An id as it may be written: `CVE-2024-1` all in capitals, `GHSA-x1y2` in its first part. An index finds each."""
    identifier = identifier.replace("\0", "")
    scheme, dash, rest = identifier.partition("-")
    return [identifier, identifier.upper(), f"{scheme.upper()}{dash}{rest.lower()}"]


def _like(pattern: str) -> str:
    for special in "\\%_":
        pattern = pattern.replace(special, f"\\{special}")
    return pattern.replace("\0", "").replace("*", "%")


_WITH_PACKAGE = """i.id IN (SELECT x.image FROM image_set x JOIN package_set k ON k.id = x.package_set
    WHERE k.members && ARRAY(SELECT n.id FROM package n WHERE md5(n.name) = md5(%(package)s) AND n.name = %(package)s))"""
_WITH_VULNERABILITY = """i.id IN (SELECT x.image FROM package_match m JOIN package_set k
    ON k.members @> ARRAY[m.package] AND coalesce(k.platform, 0) = m.platform JOIN image_set x ON x.package_set = k.id
    WHERE m.vulnerability = ANY(%(vulnerability)s::text[]))"""

# By reference; by the digest that references name (an index, or the image itself); by the image's own; by a beginning of it.
_BY_REFERENCE = lines.FROM_REFERENCES + lines.CHAIN
_BY_IMAGE = lines.FROM_IMAGES + lines.CHAIN
_WAYS_TO_FIND = (
    (_BY_REFERENCE, "WHERE r.key = %(key)s ORDER BY ri.ordinal"),
    (_BY_IMAGE, "WHERE i.digest = %(name)s"),
    (
        _BY_REFERENCE,
        "WHERE r.id = (SELECT min(n.id) FROM reference n WHERE n.target = %(name)s AND n.present) ORDER BY ri.ordinal",
    ),
    (
        _BY_IMAGE,
        "WHERE length(%(name)s) >= 19 AND i.digest >= %(name)s AND i.digest < %(after)s"
        " AND (SELECT count(*) FROM image n WHERE n.digest >= %(name)s AND n.digest < %(after)s) = 1",
    ),
)
