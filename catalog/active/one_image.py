"""Read queries for one image in depth: its packages, findings, chain and layers."""

from __future__ import annotations

from catalog.active.database import Row, Transaction
from catalog.active.views import ChainObjects, FindingRecord, LayerState, PackageRecord
from catalog.schemas import IMAGES, OCCURRENCES, PROBLEMS
from catalog.states import Coverage, FixState, Severity


def image_packages(tx: Transaction, image: int) -> list[PackageRecord]:
    """The distinct packages of an image, by type, name and version.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return [_package(row) for row in tx.rows(_PACKAGES, {"image": image})]


def image_owned_packages(tx: Transaction, image: int) -> list[PackageRecord]:
    """The distinct packages of an image that its operating system's own, by type, name and version.

    They are in none of its sets: no feed is asked about them, so each counts as not covered. One that somebody installed
    elsewhere in the image too is not among them, but among `image_packages`.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return [_package(row) for row in tx.rows(_OWNED_PACKAGES, {"image": image})]


def image_findings(tx: Transaction, image: int) -> list[FindingRecord]:
    """The advisories that match an image's packages, worst severity first, then by vulnerability, package and advisory.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return [
        FindingRecord(
            package=bytes(row[0]),
            type=row[1],
            name=row[2],
            version=row[3],
            vulnerability=row[4],
            advisory=row[5],
            severity=Severity(row[6]),
            score=row[7],
            fix_state=FixState(row[8]),
            fixed_version=row[9],
            how=row[10],
            ecosystem=row[11],
            compared_name=row[12],
            compared_version=row[13],
            range_text=row[14],
        )
        for row in tx.rows(_FINDINGS, {"image": image})
    ]


def image_chains(tx: Transaction, image: int) -> list[ChainObjects]:
    """The lineage of an image's chain, root first, with the objects that hold the occurrence deltas.

    Apply them in order: a row with change +1 puts (package, path), -1 takes it away. An object may hold other chains' rows
    too: filter by chain.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return [
        ChainObjects(bytes(chain), layer, tuple(keys))
        for chain, layer, keys in tx.rows(_CHAINS, {"image": image, "dataset": OCCURRENCES.name})
    ]


def image_chain(tx: Transaction, image: int, dataset: str) -> ChainObjects | None:
    """An image's own chain with the objects that may hold its rows of a dataset; None where the image has no chain.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
        dataset: name of a dataset whose rows only chains have that an image ends with (`owned_occurrences`,
            `privileged_files`).
    """
    found = tx.row(_CHAIN, {"image": image, "dataset": dataset})
    return None if found is None else ChainObjects(bytes(found[0]), found[1], tuple(found[2]))


def image_layers(tx: Transaction, image: int) -> list[LayerState]:
    """An image's layers, bottom first, how each analysis ended and where its problems are recorded.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return [
        LayerState(
            position=row[0],
            layer=row[1],
            size=row[2],
            outcome=row[3],
            reason=row[4],
            detail=row[5],
            problems=row[6],
            problem_keys=tuple(row[7]),
        )
        for row in tx.rows(_LAYERS, {"image": image, "dataset": PROBLEMS.name})
    ]


def image_keys(tx: Transaction, image: int) -> tuple[str, ...]:
    """The archive objects that may hold an image's own row, its configuration with it; filter them by its digest.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return tuple(str(key) for (key,) in tx.rows(_IMAGE_KEYS, {"image": image, "dataset": IMAGES.name}))


_IMAGE_KEYS = """
SELECT a.key FROM image i JOIN archive_commit c ON c.generation = i.generation
CROSS JOIN unnest(c.objects) o(id) JOIN archive_file a ON a.id = o.id
WHERE i.id = %(image)s AND a.dataset = %(dataset)s ORDER BY a.key
"""


def _package(row: Row) -> PackageRecord:
    pairs = (part.partition("=") for part in row[10].split("&") if part)
    return PackageRecord(
        package=bytes(row[0]),
        type=row[1],
        namespace=row[2],
        name=row[3],
        version=row[4],
        epoch=row[5],
        architecture=row[6],
        source_name=row[7],
        source_version=row[8],
        module=row[9],
        qualifiers=tuple((key, value) for key, _, value in pairs),
        licences=tuple(row[11]),
        role=row[12],
        coverage=Coverage(row[13]),
        ecosystem_platform=(row[14], row[15]),
    )


