"""What a change of analysers leaves as it was: former results of layers, and images that need no second look.

A result under another fingerprint set is worth most where most of that set is in the present one. An image all of whose layers
got the same rows under the present set stands on the same chain: its row says so, and nothing of it is composed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.active.database import Database, Transaction
from catalog.receipts import FormerResult, ObjectReceipt


@dataclass(frozen=True, slots=True)
class KnownReference:
    """A reference that is present and leads to images, as its last listing left it.

    Args:
        text: canonical.
        registry: host, empty for local sources.
        repository: in the registry, or the local source's path.
        name: tag or digest.
        kind: of the source.
        target: digest of the manifest or index.
        wanted_platforms: the choice it was resolved under, as text.
        images: digests of its images, skipped ones left out.
        known: those of them that have a result.
    """

    text: str
    registry: str
    repository: str
    name: str
    kind: str
    target: str
    wanted_platforms: str
    images: tuple[str, ...]
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class UnchangedImage:
    """An image whose layers have the same rows under the present analysers.

    Args:
        digest: its own.
        chain: id of the chain it stands on.
        layers: digest and composition hash of each, bottom first.
    """

    digest: str
    chain: bytes
    layers: tuple[tuple[str, bytes], ...]


def former_results(
    tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes, members: Sequence[str], reader: str
) -> dict[str, FormerResult]:
    """The best result of each layer that other analysers left; layers without one are not in it.

    Best is what shares most members with the present set, then a complete one, then the newest. Results of another layer
    reader are none: each of their rows may mean something else.

    Args:
        tx: a transaction.
        digests: of layers.
        fingerprint_set: content id of the present set.
        members: of the present set, as `<analyser>/<version>/<hex>`.
        reader: the reader's own among them.
    """
    parameters = {
        "digests": list(dict.fromkeys(digests)),
        "fingerprint_set": fingerprint_set,
        "members": list(members),
        "reader": reader,
    }
    found: dict[str, FormerResult] = {}
    objects: dict[str, list[ObjectReceipt]] = {}
    for digest, print_id, names, composition_hash, key, dataset, content_hash, rows, size in tx.rows(
        _FORMER, parameters
    ):
        objects.setdefault(digest, []).append(ObjectReceipt(dataset, key, content_hash, rows, size))
        found[digest] = FormerResult(bytes(print_id), tuple(names), bytes(composition_hash), ())
    return {
        digest: FormerResult(former.fingerprint_set, former.members, former.composition_hash, tuple(objects[digest]))
        for digest, former in found.items()
    }


def unchanged_images(tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes) -> list[UnchangedImage]:
    """Images of another fingerprint set all of whose layers ended alike under this one.

    What a layer lacks, and why, is alike as well, so the image's outcome is the same. Images that need something beside their
    layers' rows (a file that was read for a link) are among them: their chain's id tells. Those with a layer that nobody
    serves are not.

    Args:
        tx: a transaction.
        digests: of images.
        fingerprint_set: content id of the present set.
    """
    rows = tx.rows(_UNCHANGED, {"digests": list(digests), "fingerprint_set": fingerprint_set})
    return [
        UnchangedImage(digest, bytes(chain), tuple(zip(layers, map(bytes, hashes), strict=True)))
        for digest, chain, layers, hashes in rows
    ]


def layers_of_images(tx: Transaction, digests: Sequence[str]) -> dict[str, int]:
    """The layers of images that somebody serves, each once, with their sizes (-1 where unknown).

    Args:
        tx: a transaction.
        digests: of images.
    """
    return dict(tx.rows(_LAYERS, {"digests": list(digests)}))


def advance_images(db: Database, run: str, digests: Sequence[str], *, fingerprint_set: bytes) -> int:
    """Let images count as made by the present fingerprint set as they are, and say how many there were.

    Args:
        db: the active set.
        run: id of the run.
        digests: of images whose layers and chain are the same under it.
        fingerprint_set: content id of the present set.
    """
    if not digests:
        return 0
    with db.transaction() as tx:
        tx.lock_writers()
        # Looked at once more: another run may have composed one of them meanwhile.
        left = unchanged_images(tx, digests, fingerprint_set=fingerprint_set)
        parameters = {"digests": [each.digest for each in left], "fingerprint_set": fingerprint_set, "run": run}
        return tx.execute(_ADVANCE, parameters)


def known_references(
    tx: Transaction, prefixes: Sequence[str] = (), *, fingerprint_set: bytes | None = None
) -> list[KnownReference]:
    """The present references that lead to images, by text.

    Args:
        tx: a transaction.
        prefixes: texts of references, repositories, registries or local places; empty for all. A repository takes in those
            below it.
        fingerprint_set: content id; only references with an image that was not made by it.
    """
    rows = tx.rows(
        _REFERENCES,
        {
            "all": not prefixes,
            "exact": list(prefixes),
            "below": [_pattern(f"{prefix}{border}") for prefix in prefixes for border in _borders(prefix)],
            "fingerprint_set": fingerprint_set,
        },
    )
    return [
        KnownReference(
            text, registry, repository, name, kind, target, wanted_platforms, tuple(images), frozenset(known)
        )
        for text, registry, repository, name, kind, target, wanted_platforms, images, known in rows
    ]


def _borders(prefix: str) -> str:
    # Behind a registry's host a colon would begin its port, and that would be another registry.
    return "/:@" if "/" in prefix else "/"


def _pattern(prefix: str) -> str:
    return prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


_FORMER = """
WITH best AS (
    SELECT DISTINCT ON (l.id) l.digest, f.content_id, f.members, lr.composition_hash, lr.objects
    FROM layer l JOIN layer_result lr ON lr.layer = l.id JOIN fingerprint_set f ON f.id = lr.fingerprint_set
    WHERE l.digest = ANY(%(digests)s::text[]) AND f.content_id <> %(fingerprint_set)s AND %(reader)s = ANY(f.members)
    ORDER BY l.id, (SELECT count(*) FROM unnest(f.members) m WHERE m = ANY(%(members)s::text[])) DESC,
        lr.outcome = 'complete' DESC, lr.generation DESC
)
SELECT b.digest, b.content_id, b.members, b.composition_hash, a.key, a.dataset, a.content_hash, a.rows, a.size
FROM best b CROSS JOIN unnest(b.objects) u(id) JOIN archive_file a ON a.id = u.id AND a.state = 'live'
ORDER BY b.digest, a.dataset, a.key
"""
_UNCHANGED = """
WITH present AS (SELECT id FROM fingerprint_set WHERE content_id = %(fingerprint_set)s)
SELECT i.digest, c.content_id, r.layers, r.hashes FROM present f
JOIN image i ON i.digest = ANY(%(digests)s::text[]) AND i.fingerprint_set <> f.id AND i.outcome IN ('analysed', 'partial')
JOIN chain c ON c.id = i.chain AND c.generation IS NOT NULL AND c.packages IS NOT NULL
CROSS JOIN LATERAL (
    SELECT array_agg(l.digest ORDER BY u.position) AS layers, array_agg(b.composition_hash ORDER BY u.position) AS hashes,
        bool_and(b.layer IS NOT NULL AND (a.composition_hash, a.outcome, a.reason, a.detail)
            IS NOT DISTINCT FROM (b.composition_hash, b.outcome, b.reason, b.detail)) AS alike
    FROM unnest(i.layers) WITH ORDINALITY u(layer, position) JOIN layer l ON l.id = u.layer
    LEFT JOIN layer_result a ON a.layer = l.id AND a.fingerprint_set = i.fingerprint_set
    LEFT JOIN layer_result b ON b.layer = l.id AND b.fingerprint_set = f.id) r
