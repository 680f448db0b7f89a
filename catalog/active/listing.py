"""Committing what the driver learnt from the sources: references, their images and layers, and what is gone.

Only what differs is written, so listing the same catalogue again writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.active.database import Database, Transaction
from catalog.errors import Retry
from catalog.identities import hash_fields
from catalog.images import ImageManifest, ImagePlatform
from catalog.states import Outcome

REFERENCE_RECIPE = "reference/1"


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One platform of a reference.

    Args:
        platform: what it runs on.
        outcome: pending where there is a manifest to analyse, else skipped or failed.
        reason: why, where it is not pending.
        detail: the same as a sentence.
        retry: whether a failure may pass.
        digest: the manifest's, where only that is known.
        manifest: the image itself.
    """

    platform: ImagePlatform
    outcome: Outcome = Outcome.PENDING
    reason: str = ""
    detail: str = ""
    retry: Retry | None = None
    digest: str = ""
    manifest: ImageManifest | None = None


@dataclass(frozen=True, slots=True)
class ListedReference:
    """One reference as its source answered for it.

    Args:
        text: canonical.
        registry: host, empty for local sources.
        repository: in the registry, or the local source's path.
        name: tag or digest.
        kind: of the source.
        target: digest of the manifest or index it names, None where unknown.
        wanted_platforms: the choice it was resolved under, as text.
        images: its platforms, in the index's order.
        outcome: failed or skipped where the reference as a whole could not be resolved; None: see its images.
        reason: why.
        detail: the same as a sentence.
        retry: whether the failure may pass.
    """

    text: str
    registry: str = ""
    repository: str = ""
    name: str = ""
    kind: str = ""
    target: str | None = None
    wanted_platforms: str = ""
    images: tuple[ListedImage, ...] = ()
    outcome: Outcome | None = None
    reason: str = ""
    detail: str = ""
    retry: Retry | None = None


@dataclass(frozen=True, slots=True)
class ListingCounts:
    """What a listing brought: rows that were not there, and references that now name something else."""

    references_new: int = 0
    references_moved: int = 0
    images_new: int = 0
    layers_new: int = 0


def reference_key(text: str) -> bytes:
    """16 bytes that stand for a reference's text, which may be longer than an index row."""
    return hash_fields(REFERENCE_RECIPE, text)


def commit_listing(db: Database, run: str, references: Sequence[ListedReference]) -> ListingCounts:
    """Record references, their images (pending unless known) and layers, in one transaction.

    Args:
        db: the active set.
        run: id of the run.
        references: a portion of a listing, a few thousand at once.

    Raises:
        ActiveSetError: see Database.transaction.
    """
    listed = {reference_key(each.text): each for each in references}  # a text that came twice counts as last said
    if not listed:
        return ListingCounts()
    with db.transaction() as tx:
        _stage(tx, listed)
        tx.lock_writers()
        parameters = {"run": run}
        tx.execute(_NEW_REGISTRIES)
        layers = tx.execute(_NEW_LAYERS)
        tx.execute(_SIZED_LAYERS)
        images = tx.execute(_NEW_IMAGES, parameters)
        moved = tx.execute(_MOVED_REFERENCES, parameters)
        new = tx.execute(_NEW_REFERENCES, parameters)
        tx.execute(_FORMER_PLATFORMS)
        tx.execute(_PLATFORMS)
    return ListingCounts(new, moved, images, layers)


def mark_gone(db: Database, run: str, *, registry: str, repository: str | None, listed: Iterable[str]) -> int:
    """Mark the references of a scope that its complete listing no longer holds, and say how many.

    References by digest into a registry stay: tags are all that a registry lists.

    Args:
        db: the active set.
        run: id of the run.
        registry: host of the scope, empty for local sources.
        repository: in the registry; None: the whole registry was listed.
        listed: every reference text that the listing gave.
    """
    kept = set(listed)
    with db.transaction() as tx:
        known = tx.stream(
            "SELECT r.id, r.text FROM reference r LEFT JOIN registry g ON g.id = r.registry"
            " WHERE r.present AND coalesce(g.host, '') = %(registry)s"
            " AND (%(repository)s::text IS NULL OR r.repository = %(repository)s)"
            # No registry lists what it holds by digest alone.
            " AND NOT (g.host IS NOT NULL AND position('@' IN r.text) > 0)",
            {"registry": registry, "repository": repository},
        )
        gone = [reference for reference, text in known if text not in kept]
        if gone:
            tx.lock_writers()
            tx.execute(
                "UPDATE reference SET present = false, run = %(run)s WHERE id = ANY(%(gone)s) AND present",
                {"run": run, "gone": gone},
            )
    return len(gone)