_PACKAGES = """
SELECT p.content_id, p.type, p.namespace, p.name, p.version, p.epoch, p.architecture, p.source_name, p.source_version,
    p.module, p.qualifiers, p.licences, p.role, coalesce(j.coverage, 'not covered'), coalesce(f.distribution, ''),
    coalesce(f.version, '')
FROM image_set x JOIN package_set k ON k.id = x.package_set CROSS JOIN unnest(k.members) m(package)
JOIN package p ON p.id = m.package LEFT JOIN platform f ON f.id = k.platform
LEFT JOIN judgement j ON (j.package, j.platform) = (m.package, coalesce(k.platform, 0))
    AND j.snapshot = (SELECT id FROM advisory_snapshot WHERE current)
WHERE x.image = %(image)s ORDER BY p.type, p.namespace, p.name, p.version, p.architecture, p.content_id
"""
# They are a language's: of no platform, and judged by nobody, whatever is known of them where they are not owned.
_OWNED_PACKAGES = """
SELECT p.content_id, p.type, p.namespace, p.name, p.version, p.epoch, p.architecture, p.source_name, p.source_version,
    p.module, p.qualifiers, p.licences, p.role, 'not covered', '', ''
FROM image i JOIN chain c ON c.id = i.chain JOIN package_set k ON k.id = ANY(c.owned_sets)
CROSS JOIN unnest(k.members) m(package) JOIN package p ON p.id = m.package
WHERE i.id = %(image)s ORDER BY p.type, p.namespace, p.name, p.version, p.architecture, p.content_id
"""
_FINDINGS = """
SELECT p.content_id, p.type, p.name, p.version, m.vulnerability, m.advisory, m.severity, m.score, m.fix_state,
    m.fixed_version, m.how, m.ecosystem, m.compared_name, m.compared_version, m.range_text
FROM image_set x JOIN package_set k ON k.id = x.package_set CROSS JOIN unnest(k.members) u(package)
JOIN package_match m ON (m.package, m.platform) = (u.package, coalesce(k.platform, 0))
JOIN package p ON p.id = u.package
WHERE x.image = %(image)s AND EXISTS (SELECT FROM advisory_snapshot WHERE current)
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low', 'negligible', 'unknown'], m.severity),
    m.vulnerability, p.type, p.name, p.version, p.content_id, m.advisory, m.ecosystem, m.range_text
"""
_CHAINS = """
WITH RECURSIVE lineage AS (
    SELECT c.*, 0 AS depth FROM image i JOIN chain c ON c.id = i.chain WHERE i.id = %(image)s
    UNION ALL SELECT c.*, n.depth + 1 FROM lineage n JOIN chain c ON c.id = n.parent
)
SELECT n.content_id, l.digest, ARRAY(SELECT a.key FROM archive_file a
    WHERE a.id = ANY(n.objects) AND a.dataset = %(dataset)s ORDER BY a.key)
FROM lineage n JOIN layer l ON l.id = n.layer ORDER BY n.depth DESC
"""
_CHAIN = """
SELECT c.content_id, l.digest, ARRAY(SELECT a.key FROM archive_file a
    WHERE a.id = ANY(c.objects) AND a.dataset = %(dataset)s ORDER BY a.key)
FROM image i JOIN chain c ON c.id = i.chain JOIN layer l ON l.id = c.layer WHERE i.id = %(image)s
"""
_LAYERS = """
SELECT (u.position - 1)::int, l.digest, l.size, coalesce(lr.outcome, l.outcome, 'pending'), coalesce(lr.reason, l.reason),
    coalesce(lr.detail, l.detail), coalesce(lr.problems, 0),
    CASE WHEN lr.problems > 0 THEN ARRAY(SELECT a.key FROM archive_file a
        WHERE a.id = ANY(lr.objects) AND a.dataset = %(dataset)s ORDER BY a.key) ELSE '{}' END
FROM image i CROSS JOIN unnest(i.layers) WITH ORDINALITY u(id, position) JOIN layer l ON l.id = u.id
LEFT JOIN LATERAL (SELECT * FROM layer_result t WHERE t.layer = l.id
    ORDER BY t.fingerprint_set = i.fingerprint_set DESC NULLS LAST, t.generation DESC LIMIT 1) lr ON true
WHERE i.id = %(image)s ORDER BY u.position
"""
