"""Summaries of package sets and images. Parameters: snapshot (0: none), everything.

With no snapshot nothing is judged, and every package is not covered. With one, a package that it has not judged yet counts
as not covered and as unjudged; its set is looked at again. Sets that no image has are left alone: what an operating
system's packages own is nobody's finding.
"""

ANYTHING = """
SELECT %(everything)s
OR EXISTS (SELECT FROM package_set k LEFT JOIN set_summary y ON y.package_set = k.id
    WHERE k.generation IS NOT NULL AND (y.snapshot IS DISTINCT FROM %(snapshot)s OR y.unjudged > 0)
    AND EXISTS (SELECT FROM image_set x WHERE x.package_set = k.id))
OR EXISTS (SELECT FROM image i LEFT JOIN image_summary y ON y.image = i.id
    WHERE i.outcome IN ('analysed', 'partial') AND y.snapshot IS DISTINCT FROM %(snapshot)s)
"""

TOUCHED_SETS = """
CREATE TEMPORARY TABLE touched_sets ON COMMIT DROP AS
SELECT k.id, coalesce(k.platform, 0) AS platform, k.members
FROM package_set k LEFT JOIN set_summary y ON y.package_set = k.id
WHERE k.generation IS NOT NULL AND (%(everything)s OR y.snapshot IS DISTINCT FROM %(snapshot)s OR y.unjudged > 0)
AND EXISTS (SELECT FROM image_set x WHERE x.package_set = k.id)
"""

# Findings are counted once for each (package, platform), not once for each set; a set adds its packages up.
SETS = """
WITH members AS (SELECT t.id, t.platform, m.package FROM touched_sets t CROSS JOIN unnest(t.members) m(package)),
pairs AS (SELECT DISTINCT package, platform FROM members),
findings AS (
    SELECT package, platform, vulnerability,
        min(array_position(ARRAY['critical', 'high', 'medium', 'low', 'negligible', 'unknown'], severity)) AS rank,
        bool_or(fix_state = 'fixed') AS fixable
    FROM package_match JOIN pairs USING (package, platform)
    WHERE %(snapshot)s <> 0 GROUP BY package, platform, vulnerability
),
counted AS (
    SELECT package, platform, count(*) FILTER (WHERE rank = 1) AS critical, count(*) FILTER (WHERE rank = 2) AS high,
        count(*) FILTER (WHERE rank = 3) AS medium, count(*) FILTER (WHERE rank = 4) AS low,
        count(*) FILTER (WHERE rank = 5) AS negligible, count(*) FILTER (WHERE rank = 6) AS unknown,
        count(*) FILTER (WHERE fixable) AS fixable
    FROM findings GROUP BY package, platform
),
summed AS (
    SELECT m.id, coalesce(sum(c.critical), 0) AS critical, coalesce(sum(c.high), 0) AS high,
        coalesce(sum(c.medium), 0) AS medium, coalesce(sum(c.low), 0) AS low,
        coalesce(sum(c.negligible), 0) AS negligible, coalesce(sum(c.unknown), 0) AS unknown,
        coalesce(sum(c.fixable), 0) AS fixable, count(*) AS packages,
        count(*) FILTER (WHERE j.coverage = 'covered') AS covered,
        count(*) FILTER (WHERE coalesce(j.coverage, 'not covered') = 'not covered') AS not_covered,
        count(*) FILTER (WHERE j.coverage = 'not comparable') AS not_comparable,
        count(*) FILTER (WHERE j.coverage IS NULL AND %(snapshot)s <> 0) AS unjudged
    FROM members m
    LEFT JOIN counted c ON (c.package, c.platform) = (m.package, m.platform)
    LEFT JOIN judgement j ON (j.package, j.platform, j.snapshot) = (m.package, m.platform, %(snapshot)s)
    GROUP BY m.id
)
INSERT INTO set_summary (package_set, snapshot, critical, high, medium, low, negligible, unknown, fixable, packages, covered,
    not_covered, not_comparable, unjudged)
SELECT id, %(snapshot)s, critical, high, medium, low, negligible, unknown, fixable, packages, covered, not_covered,
    not_comparable, unjudged FROM summed
ON CONFLICT (package_set) DO UPDATE SET snapshot = excluded.snapshot, critical = excluded.critical, high = excluded.high,
    medium = excluded.medium, low = excluded.low, negligible = excluded.negligible, unknown = excluded.unknown,
    fixable = excluded.fixable, packages = excluded.packages, covered = excluded.covered, not_covered = excluded.not_covered,
    not_comparable = excluded.not_comparable, unjudged = excluded.unjudged
WHERE set_summary IS DISTINCT FROM excluded
"""

TOUCHED_IMAGES = """
CREATE TEMPORARY TABLE touched_images ON COMMIT DROP AS
SELECT i.id FROM image i LEFT JOIN image_summary y ON y.image = i.id
WHERE i.outcome IN ('analysed', 'partial') AND (%(everything)s OR y.snapshot IS DISTINCT FROM %(snapshot)s
    OR EXISTS (SELECT FROM image_set x JOIN touched_sets t ON t.id = x.package_set WHERE x.image = i.id))
"""

IMAGES = """
INSERT INTO image_summary (image, snapshot, critical, high, medium, low, negligible, unknown, fixable, packages, covered,
    not_covered, not_comparable)
SELECT t.id, %(snapshot)s, coalesce(sum(y.critical), 0), coalesce(sum(y.high), 0), coalesce(sum(y.medium), 0),
    coalesce(sum(y.low), 0), coalesce(sum(y.negligible), 0), coalesce(sum(y.unknown), 0), coalesce(sum(y.fixable), 0),
    coalesce(sum(y.packages), 0), coalesce(sum(y.covered), 0), coalesce(sum(y.not_covered), 0),
    coalesce(sum(y.not_comparable), 0)
FROM touched_images t LEFT JOIN image_set x ON x.image = t.id LEFT JOIN set_summary y ON y.package_set = x.package_set
GROUP BY t.id
ON CONFLICT (image) DO UPDATE SET snapshot = excluded.snapshot, critical = excluded.critical, high = excluded.high,
    medium = excluded.medium, low = excluded.low, negligible = excluded.negligible, unknown = excluded.unknown,
    fixable = excluded.fixable, packages = excluded.packages, covered = excluded.covered, not_covered = excluded.not_covered,
    not_comparable = excluded.not_comparable
WHERE image_summary IS DISTINCT FROM excluded
"""
