"""Where secrets of an image's layers are recorded, whichever analysis looked for them."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.active.database import Transaction
from catalog.schemas import ENTRIES, SECRETS


@dataclass(frozen=True, slots=True)
class SearchedLayer:
    """One layer of an image.

    Args:
        position: from 0, bottom first.
        layer: digest.
        searched: some analysis of it looked for secrets.
        secret_keys: archive keys of secrets objects of the newest that did, to filter by the layer.
        entry_keys: archive keys of entries objects, to filter by the layer.
    """

    position: int
    layer: str
    searched: bool
    secret_keys: tuple[str, ...]
    entry_keys: tuple[str, ...]


def searched_layers(tx: Transaction, image: int) -> list[SearchedLayer]:
    """An image's layers, bottom first, with what the newest search for secrets left of each.

    A later analysis that did not look for them takes nothing of this away.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    parameters = {"image": image, "secrets": SECRETS.name, "entries": ENTRIES.name}
    return [
        SearchedLayer(position, layer, searched, tuple(secrets), tuple(entries))
        for position, layer, searched, secrets, entries in tx.rows(_SEARCHED, parameters)
    ]


_SEARCHED = """
SELECT (u.position - 1)::int, l.digest, s.objects IS NOT NULL,
    ARRAY(SELECT a.key FROM archive_file a WHERE a.id = ANY(s.objects) AND a.dataset = %(secrets)s ORDER BY a.key),
    ARRAY(SELECT a.key FROM archive_file a WHERE a.id = ANY(e.objects) AND a.dataset = %(entries)s ORDER BY a.key)
FROM image i CROSS JOIN unnest(i.layers) WITH ORDINALITY u(id, position) JOIN layer l ON l.id = u.id
LEFT JOIN LATERAL (SELECT t.objects FROM layer_result t JOIN fingerprint_set f ON f.id = t.fingerprint_set
    WHERE t.layer = l.id AND EXISTS (SELECT FROM unnest(f.members) m WHERE m LIKE 'secrets/%%')
    ORDER BY t.generation DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT t.objects FROM layer_result t WHERE t.layer = l.id
    ORDER BY t.fingerprint_set = i.fingerprint_set DESC NULLS LAST, t.generation DESC LIMIT 1) e ON true
WHERE i.id = %(image)s ORDER BY u.position
"""
