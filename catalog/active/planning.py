"""What is left to do: which references are settled, and which layers still need their analysis.

Reading only: a run that finds everything settled writes nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from catalog.active.database import Database, Transaction
from catalog.active.listing import reference_key
from catalog.states import Outcome

_SETTLED_SCHEMA = pa.schema(
    [
        ("reference", pa.string()),
        ("target", pa.string()),
        ("wanted_platforms", pa.string()),
        ("settled", pa.bool_()),
    ]
)


def settled_references(
    tx: Transaction, texts: Sequence[str], *, fingerprint_set: bytes, retry_permanent: bool = False
) -> pa.Table:
    """What is known of references, and whether anything is left to do for them.

    Settled means: the registry had it last time, and every image of it has a final outcome under this fingerprint set, its
    layers have their results, and what was committed of it was not undone. A failure that may pass is never settled, nor is
    one of a layer whose true bytes were never seen.

    Args:
        tx: a transaction.
        texts: canonical references, at most some ten thousand at once.
        fingerprint_set: content id of the analysers as configured now.
        retry_permanent: permanent failures are not settled either, nor are images that lack a file which could not be read again.

    Returns:
        A row for each known text: reference, target (null where unknown), wanted_platforms, settled. The caller compares
        target and wanted_platforms with what it wants now.
    """
    keys = [reference_key(text) for text in texts]
    rows = tx.rows(_SETTLED, {"keys": keys, "fingerprint_set": fingerprint_set, "retry": retry_permanent})
    return pa.Table.from_pylist([dict(zip(_SETTLED_SCHEMA.names, row, strict=True)) for row in rows], _SETTLED_SCHEMA)


def unsettled_images(
    tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes, retry_permanent: bool = False
) -> list[str]:
    """The images, in the order given, for which something is left to do; `settled_references` says what settled means.

    Args:
        tx: a transaction.
        digests: of images, each once, known or not.
        fingerprint_set: content id of the analysers as configured now.
        retry_permanent: permanent failures are not settled either.
    """
    parameters = {"digests": list(digests), "fingerprint_set": fingerprint_set, "retry": retry_permanent}
    return [digest for (digest,) in tx.rows(_UNSETTLED_IMAGES, parameters)]


def image_outcomes(
    tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes
) -> dict[str, tuple[Outcome, str, str]]:
    """Outcome, reason and detail by digest, of those images that ended under this fingerprint set."""
    rows = tx.rows(
        "SELECT i.digest, i.outcome, i.reason, i.detail FROM image i JOIN fingerprint_set f ON f.id = i.fingerprint_set"
        " WHERE i.digest = ANY(%(digests)s::text[]) AND f.content_id = %(fingerprint_set)s",
        {"digests": list(digests), "fingerprint_set": fingerprint_set},
    )
    return {digest: (Outcome(outcome), reason, detail) for digest, outcome, reason, detail in rows}


def layers_without_result(
    tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes, retry_permanent: bool = False
) -> list[str]:
    """The layers, in the order given and each once, that have neither a result nor a final failure under this fingerprint set.

    Args:
        tx: a transaction.
        digests: of layers, known or not.
        fingerprint_set: content id of the analysers as configured now.
        retry_permanent: final failures are to be tried again.
    """
    return [
        digest
        for (digest,) in tx.rows(
            _WITHOUT_RESULT,
            {"digests": list(dict.fromkeys(digests)), "fingerprint_set": fingerprint_set, "retry": retry_permanent},
        )
    ]


def register_fingerprint_set(db: Database, content_id: bytes, members: Sequence[str]) -> int:
    """The fingerprint set's integer, given on first sight; writes nothing when it is known.

    Args:
        db: the active set.
        content_id: 16 bytes, identities.fingerprint_set_id.
        members: `<analyser>/<version>/<hex>` of each analyser.
    """
    parameters = {"content_id": content_id, "members": sorted(members)}
    with db.transaction() as tx:
        if found := tx.row(
            "SELECT id FROM fingerprint_set WHERE content_id = %(content_id)s AND members <> '{}'", parameters
        ):
            return int(found[0])
        made = tx.row(
            "INSERT INTO fingerprint_set (content_id, members) VALUES (%(content_id)s, %(members)s)"
            " ON CONFLICT (content_id) DO UPDATE SET members = excluded.members RETURNING id",
            parameters,
        )
        assert made is not None
        return int(made[0])


# A layer holds its images back unless it has a result, or failed for good, or is not served by anybody. A failure for good
# fails the image; what nobody serves leaves it partial. An image that more analysers were at than are asked for (a search for
# secrets too) is as good as one of just these.
_FINGERPRINTS = "fingerprints AS (SELECT id, members FROM fingerprint_set WHERE content_id = %(fingerprint_set)s)"
_IMAGES_SETTLED = """
edges AS (
    SELECT DISTINCT i.id AS image, l.id AS layer, l.unserved, l.final AND l.fingerprint_set = f.id AS final,
        EXISTS (SELECT FROM layer_result lr WHERE lr.layer = l.id AND lr.fingerprint_set = f.id) AS analysed
    FROM fingerprints f CROSS JOIN asked
    JOIN image i ON i.id = asked.image CROSS JOIN unnest(i.layers) e(layer) JOIN layer l ON l.id = e.layer
),
layered AS (
    SELECT image, bool_and(coalesce(analysed OR final OR unserved, false)) AS ready,
        bool_and(analysed OR unserved) AS whole,
        bool_or(coalesce(final AND NOT analysed, false)) AS broken
    FROM edges GROUP BY image
),
images AS (
    SELECT i.id, i.digest, (i.fingerprint_set = f.id OR g.members @> f.members AND f.members <> '{}')
        AND coalesce(y.ready, true) AND CASE i.outcome
        WHEN 'analysed' THEN coalesce(y.whole, true) AND (c.generation IS NOT NULL OR i.layers = '{}')
        WHEN 'partial' THEN c.generation IS NOT NULL AND NOT (%(retry)s AND i.reason = 'link-unread')
        WHEN 'failed' THEN coalesce(y.broken, false) AND NOT %(retry)s
        ELSE i.outcome = 'skipped' END AS settled
    FROM fingerprints f CROSS JOIN asked
    JOIN image i ON i.id = asked.image LEFT JOIN layered y ON y.image = i.id LEFT JOIN chain c ON c.id = i.chain
    LEFT JOIN fingerprint_set g ON g.id = i.fingerprint_set
)
"""
_SETTLED = f"""
WITH {_FINGERPRINTS},
wanted AS (SELECT r.* FROM unnest(%(keys)s::bytea[]) k(key) JOIN reference r ON r.key = k.key),
platforms AS (
    SELECT ri.reference, ri.image, ri.outcome, ri.retry FROM wanted w JOIN reference_image ri ON ri.reference = w.id
),
asked AS (SELECT DISTINCT image FROM platforms),
{_IMAGES_SETTLED},
references_settled AS (
    SELECT p.reference, bool_and(coalesce(CASE WHEN p.image IS NOT NULL THEN i.settled
        ELSE p.outcome = 'skipped' OR (p.retry = 'permanent' AND NOT %(retry)s) END, false)) AS settled
    FROM platforms p LEFT JOIN images i ON i.id = p.image GROUP BY p.reference
)
SELECT w.text, w.target, w.wanted_platforms, coalesce(w.present AND CASE
    WHEN w.outcome = 'skipped' THEN true
    WHEN w.outcome IS NOT NULL THEN w.retry = 'permanent' AND NOT %(retry)s
    ELSE s.settled END, false)
FROM wanted w LEFT JOIN references_settled s ON s.reference = w.id
"""  # noqa: S608 - made of constants
_UNSETTLED_IMAGES = f"""
WITH {_FINGERPRINTS},
asked AS (SELECT id AS image FROM image WHERE digest = ANY(%(digests)s::text[])),
{_IMAGES_SETTLED}
SELECT d.digest FROM unnest(%(digests)s::text[]) WITH ORDINALITY d(digest, position)
LEFT JOIN images i ON i.digest = d.digest WHERE NOT coalesce(i.settled, false) ORDER BY d.position
"""  # noqa: S608 - made of constants
_WITHOUT_RESULT = """
SELECT d.digest FROM unnest(%(digests)s::text[]) WITH ORDINALITY d(digest, position)
LEFT JOIN fingerprint_set f ON f.content_id = %(fingerprint_set)s
LEFT JOIN layer l ON l.digest = d.digest
WHERE NOT EXISTS (SELECT FROM layer_result lr WHERE lr.layer = l.id AND lr.fingerprint_set = f.id)
AND (%(retry)s OR NOT coalesce(l.final AND l.fingerprint_set = f.id, false))
ORDER BY d.position
"""
