"""What is left as it was when analysers change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.active.commits import commit_layers, undo_commit
from catalog.active.composition import layer_records
from catalog.active.database import Database
from catalog.active.former import (
    advance_images,
    former_results,
    known_references,
    layers_of_images,
    unchanged_images,
)
from catalog.active.planning import register_fingerprint_set, unsettled_images
from catalog.receipts import AnalysisReceipt, Effort, FormerResult, LayerReceipt
from tests.catalog.active import made
from tests.catalog.active.made import BASE, FINGERPRINTS, NODE, ONE, PYTHON, RUN, TWO, Image, Layer

pytestmark = pytest.mark.postgres

READER = "layers/1/00"
OLD = ("dpkg/1/01", READER, "npm/1/02")
NEW = ("dpkg/1/01", READER, "npm/2/03")
PRESENT = b"p" * 16


def result(layer: Layer, *, objects: tuple[str, ...] = (), composition_hash: bytes = b"") -> LayerReceipt:
    (receipt,) = made.analysis(layer).layers
    return replace(
        receipt, objects=objects, composition_hash=composition_hash or receipt.composition_hash, effort=Effort.ROWS
    )


def renew(db: Database, *layers: Layer, **changes: bytes) -> None:
    """Commit results of the present set: the same rows, unless a hash is given by the layer's name."""
    register_fingerprint_set(db, PRESENT, NEW)
    receipts = tuple(result(layer, composition_hash=changes.get(layer.name, b"")) for layer in layers)
    commit_layers(db, RUN, AnalysisReceipt(PRESENT, receipts, ()), made.package_rows(()))


def former(db: Database, *layers: Layer) -> dict[str, FormerResult]:
    with db.transaction() as tx:
        return former_results(
            tx, [layer.digest for layer in layers], fingerprint_set=PRESENT, members=NEW, reader=READER
        )


def unchanged(db: Database, *images: Image) -> set[str]:
    with db.transaction() as tx:
        found = unchanged_images(tx, [image.digest for image in images], fingerprint_set=PRESENT)
    for each, image in ((each, image) for each in found for image in images if image.digest == each.digest):
        assert each.chain == image.chains()[-1]
        assert each.layers == tuple((layer.digest, layer.composition_hash) for layer in image.layers)
    return {each.digest for each in found}


def unsettled(db: Database, *images: Image) -> list[str]:
    with db.transaction() as tx:
        return unsettled_images(tx, [image.digest for image in images], fingerprint_set=PRESENT)


def test_the_former_result_names_its_members_and_its_objects(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, OLD)
    made.analyse(db, BASE, PYTHON)
    found = former(db, BASE, NODE)
    assert set(found) == {BASE.digest}
    assert (found[BASE.digest].members, found[BASE.digest].composition_hash) == (OLD, BASE.composition_hash)
    assert {each.dataset for each in found[BASE.digest].objects} == {"entries", "packages", "problems"}


def test_the_result_that_shares_most_members_is_the_best_one(db: Database) -> None:
    other = (READER, "dpkg/0/09", "npm/0/08")
    for content_id, members in ((FINGERPRINTS, OLD), (b"o" * 16, other)):
        register_fingerprint_set(db, content_id, members)
        commit_layers(db, RUN, replace(made.analysis(BASE), fingerprint_set=content_id), made.package_rows((BASE,)))
    assert former(db, BASE)[BASE.digest].members == OLD


def test_results_of_another_layer_reader_are_none(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, ("layers/0/99", "dpkg/1/01"))
    made.analyse(db, BASE)
    assert former(db, BASE) == {}