WHERE r.alike
"""
_LAYERS = """
SELECT l.digest, l.size FROM layer l WHERE NOT l.unserved AND l.id IN (
    SELECT unnest(i.layers) FROM image i WHERE i.digest = ANY(%(digests)s::text[])) ORDER BY l.id
"""
_ADVANCE = """
UPDATE image SET fingerprint_set = (SELECT id FROM fingerprint_set WHERE content_id = %(fingerprint_set)s), run = %(run)s
WHERE digest = ANY(%(digests)s::text[])
"""
_REFERENCES = """
SELECT r.text, coalesce(g.host, ''), r.repository, r.name, r.kind, r.target, r.wanted_platforms,
    array_agg(i.digest ORDER BY ri.ordinal),
    coalesce(array_agg(i.digest) FILTER (WHERE i.outcome IN ('analysed', 'partial')), '{}')
FROM reference r LEFT JOIN registry g ON g.id = r.registry
JOIN reference_image ri ON ri.reference = r.id JOIN image i ON i.id = ri.image
WHERE r.present AND r.outcome IS NULL AND r.target IS NOT NULL AND i.outcome <> 'skipped' AND i.residence = 'active'
AND (%(all)s OR r.text = ANY(%(exact)s::text[]) OR r.text LIKE ANY(%(below)s::text[]))
GROUP BY r.id, g.host
HAVING %(fingerprint_set)s::bytea IS NULL OR bool_or(i.fingerprint_set IS NULL OR i.fingerprint_set <>
    coalesce((SELECT id FROM fingerprint_set WHERE content_id = %(fingerprint_set)s), 0))
ORDER BY r.text
"""
