"""What composition needs to know: layers' results, chains that are committed already, layers that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.active.database import Transaction
from catalog.errors import Retry
from catalog.identities import ROOT_CHAIN
from catalog.receipts import ChainReceipt

_RECORD_SCHEMA = pa.schema(
    [
        ("layer", pa.string()),
        ("composition_hash", pa.binary()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("datasets", pa.list_(pa.string())),
        ("keys", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True, slots=True)
class FailedLayer:
    """A layer whose last analysis failed.

    Args:
        layer: digest.
        reason: the error's word.
        detail: its sentence.
        retry: its class.
        verified: its true bytes were seen.
        final: it is not tried again without being asked for.
    """

    layer: str
    reason: str
    detail: str
    retry: Retry | None
    verified: bool
    final: bool


def layer_records(tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes) -> pa.Table:
    """The results of layers, in the order given and each once; a layer without one has no row.

    Args:
        tx: a transaction.
        digests: of layers.
        fingerprint_set: content id of the analysers that made the results.

    Returns:
        layer, composition_hash, outcome, reason, detail, and two lists of the same length: datasets and keys of the objects that
        hold the layer's rows (and those of the others of its batch).
    """
    rows = tx.rows(_RECORDS, {"digests": list(dict.fromkeys(digests)), "fingerprint_set": fingerprint_set})
    columns = [[bytes(value) if isinstance(value, memoryview) else value for value in row] for row in rows]
    return pa.Table.from_pylist([dict(zip(_RECORD_SCHEMA.names, row, strict=True)) for row in columns], _RECORD_SCHEMA)


def known_chains(tx: Transaction, chains: Sequence[bytes]) -> list[ChainReceipt]:
    """Those of the chains that are committed: nothing of them has to be composed again."""
    return [
        ChainReceipt(
            chain=bytes(chain),
            parent=ROOT_CHAIN if parent is None else bytes(parent),
            layer=layer,
            platform=b"" if platform is None else bytes(platform),
            distribution=(distribution, version, name),
            sets=tuple(bytes(each) for each in sets),
            packages=packages,
            owned_sets=tuple(bytes(each) for each in owned),
        )
        for chain, parent, layer, platform, distribution, version, name, sets, owned, packages in tx.rows(
            _KNOWN, {"chains": list(chains)}
        )
    ]


def failed_layers(tx: Transaction, digests: Sequence[str], *, fingerprint_set: bytes) -> list[FailedLayer]:
    """Those of the layers that failed under this fingerprint set and have no result."""
    return [
        FailedLayer(layer, reason, detail, None if retry is None else Retry(retry), verified, final)
        for layer, reason, detail, retry, verified, final in tx.rows(
            _FAILED, {"digests": list(digests), "fingerprint_set": fingerprint_set}
        )
    ]


_RECORDS = """
SELECT l.digest, lr.composition_hash, lr.outcome, lr.reason, lr.detail, o.datasets, o.keys
FROM unnest(%(digests)s::text[]) WITH ORDINALITY d(digest, position)
JOIN layer l ON l.digest = d.digest
JOIN fingerprint_set f ON f.content_id = %(fingerprint_set)s
JOIN layer_result lr ON lr.layer = l.id AND lr.fingerprint_set = f.id
CROSS JOIN LATERAL (SELECT coalesce(array_agg(a.dataset ORDER BY a.dataset, a.key), '{}') AS datasets,
        coalesce(array_agg(a.key ORDER BY a.dataset, a.key), '{}') AS keys
    FROM unnest(lr.objects) u(id) JOIN archive_file a ON a.id = u.id) o
ORDER BY d.position
"""
_KNOWN = """
SELECT c.content_id, p.content_id, l.digest, f.content_id, coalesce(f.distribution, ''), coalesce(f.version, ''),
    coalesce(f.name, ''),
    coalesce((SELECT array_agg(k.content_id ORDER BY k.content_id) FROM package_set k WHERE k.id = ANY(c.sets)), '{}'),
    coalesce((SELECT array_agg(k.content_id ORDER BY k.content_id) FROM package_set k WHERE k.id = ANY(c.owned_sets)), '{}'),
    c.packages
FROM unnest(%(chains)s::bytea[]) w(chain) JOIN chain c ON c.content_id = w.chain AND c.generation IS NOT NULL
JOIN layer l ON l.id = c.layer LEFT JOIN chain p ON p.id = c.parent LEFT JOIN platform f ON f.id = c.platform
"""
_FAILED = """
SELECT l.digest, l.reason, l.detail, l.retry, l.verified, l.final
FROM unnest(%(digests)s::text[]) d(digest) JOIN layer l ON l.digest = d.digest
JOIN fingerprint_set f ON f.content_id = %(fingerprint_set)s AND f.id = l.fingerprint_set
WHERE l.outcome = 'failed' AND NOT EXISTS (SELECT FROM layer_result lr WHERE lr.layer = l.id AND lr.fingerprint_set = f.id)
ORDER BY l.digest
"""