def test_a_layer_that_names_its_objects_has_those_and_no_others(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, OLD)
    made.analyse(db, BASE, PYTHON)
    kept = next(each for each in former(db, BASE)[BASE.digest].objects if each.dataset == "entries")
    register_fingerprint_set(db, PRESENT, NEW)
    fresh = made.obj("packages", "fresh")
    receipt = AnalysisReceipt(PRESENT, (result(BASE, objects=(fresh.key, kept.key)),), (fresh,), (kept,))
    commit = commit_layers(db, RUN, receipt, made.package_rows(()))
    with db.transaction() as tx:
        (row,) = layer_records(tx, [BASE.digest], fingerprint_set=PRESENT).to_pylist()
    assert dict(zip(row["datasets"], row["keys"], strict=True)) == {"packages": fresh.key, "entries": kept.key}
    assert {each.key for each in commit.objects} == {fresh.key, kept.key}


def test_what_a_later_result_refers_to_stays_when_the_former_commit_is_undone(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, OLD)
    first = made.analyse(db, BASE)
    kept = former(db, BASE)[BASE.digest].objects
    register_fingerprint_set(db, PRESENT, NEW)
    receipt = AnalysisReceipt(PRESENT, (result(BASE, objects=tuple(each.key for each in kept)),), (), kept)
    commit_layers(db, RUN, receipt, made.package_rows(()))
    assert undo_commit(db, RUN, first.generation).objects == ()


def test_an_image_whose_layers_got_the_same_rows_is_settled_without_a_composition(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, OLD)
    made.scan(db, ONE, TWO)
    renew(db, BASE, PYTHON)
    assert unchanged(db, ONE, TWO) == {ONE.digest}
    assert unsettled(db, ONE, TWO) == [ONE.digest, TWO.digest]
    assert advance_images(db, "run-2", [ONE.digest, TWO.digest], fingerprint_set=PRESENT) == 1
    assert unsettled(db, ONE, TWO) == [TWO.digest]


def test_an_image_with_a_layer_of_other_rows_is_to_be_composed(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, OLD)
    made.scan(db, ONE, TWO)
    renew(db, BASE, PYTHON, NODE, node=b"n" * 32)
    assert unchanged(db, ONE, TWO) == {ONE.digest}


def test_an_image_of_an_undone_commit_is_to_be_composed(db: Database) -> None:
    register_fingerprint_set(db, FINGERPRINTS, OLD)
    made.list_images(db, ONE)
    made.analyse(db, BASE, PYTHON)
    composed = made.compose(db, ONE)
    renew(db, BASE, PYTHON)
    undo_commit(db, RUN, composed.generation)
    assert unchanged(db, ONE) == set()


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [
        ((), {"one", "two"}),
        (("registry.test:5000",), {"one", "two"}),
        (("registry.test:5000/app",), {"one", "two"}),
        (("registry.test:5000/app:one",), {"one"}),
        (("registry.test:5000/ap",), set()),
        (("registry.test",), set()),
        (("other.test", "registry.test:5000/app:two"), {"two"}),
        (("registry_test:5000",), set()),
    ],
)
def test_references_are_found_by_registry_repository_or_whole(
    db: Database, prefixes: tuple[str, ...], found: set[str]
) -> None:
    made.scan(db, ONE, TWO)
    with db.transaction() as tx:
        assert {each.name for each in known_references(tx, prefixes)} == found


def test_references_whose_images_are_of_the_present_set_may_be_left_out(db: Database) -> None:
    made.scan(db, ONE)
    with db.transaction() as tx:
        assert known_references(tx, fingerprint_set=FINGERPRINTS) == []
        (reference,) = known_references(tx, fingerprint_set=PRESENT)
    assert (reference.text, reference.target, reference.images) == (ONE.reference, ONE.digest, (ONE.digest,))
    assert reference.known == {ONE.digest}


def test_the_layers_of_images_come_once_with_their_sizes(db: Database) -> None:
    made.list_images(db, ONE, TWO)
    with db.transaction() as tx:
        found = layers_of_images(tx, [ONE.digest, TWO.digest])
    assert found == dict.fromkeys((BASE.digest, PYTHON.digest, NODE.digest), 1000)


def test_a_reference_to_a_pending_image_is_known_without_a_result(db: Database) -> None:
    made.list_images(db, ONE)
    with db.transaction() as tx:
        (reference,) = known_references(tx)
    assert (reference.images, reference.known) == ((ONE.digest,), frozenset())