def _stage(tx: Transaction, listed: dict[bytes, ListedReference]) -> None:
    manifests: dict[str, ImageManifest] = {}
    layers: dict[str, tuple[int, bool]] = {}
    platforms = []
    for key, reference in listed.items():
        for ordinal, image in enumerate(reference.images):
            analysed = image.manifest if image.outcome is Outcome.PENDING else None
            if analysed is not None:
                manifests[analysed.digest] = analysed
            platforms.append(_platform_row(key, ordinal, image, analysed))
    for manifest in manifests.values():
        for layer in manifest.layers:
            layers.setdefault(layer.digest, (layer.size, bool(layer.withheld)))
    tx.stage(
        "listed_reference", pa.Table.from_pylist([_reference_row(*each) for each in listed.items()], _REFERENCE_SCHEMA)
    )
    tx.stage("listed_platform", pa.Table.from_pylist(platforms, _PLATFORM_SCHEMA))
    tx.stage("listed_image", pa.Table.from_pylist([_image_row(each) for each in manifests.values()], _IMAGE_SCHEMA))
    rows = [{"digest": digest, "size": size, "unserved": unserved} for digest, (size, unserved) in layers.items()]
    tx.stage("listed_layer", pa.Table.from_pylist(rows, _LAYER_SCHEMA))


def _reference_row(key: bytes, reference: ListedReference) -> dict[str, object]:
    return {
        "key": key,
        "host": reference.registry,
        **{name: getattr(reference, name) for name in _REFERENCE_SCHEMA.names[2:]},
    }


def _platform_row(key: bytes, ordinal: int, image: ListedImage, manifest: ImageManifest | None) -> dict[str, object]:
    known = manifest is not None
    return {
        "key": key,
        "ordinal": ordinal,
        "os": image.platform.os,
        "architecture": image.platform.architecture,
        "variant": image.platform.variant,
        "digest": manifest.digest if manifest else image.digest or (image.manifest.digest if image.manifest else ""),
        "known": known,
        "outcome": None if known else image.outcome,
        "reason": "" if known else image.reason,
        "detail": "" if known else image.detail,
        "retry": None if known else image.retry,
    }


def _image_row(manifest: ImageManifest) -> dict[str, object]:
    return {
        "digest": manifest.digest,
        "media_type": manifest.media_type,
        "os": manifest.platform.os,
        "architecture": manifest.platform.architecture,
        "variant": manifest.platform.variant,
        "created": manifest.configuration.created,
        "layers": [layer.digest for layer in manifest.layers],
    }


def _schema(texts: str, **others: pa.DataType) -> pa.Schema:
    return pa.schema([*others.items(), *((name, pa.string()) for name in texts.split())])


_REFERENCE_SCHEMA = _schema(
    "host text repository name kind target wanted_platforms outcome reason detail retry", key=pa.binary()
)
_PLATFORM_SCHEMA = _schema(
    "os architecture variant digest outcome reason detail retry", key=pa.binary(), ordinal=pa.int32(), known=pa.bool_()
)
_IMAGE_SCHEMA = _schema("digest media_type os architecture variant created", layers=pa.list_(pa.string()))
_LAYER_SCHEMA = _schema("digest", size=pa.int64(), unserved=pa.bool_())

