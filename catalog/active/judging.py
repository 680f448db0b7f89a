"""Matching's way in and out of the active set: packages to judge, judgements and matches, and the summaries made of them.

A package is judged once for each platform it occurs on, whatever the number of images. A set's summary adds up its
packages, an image's its sets, which are disjoint; both are made in Postgres, and only where something changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from catalog.active.database import Database, Transaction
from catalog.active.statements import summaries

NO_PLATFORM = 0
"""The platform of a package that belongs to no distribution."""

UNJUDGED_SCHEMA = pa.schema(
    [
        ("package", pa.int32()),
        ("platform", pa.int32()),
        *(
            (name, pa.string())
            for name in ("distribution", "distribution_version", "type", "namespace", "name", "version")
        ),
        ("epoch", pa.int32()),
        *((name, pa.string()) for name in ("architecture", "source_name", "source_version", "module", "qualifiers")),
    ]
)
"""What `unjudged_packages` gives; `package` and `platform` are the active set's own integers."""
JUDGEMENT_SCHEMA = pa.schema([("package", pa.int32()), ("platform", pa.int32()), ("coverage", pa.string())])
"""A judgement: coverage is a word of states.Coverage."""
MATCH_SCHEMA = pa.schema(
    [
        ("package", pa.int32()),
        ("platform", pa.int32()),
        *((name, pa.string()) for name in ("advisory", "vulnerability", "severity")),
        ("score", pa.float32()),
        *((name, pa.string()) for name in ("fix_state", "fixed_version", "how", "compared_name", "compared_version")),
        *((name, pa.string()) for name in ("range_text", "ecosystem")),
    ]
)
"""A match: severity and fix_state are words of states; score may be null."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many summaries were looked at because something under them changed."""

    sets: int = 0
    images: int = 0


def unjudged_packages(tx: Transaction, snapshot: int) -> pa.Table:
    """The distinct (package, platform) pairs of all images' package sets that this snapshot has not judged yet.

    Sets that are only owned by an operating system's packages are no image's.

    Args:
        tx: a transaction.
        snapshot: integer of the snapshot, Snapshot.snapshot.

    Returns:
        UNJUDGED_SCHEMA; platform is NO_PLATFORM for packages of no distribution.
    """
    # The snapshot is a number of ours, and COPY takes no parameters but those put into its text.
    return tx.table(_UNJUDGED, UNJUDGED_SCHEMA, {"snapshot": snapshot})


def commit_judgements(
    db: Database, snapshot: int, judgements: pa.Table, matches: pa.Table, *, replace_all: bool = False
) -> None:
    """Record how packages were judged, in place of what was known of them.

    Args:
        db: the active set.
        snapshot: integer of the snapshot that judged.
        judgements: JUDGEMENT_SCHEMA, a row for each pair that was judged.
        matches: MATCH_SCHEMA, only of those pairs.
        replace_all: forget the judgements of every other pair too.
    """
    if not judgements.num_rows and not replace_all:
        return
    with db.transaction() as tx:
        tx.stage("staged_judgement", judgements.select(JUDGEMENT_SCHEMA.names).cast(JUDGEMENT_SCHEMA))
        tx.stage("staged_match", matches.select(MATCH_SCHEMA.names).cast(MATCH_SCHEMA))
        tx.lock_writers()
        for statement in _FORGET_ALL if replace_all else _FORGET:
            tx.execute(statement)
        tx.execute(_JUDGEMENTS, {"snapshot": snapshot})
        tx.execute(_MATCHES)


def refresh_summaries(db: Database, *, everything: bool = False) -> Refreshed:
    """Make the summaries of sets and images anew where the snapshot, a judgement or an image's sets changed.

    Writes nothing where nothing changed. Counts are findings: distinct (package, vulnerability) of a set, each at the worst
    severity that an advisory gives it, fixable where any names a fix.

    Args:
        db: the active set.
        everything: all of them, whatever they say.
    """
    with db.transaction() as tx:
        row = tx.row("SELECT id FROM advisory_snapshot WHERE current")
        parameters = {"snapshot": row[0] if row else 0, "everything": everything}
        touched = tx.row(summaries.ANYTHING, parameters)
        if touched is None or not touched[0]:
            return Refreshed()
        tx.lock_writers()
        tx.execute(summaries.TOUCHED_SETS, parameters)
        sets = tx.execute(summaries.SETS, parameters)
        tx.execute(summaries.TOUCHED_IMAGES, parameters)
        images = tx.execute(summaries.IMAGES, parameters)
        return Refreshed(sets, images)


# Only sets whose summary is not of this snapshot can hold a pair that it has not judged.
_UNJUDGED = """
WITH pairs AS (
    SELECT DISTINCT m.package, coalesce(k.platform, 0) AS platform
    FROM package_set k LEFT JOIN set_summary y ON y.package_set = k.id CROSS JOIN unnest(k.members) m(package)
    WHERE k.generation IS NOT NULL AND (y.snapshot IS DISTINCT FROM %(snapshot)s OR y.unjudged > 0)
    AND EXISTS (SELECT FROM image_set x WHERE x.package_set = k.id)
)
SELECT p.id, q.platform, coalesce(f.distribution, ''), coalesce(f.version, ''), p.type, p.namespace, p.name, p.version,
    p.epoch, p.architecture, p.source_name, p.source_version, p.module, p.qualifiers
FROM pairs q JOIN package p ON p.id = q.package LEFT JOIN platform f ON f.id = q.platform
WHERE NOT EXISTS (SELECT FROM judgement j WHERE (j.package, j.platform, j.snapshot) = (q.package, q.platform, %(snapshot)s))
ORDER BY 1, 2
"""
_FORGET_ALL = (
    "DELETE FROM package_match",
    "DELETE FROM judgement j WHERE NOT EXISTS"
    " (SELECT FROM staged_judgement s WHERE (s.package, s.platform) = (j.package, j.platform))",
)
_FORGET = (
    "DELETE FROM package_match m USING staged_judgement s WHERE (s.package, s.platform) = (m.package, m.platform)",
)
_JUDGEMENTS = """
INSERT INTO judgement (package, platform, snapshot, coverage)
SELECT DISTINCT ON (package, platform) package, platform, %(snapshot)s, coverage FROM staged_judgement ORDER BY package, platform
ON CONFLICT (package, platform) DO UPDATE SET snapshot = excluded.snapshot, coverage = excluded.coverage
WHERE (judgement.snapshot, judgement.coverage) IS DISTINCT FROM (excluded.snapshot, excluded.coverage)
"""
_MATCHES = """
INSERT INTO package_match (package, platform, advisory, vulnerability, severity, score, fix_state, fixed_version, how,
    compared_name, compared_version, range_text, ecosystem)
SELECT DISTINCT package, platform, coalesce(advisory, ''), coalesce(vulnerability, ''), coalesce(severity, 'unknown'), score,
    coalesce(fix_state, 'unknown'), coalesce(fixed_version, ''), coalesce(how, ''), coalesce(compared_name, ''),
    coalesce(compared_version, ''), coalesce(range_text, ''), coalesce(ecosystem, '')
FROM staged_match
"""
