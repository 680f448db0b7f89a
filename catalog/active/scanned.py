"""What the references of one scan add up to, asked of the active set when the scan has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from catalog.active.database import Database
from catalog.active.listing import reference_key
from catalog.active.views import CoverageCounts, FindingCounts
from catalog.states import Outcome


@dataclass(frozen=True, slots=True)
class ScannedFigures:
    """The images behind some references, each image counted once however many references lead to it.

    Args:
        outcomes: (reference, platform) pairs by outcome; a reference that leads to none counts as one.
        images: distinct images.
        layers_named: layers that these images name, each as often as an image names it.
        layers_unique: distinct layers among them.
        bytes_named: compressed bytes of `layers_named`.
        findings: summed over the distinct images.
        coverage: packages, summed over the distinct images.
    """

    outcomes: tuple[tuple[Outcome, int], ...]
    images: int
    layers_named: int
    layers_unique: int
    bytes_named: int
    findings: FindingCounts
    coverage: CoverageCounts


_OUTCOMES = """
SELECT coalesce(r.outcome, ri.outcome, i.outcome, 'pending') AS outcome, count(*)
FROM scanned s JOIN reference r ON r.key = s.key
LEFT JOIN reference_image ri ON ri.reference = r.id AND r.outcome IS NULL
LEFT JOIN image i ON i.id = ri.image
GROUP BY 1 ORDER BY 1
"""

_IMAGES = """
WITH images AS (
    SELECT DISTINCT ri.image AS id
    FROM scanned s JOIN reference r ON r.key = s.key
    JOIN reference_image ri ON ri.reference = r.id
    WHERE r.outcome IS NULL AND ri.image IS NOT NULL
), edges AS (
    SELECT e.layer FROM images JOIN image i USING (id) CROSS JOIN LATERAL unnest(i.layers) AS e(layer)
), shared AS (
    SELECT count(*) AS named, count(DISTINCT e.layer) AS unique_layers, coalesce(sum(greatest(l.size, 0)), 0) AS bytes
    FROM edges e JOIN layer l ON l.id = e.layer
), summed AS (
    SELECT count(*) AS images,
        coalesce(sum(m.critical), 0) AS critical, coalesce(sum(m.high), 0) AS high, coalesce(sum(m.medium), 0) AS medium,
        coalesce(sum(m.low), 0) AS low, coalesce(sum(m.negligible), 0) AS negligible, coalesce(sum(m.unknown), 0) AS unknown,
        coalesce(sum(m.fixable), 0) AS fixable, coalesce(sum(m.covered), 0) AS covered,
        coalesce(sum(coalesce(m.not_covered, i.packages)), 0) AS not_covered,
        coalesce(sum(m.not_comparable), 0) AS not_comparable
    FROM images JOIN image i USING (id) LEFT JOIN image_summary m ON m.image = images.id
)
SELECT images, named, unique_layers, bytes,
    critical, high, medium, low, negligible, unknown, fixable, covered, not_covered, not_comparable
FROM shared, summed
"""


def scanned_figures(db: Database, references: Iterable[str]) -> ScannedFigures:
    """Add up what some references lead to now.

    Args:
        db: the active set.
        references: canonical texts.

    Raises:
        DatabaseUnreachable: Postgres does not answer.
    """
    named = pa.table({"key": pa.array([reference_key(text) for text in dict.fromkeys(references)], pa.binary())})
    with db.transaction() as tx:
        tx.stage("scanned", named)
        outcomes = tuple((Outcome(word), int(number)) for word, number in tx.rows(_OUTCOMES))
        row = tx.row(_IMAGES) or (0,) * 14
    images, layers_named, layers_unique, bytes_named, *counts = (int(value) for value in row)
    return ScannedFigures(
        outcomes=outcomes,
        images=images,
        layers_named=layers_named,
        layers_unique=layers_unique,
        bytes_named=bytes_named,
        findings=FindingCounts(*counts[:7]),
        coverage=CoverageCounts(*counts[7:]),
    )
