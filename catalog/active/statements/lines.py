"""The query behind a line of `longshore images`, and its way into values."""

from catalog.active.database import Row
from catalog.active.views import CoverageCounts, FindingCounts, ImageLine
from catalog.images import ImagePlatform
from catalog.states import Outcome, Residence

COLUMNS = """
SELECT r.text, coalesce(i.digest, ri.digest, ''), coalesce(i.os, ri.os, ''), coalesce(i.architecture, ri.architecture, ''),
    coalesce(i.variant, ri.variant, ''), coalesce(r.outcome, ri.outcome, i.outcome, 'pending'),
    coalesce(nullif(r.reason, ''), nullif(ri.reason, ''), i.reason, ''),
    coalesce(nullif(r.detail, ''), nullif(ri.detail, ''), i.detail, ''),
    coalesce(i.residence, 'active'), coalesce(r.present, true),
    coalesce(nullif(p.name, ''), nullif(concat_ws(' ', p.distribution, p.version), ''), ''), coalesce(i.packages, 0),
    coalesce(y.critical, 0), coalesce(y.high, 0), coalesce(y.medium, 0), coalesce(y.low, 0), coalesce(y.negligible, 0),
    coalesce(y.unknown, 0), coalesce(y.fixable, 0), coalesce(y.covered, 0),
    coalesce(y.not_covered, i.packages, 0), coalesce(y.not_comparable, 0), i.first_analysed
"""
"""What `image_line` reads; an image that is not summed up yet has no package that is covered."""
WIDTH = 23
"""Number of those columns."""

FROM_REFERENCES = """
FROM reference r LEFT JOIN reference_image ri ON ri.reference = r.id AND r.outcome IS NULL
LEFT JOIN image i ON i.id = ri.image LEFT JOIN platform p ON p.id = i.platform LEFT JOIN image_summary y ON y.image = i.id
"""
"""Where they come from, when one asks by reference."""

FROM_IMAGES = """
FROM image i CROSS JOIN LATERAL (SELECT coalesce(min(n.text) FILTER (WHERE n.present), min(n.text), '') AS text,
        coalesce(bool_or(n.present), false) AS present, NULL::text AS outcome, '' AS reason, '' AS detail, NULL::text AS target
    FROM reference_image e JOIN reference n ON n.id = e.reference WHERE e.image = i.id) r
CROSS JOIN LATERAL (SELECT NULL::text AS digest, NULL::text AS os, NULL::text AS architecture, NULL::text AS variant,
    NULL::text AS outcome, '' AS reason, '' AS detail, 0 AS ordinal) ri
LEFT JOIN platform p ON p.id = i.platform LEFT JOIN image_summary y ON y.image = i.id
"""
"""The same when one asks by the image's digest: its first present reference stands for all."""

DETAILS = """,
    coalesce(i.id, 0), coalesce(r.target, ''), coalesce(i.media_type, ''), coalesce(i.created, ''), c.content_id,
    ARRAY(SELECT l.digest FROM unnest(i.layers) WITH ORDINALITY u(id, position) JOIN layer l ON l.id = u.id ORDER BY u.position),
    ARRAY(SELECT n.text FROM reference_image e JOIN reference n ON n.id = e.reference
          WHERE e.image = i.id AND n.present GROUP BY n.text ORDER BY n.text),
    coalesce(p.distribution, ''), coalesce(p.version, ''), coalesce(p.cpes, '{}')
"""
"""Further columns for one image in depth; they need `CHAIN` joined."""
CHAIN = "LEFT JOIN chain c ON c.id = i.chain "


def image_line(row: Row) -> ImageLine:
    """The line behind the first WIDTH columns of a row."""
    return ImageLine(
        reference=row[0],
        digest=row[1],
        platform=ImagePlatform(*row[2:5]),
        state=Outcome(row[5]),
        reason=row[6],
        detail=row[7],
        residence=Residence(row[8]),
        present=row[9],
        distribution=row[10],
        packages=row[11],
        findings=FindingCounts(*row[12:19]),
        coverage=CoverageCounts(*row[19:22]),
        first_analysed=row[22],
    )
