"""Commits of analysed layers and composed images: each one transaction, all of it or nothing.

    stage (COPY)  →  lock out other writers  →  take the next generation  →  upsert by content id  →  log

Twice is harmless: the first result of a layer wins, a chain or set that is known stays, an image's row is written only where
it differs. A commit is named in the log together with its archive objects; `undo` takes one back.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from catalog.active.database import Database, Transaction
from catalog.active.log import Commit, last_generation, next_generation, record_commit, stage_objects, unmirrored
from catalog.active.statements import chains, images, layers
from catalog.active.undo import undo_commit
from catalog.errors import ActiveSetError, ForeignLayer, Retry
from catalog.receipts import AnalysisReceipt, ChainReceipt, CompositionReceipt, LayerReceipt
from catalog.schemas import OCCURRENCES, OWNED_OCCURRENCES, PACKAGE_SETS, PRIVILEGED_FILES
from catalog.states import LayerOutcome

__all__ = ["Commit", "commit_images", "commit_layers", "last_generation", "undo_commit", "unmirrored"]

_PACKAGE_COLUMNS = (
    *("package", "type", "namespace", "name", "version", "epoch", "architecture"),
    *("source_name", "source_version", "module", "qualifiers", "licences", "role"),
)

_CHAIN_FACTS = (OWNED_OCCURRENCES.name, PRIVILEGED_FILES.name)
"""Datasets of what is known of a chain once an image ends with it."""


def commit_layers(db: Database, run: str, receipt: AnalysisReceipt, packages: pa.Table) -> Commit:
    """Commit a batch of analysed layers, the failed ones with their reasons, and give back their leases.

    Args:
        db: the active set.
        run: id of the run.
        receipt: of the batch.
        packages: the rows of its packages objects; other columns are ignored, a package may come often.
    """
    with db.transaction() as tx:
        tx.stage("staged_layer", pa.Table.from_pylist([_layer_row(each) for each in receipt.layers], _LAYER_SCHEMA))
        tx.stage("staged_package", _distinct_packages(packages))
        # What a former result wrote and this one refers to is this commit's as well: taking the other back frees nothing of it.
        objects = (*receipt.objects, *receipt.kept)
        stage_objects(tx, objects)
        tx.lock_writers()
        generation = next_generation(tx)
        commit, files = record_commit(tx, generation, run, "layers", objects)
        fingerprints = _fingerprint_set(tx, receipt.fingerprint_set)
        parameters = {
            "run": run,
            "generation": generation,
            "fingerprints": fingerprints,
            "objects": sorted(files[each.key] for each in receipt.objects),
        }
        for statement in layers.ALL:
            tx.execute(statement, parameters)
        for content_id in receipt.also:
            tx.execute(layers.RESULTS, {**parameters, "fingerprints": _fingerprint_set(tx, content_id)})
    return commit


def commit_images(
    db: Database,
    run: str,
    receipt: CompositionReceipt,
    composed: pa.Table,
    sets: pa.Table,
    *,
    fingerprint_set: bytes,
    packages: pa.Table | None = None,
) -> Commit:
    """Commit a batch of composed images: platforms, package sets, chains, and the images' outcomes.

    Args:
        db: the active set.
        run: id of the run.
        receipt: of the batch; every image in it has been listed before.
        composed: the rows of its images objects.
        sets: the rows of its package_sets objects; sets that are known may be among them.
        fingerprint_set: content id of the analysers whose layer results were composed.
        packages: the rows of its packages objects, where layers were read once more for it; other columns are ignored.

    Raises:
        ActiveSetError: the receipt names an image, layer, set or package that no commit brought.
    """
    with db.transaction() as tx:
        _stage_composition(tx, receipt, composed, sets)
        if packages is not None and packages.num_rows:
            tx.stage("staged_package", _distinct_packages(packages))
        tx.lock_writers()
        if packages is not None and packages.num_rows:
            for statement in layers.PACKAGES:
                tx.execute(statement)
        _refuse_unknown(tx)
        generation = next_generation(tx)
        commit, files = record_commit(tx, generation, run, "images", receipt.objects)
        facts = [files[each.key] for each in receipt.objects if each.dataset in _CHAIN_FACTS]
        deltas = [files[each.key] for each in receipt.objects if each.dataset == OCCURRENCES.name]
        parameters = {
            "run": run,
            "generation": generation,
            "fingerprints": _fingerprint_set(tx, fingerprint_set),
            "objects": sorted((*deltas, *facts)),
            "facts": sorted(facts),
        }
        for statement in (*chains.ALL, *images.ALL):
            tx.execute(statement, parameters)
    return commit


def _layer_row(receipt: LayerReceipt) -> dict[str, object]:
    failed = receipt.outcome is LayerOutcome.FAILED
    # A layer that nobody serves is as final as one whose true bytes are broken; bytes that were never the layer's say nothing of it.
    final = receipt.reason == ForeignLayer.reason or (receipt.verified and receipt.retry is Retry.PERMANENT)
    return {
        "digest": receipt.layer,
        "failed": failed,
        "outcome": receipt.outcome,
        "reason": receipt.reason,
        "detail": receipt.detail,
        "retry": receipt.retry,
        "verified": receipt.verified,
        "final": failed and final,
        "composition_hash": receipt.composition_hash,
        "size": receipt.size,
        "tar_size": receipt.tar_size,
        "entries": receipt.entries,
        "packages": receipt.packages,
        "problems": receipt.problems,
        "objects": list(receipt.objects),
    }


def _distinct_packages(packages: pa.Table) -> pa.Table:
    table = packages.select(_PACKAGE_COLUMNS).combine_chunks()
    # An installed package before an application's own of the same identity, then the first.
    order = pc.sort_indices(table, [("package", "ascending"), ("role", "descending")])
    table = table.take(order)
    ids = table["package"].combine_chunks()
    if table.num_rows < 2:
        return table
    fresh = pc.not_equal(ids[1:], ids[:-1])
    return table.filter(pa.concat_arrays([pa.array([True]), _whole(fresh)]))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _fingerprint_set(tx: Transaction, content_id: bytes) -> int:
    parameters = {"content_id": content_id}
    row = tx.row("SELECT id FROM fingerprint_set WHERE content_id = %(content_id)s", parameters)
    row = row or tx.row("INSERT INTO fingerprint_set (content_id) VALUES (%(content_id)s) RETURNING id", parameters)
    assert row is not None
    return int(row[0])


def _stage_composition(tx: Transaction, receipt: CompositionReceipt, composed: pa.Table, sets: pa.Table) -> None:
    by_id = {each.chain: each for each in receipt.chains}
    tx.stage("staged_chain", pa.Table.from_pylist([_chain_row(each) for each in by_id.values()], _CHAIN_SCHEMA))
    members = [
        {"chain": each.chain, "set": content_id, "owned": owned}
        for each in by_id.values()
        for sets, owned in ((each.sets, False), (each.owned_sets, True))
        for content_id in sets
    ]
    tx.stage("staged_chain_set", pa.Table.from_pylist(members, _CHAIN_SET_SCHEMA))
    tx.stage("staged_set", sets.select(PACKAGE_SETS.schema.names))
    rows = {
        each.image: {"digest": each.image, "outcome": each.outcome, "reason": each.reason, "detail": each.detail}
        for each in receipt.images
    }
    tx.stage("staged_outcome", pa.Table.from_pylist(list(rows.values()), _OUTCOME_SCHEMA))
    tx.stage("staged_composed", composed.select(("image", "chain")))
    stage_objects(tx, receipt.objects)


def _chain_row(receipt: ChainReceipt) -> dict[str, object]:
    distribution, version, name = receipt.distribution
    return {
        "content_id": receipt.chain,
        "parent": receipt.parent or None,
        "layer": receipt.layer,
        "platform": receipt.platform or None,
        "distribution": distribution,
        "version": version,
        "name": name,
        "packages": receipt.packages,
    }


def _refuse_unknown(tx: Transaction) -> None:
    if unknown := tx.row(chains.UNKNOWN):
        what, which = unknown
        raise ActiveSetError(f"a composition names the {what} {which}, which no commit brought", advice="scan again")


def _schema(texts: str, **others: pa.DataType) -> pa.Schema:
    return pa.schema([*others.items(), *((name, pa.string()) for name in texts.split())])


_LAYER_SCHEMA = _schema(
    "digest outcome reason detail retry",
    failed=pa.bool_(),
    verified=pa.bool_(),
    final=pa.bool_(),
    composition_hash=pa.binary(),
    size=pa.int64(),
    tar_size=pa.int64(),
    entries=pa.int64(),
    packages=pa.int32(),
    problems=pa.int32(),
    objects=pa.list_(pa.string()),
)
_CHAIN_SCHEMA = _schema(
    "layer distribution version name",
    content_id=pa.binary(),
    parent=pa.binary(),
    platform=pa.binary(),
    packages=pa.int32(),
)
_CHAIN_SET_SCHEMA = pa.schema([("chain", pa.binary()), ("set", pa.binary()), ("owned", pa.bool_())])
_OUTCOME_SCHEMA = _schema("digest outcome reason detail")
