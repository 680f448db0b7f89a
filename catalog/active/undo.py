"""Taking a commit back: what it introduced is forgotten, so that the planner runs just that again.

Nothing true is lost: the objects stay in the archive, and since names come from content, the same work gives the same names.
Taking back is a commit itself; generation numbers stay without a gap.
"""

from __future__ import annotations

from catalog.active.database import Database
from catalog.active.log import Commit, next_generation, unmirrored
from catalog.errors import ActiveSetError

_LAYERS = (
    "DELETE FROM layer_result WHERE generation = %(undone)s",
    "UPDATE layer SET outcome = NULL, reason = '', detail = '', retry = NULL, verified = false, final = false,"
    " fingerprint_set = NULL, generation = NULL, run = %(run)s WHERE generation = %(undone)s",
)
# Chains and sets keep their integers, which others refer to, and lose their generation. What stands on them falls with them,
# whichever commit brought it: chains above, those with one of the sets, and the images of all these are to be composed again.
_IMAGES = (
    """
    CREATE TEMPORARY TABLE undone_chain ON COMMIT DROP AS
    WITH RECURSIVE undone AS (
        SELECT c.id FROM chain c WHERE c.generation = %(undone)s
        OR c.objects && (SELECT objects FROM archive_commit WHERE generation = %(undone)s)
        OR (c.sets || c.owned_sets) && ARRAY(SELECT id FROM package_set WHERE generation = %(undone)s)
        UNION SELECT c.id FROM undone u JOIN chain c ON c.parent = u.id
    ) SELECT id FROM undone
    """,
    """
    CREATE TEMPORARY TABLE undone_image ON COMMIT DROP AS
    SELECT id FROM image WHERE generation = %(undone)s OR chain IN (SELECT id FROM undone_chain)
    """,
    "DELETE FROM image_summary y USING undone_image u WHERE y.image = u.id",
    "DELETE FROM image_set x USING undone_image u WHERE x.image = u.id",
    "UPDATE image i SET outcome = 'pending', reason = '', detail = '', chain = NULL, platform = NULL, packages = 0,"
    " fingerprint_set = NULL, generation = NULL, run = %(run)s FROM undone_image u WHERE i.id = u.id",
    "UPDATE chain c SET generation = NULL, objects = '{}', packages = NULL, sets = '{}', owned_sets = '{}'"
    " FROM undone_chain u WHERE c.id = u.id",
    "UPDATE package_set SET generation = NULL WHERE generation = %(undone)s",
)
_ADVISORIES = ("UPDATE advisory_snapshot SET current = false, generation = NULL WHERE generation = %(undone)s",)
_STATEMENTS = {"layers": _LAYERS, "images": _IMAGES, "advisories": _ADVISORIES}

_REMOVED = """
UPDATE archive_file f SET state = 'removed'
WHERE f.state = 'live' AND f.id IN (SELECT unnest(objects) FROM archive_commit WHERE generation = %(undone)s)
AND NOT EXISTS (
    SELECT FROM archive_commit c WHERE c.generation <> %(undone)s AND c.kind <> 'undo' AND f.id = ANY(c.objects)
    AND NOT EXISTS (SELECT FROM archive_commit u WHERE u.undoes = c.generation))
RETURNING f.id
"""
_LOG = """
INSERT INTO archive_commit (generation, run, kind, at, objects, undoes)
VALUES (%(generation)s, %(run)s, 'undo', now(), %(objects)s::int[], %(undone)s)
"""


def undo_commit(db: Database, run: str, generation: int) -> Commit:
    """Forget what a commit introduced.

    Layers lose their results, so that every image with one of them is no longer settled; images become pending; a snapshot
    is no longer the current one. Package rows stay: they are names.

    Args:
        db: the active set.
        run: id of the run that takes it back.
        generation: of the commit.

    Returns:
        The commit that records it.

    Raises:
        ActiveSetError: there is no such commit, it was taken back before, or it is such a taking back itself.
    """
    with db.transaction() as tx:
        tx.lock_writers()
        parameters: dict[str, object] = {"undone": generation, "run": run}
        row = tx.row(
            "SELECT kind, EXISTS (SELECT FROM archive_commit u WHERE u.undoes = c.generation)"
            " FROM archive_commit c WHERE generation = %(undone)s",
            parameters,
        )
        if row is None or row[1] or row[0] not in _STATEMENTS:
            raise ActiveSetError("there is no such commit to undo", where=f"generation {generation}")
        for statement in _STATEMENTS[row[0]]:
            tx.execute(statement, parameters)
        parameters["objects"] = sorted(number for (number,) in tx.rows(_REMOVED, parameters))
        parameters["generation"] = next_generation(tx)
        tx.execute(_LOG, parameters)
        return unmirrored(tx, int(str(parameters["generation"])) - 1)[0]
