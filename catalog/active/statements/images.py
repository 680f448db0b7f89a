"""Committing compositions, second part: the images' outcomes and their sets.

From staged_outcome (an image each) and staged_composed (those with a chain). Parameters: run, generation, fingerprints.
"""

_IMAGES = """
UPDATE image i SET chain = c.id, platform = c.platform, packages = coalesce(c.packages, 0), outcome = s.outcome,
    reason = s.reason, detail = s.detail, fingerprint_set = %(fingerprints)s, generation = %(generation)s, run = %(run)s,
    attempts = i.attempts + 1,
    first_analysed = coalesce(i.first_analysed, CASE WHEN s.outcome IN ('analysed', 'partial') THEN now() END)
FROM staged_outcome s LEFT JOIN staged_composed m ON m.image = s.digest LEFT JOIN chain c ON c.content_id = m.chain
WHERE i.digest = s.digest
AND (i.chain, i.platform, i.packages, i.outcome, i.reason, i.detail, i.fingerprint_set)
    IS DISTINCT FROM (c.id, c.platform, coalesce(c.packages, 0), s.outcome, s.reason, s.detail, %(fingerprints)s)
"""
_EDGES = """
CREATE TEMPORARY TABLE image_edges ON COMMIT DROP AS
SELECT DISTINCT i.id AS image, e.package_set FROM staged_outcome s JOIN image i ON i.digest = s.digest
JOIN chain c ON c.id = i.chain CROSS JOIN unnest(c.sets) e(package_set)
"""
# A summary is of the image's sets: where they change, it is made anew.
_FORMER_SUMMARIES = """
DELETE FROM image_summary y USING staged_outcome s JOIN image i ON i.digest = s.digest WHERE y.image = i.id
AND (EXISTS (SELECT FROM image_set x WHERE x.image = i.id AND NOT EXISTS
        (SELECT FROM image_edges e WHERE e.image = x.image AND e.package_set = x.package_set))
    OR EXISTS (SELECT FROM image_edges e WHERE e.image = i.id AND NOT EXISTS
        (SELECT FROM image_set x WHERE x.image = e.image AND x.package_set = e.package_set)))
"""
_FORMER_EDGES = """
DELETE FROM image_set x USING staged_outcome s JOIN image i ON i.digest = s.digest WHERE x.image = i.id
AND NOT EXISTS (SELECT FROM image_edges e WHERE e.image = x.image AND e.package_set = x.package_set)
"""
_NEW_EDGES = (
    "INSERT INTO image_set (image, package_set) SELECT image, package_set FROM image_edges e ON CONFLICT DO NOTHING"
)

ALL = (_IMAGES, _EDGES, _FORMER_SUMMARIES, _FORMER_EDGES, _NEW_EDGES)
"""In this order."""