_NEW_REGISTRIES = """
INSERT INTO registry (host) SELECT DISTINCT s.host FROM listed_reference s
WHERE s.host <> '' AND NOT EXISTS (SELECT FROM registry g WHERE g.host = s.host)
"""
_NEW_LAYERS = """
INSERT INTO layer (digest, size, unserved) SELECT s.digest, s.size, s.unserved FROM listed_layer s
WHERE NOT EXISTS (SELECT FROM layer l WHERE l.digest = s.digest) ORDER BY s.digest
"""
_SIZED_LAYERS = """
UPDATE layer l SET size = s.size FROM listed_layer s WHERE s.digest = l.digest AND l.size < 0 AND s.size >= 0
"""
_NEW_IMAGES = """
INSERT INTO image (digest, media_type, os, architecture, variant, created, layers, run)
SELECT s.digest, s.media_type, s.os, s.architecture, s.variant, s.created,
    coalesce((SELECT array_agg(l.id ORDER BY u.position)
              FROM unnest(s.layers) WITH ORDINALITY u(digest, position) JOIN layer l ON l.digest = u.digest), '{}'),
    %(run)s
FROM listed_image s WHERE NOT EXISTS (SELECT FROM image i WHERE i.digest = s.digest) ORDER BY s.digest
"""
_MOVED_REFERENCES = """
UPDATE reference r SET target = s.target, outcome = s.outcome, reason = s.reason, detail = s.detail, retry = s.retry,
    wanted_platforms = s.wanted_platforms, kind = s.kind, present = true, run = %(run)s, attempts = r.attempts + 1
FROM listed_reference s WHERE s.key = r.key
AND (r.target, r.outcome, r.reason, r.detail, r.retry, r.wanted_platforms, r.kind, r.present)
    IS DISTINCT FROM (s.target, s.outcome, s.reason, s.detail, s.retry, s.wanted_platforms, s.kind, true)
"""
_NEW_REFERENCES = """
INSERT INTO reference (key, text, registry, repository, name, kind, target, outcome, reason, detail, retry, wanted_platforms,
    first_seen_run, run, attempts)
SELECT s.key, s.text, g.id, s.repository, s.name, s.kind, s.target, s.outcome, s.reason, s.detail, s.retry,
    s.wanted_platforms, %(run)s, %(run)s, 1
FROM listed_reference s LEFT JOIN registry g ON g.host = s.host
WHERE NOT EXISTS (SELECT FROM reference r WHERE r.key = s.key) ORDER BY s.text
"""
_FORMER_PLATFORMS = """
DELETE FROM reference_image ri USING reference r JOIN listed_reference s ON s.key = r.key
WHERE ri.reference = r.id AND NOT EXISTS (SELECT FROM listed_platform p WHERE p.key = s.key AND p.ordinal = ri.ordinal)
"""
# A platform that this scan does not want keeps the image that an earlier one analysed: what is known stays known.
_PLATFORMS = """
INSERT INTO reference_image (reference, ordinal, os, architecture, variant, digest, image, outcome, reason, detail, retry)
SELECT r.id, s.ordinal, s.os, s.architecture, s.variant, s.digest, coalesce(i.id, k.id),
    CASE WHEN k.id IS NULL THEN s.outcome END, CASE WHEN k.id IS NULL THEN s.reason ELSE '' END,
    CASE WHEN k.id IS NULL THEN s.detail ELSE '' END, s.retry
FROM listed_platform s JOIN reference r ON r.key = s.key LEFT JOIN image i ON s.known AND i.digest = s.digest
LEFT JOIN image k ON s.reason = 'unwanted-platform' AND k.digest = s.digest AND k.outcome IN ('analysed', 'partial')
ON CONFLICT (reference, ordinal) DO UPDATE SET os = excluded.os, architecture = excluded.architecture,
    variant = excluded.variant, digest = excluded.digest, image = excluded.image, outcome = excluded.outcome,
    reason = excluded.reason, detail = excluded.detail, retry = excluded.retry
WHERE (reference_image.os, reference_image.architecture, reference_image.variant, reference_image.digest,
       reference_image.image, reference_image.outcome, reference_image.reason, reference_image.detail, reference_image.retry)
    IS DISTINCT FROM (excluded.os, excluded.architecture, excluded.variant, excluded.digest,
       excluded.image, excluded.outcome, excluded.reason, excluded.detail, excluded.retry)
"""
