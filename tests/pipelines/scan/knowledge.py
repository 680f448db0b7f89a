"""What a home knows, by names that come from content, so that two homes can be held to each other."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.active.database import Row, Transaction
from catalog.active.fleet import image_chains
from catalog.active.log import last_generation
from catalog.manifests import read_manifests
from catalog.settings import Settings
from pipelines.occurrences import image_occurrences
from pipelines.workspace import open_workspace

_QUESTIONS = {
    "references": """
        SELECT r.text, r.target, r.present, r.outcome, r.reason, ri.ordinal, ri.os, ri.architecture, ri.digest, ri.outcome,
            ri.reason, i.digest
        FROM reference r LEFT JOIN reference_image ri ON ri.reference = r.id LEFT JOIN image i ON i.id = ri.image""",
    "images": """
        SELECT i.digest, i.outcome, i.reason, i.packages, encode(c.content_id, 'hex'), encode(p.content_id, 'hex'),
            f.members::text, i.first_analysed IS NULL,
            (SELECT array_agg(encode(k.content_id, 'hex') ORDER BY k.content_id)::text
             FROM image_set x JOIN package_set k ON k.id = x.package_set WHERE x.image = i.id)
        FROM image i LEFT JOIN chain c ON c.id = i.chain LEFT JOIN platform p ON p.id = i.platform
        LEFT JOIN fingerprint_set f ON f.id = i.fingerprint_set""",
    "layers": """
        SELECT l.digest, l.outcome, l.reason, lr.outcome, lr.reason, encode(lr.composition_hash, 'hex'), lr.entries,
            lr.packages, lr.problems, lr.tar_size
        FROM layer l LEFT JOIN layer_result lr ON lr.layer = l.id""",
    "chains": """
        SELECT encode(c.content_id, 'hex'), encode(p.content_id, 'hex'), l.digest, c.packages, c.generation IS NULL
        FROM chain c LEFT JOIN chain p ON p.id = c.parent JOIN layer l ON l.id = c.layer""",
    "sets": """
        SELECT encode(k.content_id, 'hex'), k.type, k.generation IS NULL,
            (SELECT array_agg(encode(p.content_id, 'hex') ORDER BY p.content_id)::text FROM package p
             WHERE p.id = ANY(k.members))
        FROM package_set k""",
    "packages": "SELECT encode(content_id, 'hex'), type, name, version, role FROM package",
    "matches": """
        SELECT encode(p.content_id, 'hex'), m.vulnerability, m.advisory, m.severity, m.fix_state, m.fixed_version
        FROM package_match m JOIN package p ON p.id = m.package""",
    "judgements": """
        SELECT encode(p.content_id, 'hex'), j.coverage FROM judgement j JOIN package p ON p.id = j.package""",
    "summaries": """
        SELECT i.digest, y.critical, y.high, y.medium, y.low, y.unknown, y.fixable, y.packages, y.covered, y.not_covered,
            y.not_comparable
        FROM image_summary y JOIN image i ON i.id = y.image""",
}

Knowledge = dict[str, set[Row]]


def knowledge(settings: Settings) -> Knowledge:
    """Everything that a scan may leave in the active set but for numbers, times and runs, and the packages' places."""
    with open_workspace(settings, writes=False) as workspace, workspace.database.transaction() as tx:
        known = {name: {tuple(row) for row in tx.rows(question)} for name, question in _QUESTIONS.items()}
        known["places"] = {
            (digest, place.package.hex(), place.path, place.introduced, place.evidence)
            for image, digest in tx.rows("SELECT id, digest FROM image WHERE chain IS NOT NULL")
            for place in image_occurrences(workspace.store, image_chains(tx, image))
        }
    return known


def differences(left: Knowledge, right: Knowledge) -> dict[str, set[Row]]:
    """Rows that only one of the two has, by question."""
    return {name: left[name] ^ right[name] for name in left if left[name] != right[name]}


def faults(settings: Settings) -> list[str]:
    """What must never be found in a home at rest, whatever it went through."""
    with open_workspace(settings) as workspace, workspace.database.transaction() as tx:
        found = [f"{what}: {rows}" for what, rows in _faulty_rows(tx).items() if rows]
        generations = [manifest.generation for manifest in read_manifests(workspace.store)]
        if generations != list(range(1, last_generation(tx) + 1)):
            found.append(f"manifests: {generations}")
        keys = {key for (key,) in tx.rows("SELECT key FROM archive_file WHERE state = 'live'")}
        found += [f"missing object: {key}" for key in sorted(keys) if not workspace.store.exists(key)]
    return found + [f"left behind: {path}" for path in _leftovers(settings.home)]


def _faulty_rows(tx: Transaction) -> dict[str, list[Row]]:
    questions = {
        "references without exactly one outcome for each platform": """
            SELECT r.text FROM reference r LEFT JOIN reference_image ri ON ri.reference = r.id
            GROUP BY r.id HAVING (r.outcome IS NULL) = (count(ri.reference) = 0)
            UNION ALL SELECT r.text FROM reference r JOIN reference_image ri ON ri.reference = r.id
            WHERE (ri.image IS NULL) = (ri.outcome IS NULL)""",
        "pending images": "SELECT digest FROM image WHERE outcome = 'pending'",
        "leases": "SELECT * FROM lease WHERE expires_at >= clock_timestamp()",
        "generations twice or left out": """
            SELECT count(*), max(generation) FROM archive_commit HAVING count(*) <> coalesce(max(generation), 0)""",
        "images on chains that no commit brought": """
            WITH RECURSIVE lineage AS (
                SELECT i.digest, c.id, c.parent, c.generation FROM image i JOIN chain c ON c.id = i.chain
                UNION ALL SELECT n.digest, c.id, c.parent, c.generation FROM lineage n JOIN chain c ON c.id = n.parent)
            SELECT digest, id FROM lineage WHERE generation IS NULL""",
        "images whose summary does not add up": """
            SELECT i.digest, i.packages, y.packages, y.covered + y.not_covered + y.not_comparable
            FROM image i JOIN image_summary y ON y.image = i.id
            WHERE i.packages <> y.packages OR y.packages <> y.covered + y.not_covered + y.not_comparable""",
    }
    return {what: tx.rows(question) for what, question in questions.items()}


def _leftovers(home: Path) -> list[Path]:
    passing = re.compile(r"\.(tmp|part|partial)$")
    below = (".scratch", "spill", ".arriving")
    held = [path for path in home.rglob("*") if path.is_file() and not set(below).isdisjoint(path.parts)]
    return held + [path for path in home.rglob("*") if path.is_file() and passing.search(path.name)]
