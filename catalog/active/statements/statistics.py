"""The queries behind `longshore status`."""

REFERENCES = """
SELECT outcome, count(*) FROM (
    SELECT coalesce(r.outcome,
        (ARRAY['analysed', 'skipped', 'partial', 'pending', 'failed'])[max(array_position(
            ARRAY['analysed', 'skipped', 'partial', 'pending', 'failed'], coalesce(ri.outcome, i.outcome)))],
        'pending') AS outcome
    FROM reference r LEFT JOIN reference_image ri ON ri.reference = r.id LEFT JOIN image i ON i.id = ri.image
    WHERE r.present GROUP BY r.id, r.outcome) worst
GROUP BY outcome ORDER BY array_position(ARRAY['analysed', 'skipped', 'partial', 'pending', 'failed'], outcome)
"""
"""Present references by the worst outcome of their images (states.Outcome, best first)."""

IMAGES = """
SELECT outcome, count(*) FROM image
GROUP BY outcome ORDER BY array_position(ARRAY['analysed', 'skipped', 'partial', 'pending', 'failed'], outcome)
"""
RESIDENCES = "SELECT residence, count(*) FROM image GROUP BY residence ORDER BY residence"

REASONS = """
SELECT outcome, reason, count(*) FROM (
    SELECT outcome, reason FROM image WHERE outcome <> 'analysed'
    UNION ALL SELECT ri.outcome, ri.reason FROM reference_image ri JOIN reference r ON r.id = ri.reference
        WHERE ri.outcome IS NOT NULL AND r.outcome IS NULL AND r.present
    UNION ALL SELECT outcome, reason FROM reference WHERE outcome IS NOT NULL AND present) each
GROUP BY outcome, reason ORDER BY count(*) DESC, outcome, reason
"""

NUMBER_NAMES = (
    *("references_gone", "layers", "layers_with_result", "layers_failed", "layer_edges", "layer_bytes", "edge_bytes"),
    *("chains", "packages", "package_sets", "set_edges", "generation", "objects", "object_bytes", "leases"),
)
"""Columns of NUMBERS."""
NUMBERS = """
WITH edges AS (SELECT count(*) AS edges, coalesce(sum(greatest(l.size, 0)), 0)::bigint AS bytes
    FROM image i CROSS JOIN unnest(i.layers) u(id) JOIN layer l ON l.id = u.id)
SELECT (SELECT count(*) FROM reference WHERE NOT present),
    (SELECT count(*) FROM layer),
    (SELECT count(*) FROM layer l WHERE EXISTS (SELECT FROM layer_result lr WHERE lr.layer = l.id)),
    (SELECT count(*) FROM layer WHERE outcome = 'failed'),
    edges.edges,
    (SELECT coalesce(sum(greatest(size, 0)), 0)::bigint FROM layer),
    edges.bytes,
    (SELECT count(*) FROM chain WHERE generation IS NOT NULL),
    (SELECT count(*) FROM package),
    (SELECT count(*) FROM package_set k WHERE generation IS NOT NULL
        AND EXISTS (SELECT FROM image_set x WHERE x.package_set = k.id)),
    (SELECT count(*) FROM image_set),
    (SELECT generation FROM archive_counter),
    (SELECT count(*) FROM archive_file WHERE state = 'live'),
    (SELECT coalesce(sum(size), 0)::bigint FROM archive_file WHERE state = 'live'),
    (SELECT count(*) FROM lease WHERE expires_at >= clock_timestamp())
FROM edges
"""

FINDINGS = """
SELECT coalesce(sum(y.critical), 0)::bigint, coalesce(sum(y.high), 0)::bigint, coalesce(sum(y.medium), 0)::bigint,
    coalesce(sum(y.low), 0)::bigint, coalesce(sum(y.negligible), 0)::bigint, coalesce(sum(y.unknown), 0)::bigint,
    coalesce(sum(y.fixable), 0)::bigint, coalesce(sum(y.covered), 0)::bigint, coalesce(sum(y.not_covered), 0)::bigint,
    coalesce(sum(y.not_comparable), 0)::bigint
FROM image_summary y
WHERE EXISTS (SELECT FROM reference_image ri JOIN reference r ON r.id = ri.reference WHERE ri.image = y.image AND r.present)
"""

UNJUDGED = """
SELECT count(*) FROM (
    SELECT DISTINCT m.package, coalesce(k.platform, 0) AS platform
    FROM package_set k LEFT JOIN set_summary y ON y.package_set = k.id CROSS JOIN unnest(k.members) m(package)
    WHERE k.generation IS NOT NULL AND (y.snapshot IS DISTINCT FROM %(snapshot)s OR y.unjudged > 0)
    AND EXISTS (SELECT FROM image_set x WHERE x.package_set = k.id)) q
WHERE NOT EXISTS (SELECT FROM judgement j WHERE (j.package, j.platform, j.snapshot) = (q.package, q.platform, %(snapshot)s))
"""
"""Pairs of package and platform that the snapshot has not judged."""
