"""Commits: whole or not at all, harmless when repeated, numbered without a gap, and taken back."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from catalog.active.commits import commit_images, commit_layers, last_generation, undo_commit, unmirrored
from catalog.active.composition import failed_layers, known_chains, layer_records
from catalog.active.database import Database
from catalog.errors import ActiveSetError, Retry
from catalog.packages import PackageFacts, Role
from catalog.receipts import AnalysisReceipt
from tests.catalog.active import made
from tests.catalog.active.made import BASE, BASH, FINGERPRINTS, LEFT_PAD, NODE, ONE, PYTHON, RUN, TWO, Layer

pytestmark = pytest.mark.postgres


def content(db: Database) -> list[object]:
    """Everything that analysis and composition committed, by content ids alone."""
    with db.transaction() as tx:
        return [tx.rows(query) for query in _CONTENT]


_CONTENT = (
    "SELECT l.digest, r.outcome, r.composition_hash::text FROM layer_result r JOIN layer l ON l.id = r.layer ORDER BY 1",
    "SELECT i.digest, i.outcome, i.packages, c.content_id::text FROM image i JOIN chain c ON c.id = i.chain ORDER BY 1",
    "SELECT c.content_id::text, p.content_id::text, c.packages FROM chain c LEFT JOIN chain p ON p.id = c.parent"
    " WHERE c.generation IS NOT NULL ORDER BY 1",
    "SELECT i.digest, k.content_id::text, k.type, ARRAY(SELECT p.name FROM package p WHERE p.id = ANY(k.members) ORDER BY 1)"
    " FROM image_set x JOIN image i ON i.id = x.image JOIN package_set k ON k.id = x.package_set ORDER BY 1, 2",
    "SELECT key FROM archive_file WHERE state = 'live' ORDER BY 1",
)


def test_shared_things_are_stored_once(db: Database) -> None:
    made.scan(db, ONE, TWO)
    with db.transaction() as tx:
        tables = ("layer", "chain", "package", "package_set", "image_set", "platform")
        counts = [tx.row(f"SELECT count(*) FROM {table}") for table in tables]
    assert counts == [(3,), (3,), (4,), (3,), (4,), (1,)]


def test_same_commits_again_change_nothing_but_the_log(db: Database) -> None:
    made.scan(db, ONE, TWO)
    before = content(db)
    made.scan(db, ONE, TWO)
    assert content(db) == before
    with db.transaction() as tx:
        assert tx.rows("SELECT DISTINCT generation FROM image ORDER BY 1") == [(2,)]
        assert tx.rows("SELECT DISTINCT generation FROM layer_result") == [(1,)]


def test_first_result_of_a_layer_wins(db: Database) -> None:
    made.list_images(db, ONE)
    made.analyse(db, BASE)
    other = AnalysisReceipt(FINGERPRINTS, made.analysis(BASE).layers, (made.obj("packages", "other"),))
    commit_layers(db, RUN, other, made.package_rows((BASE,)))
    with db.transaction() as tx:
        keys = layer_records(tx, [BASE.digest], fingerprint_set=FINGERPRINTS).column("keys").to_pylist()[0]
    assert "v1/packages/part-other.parquet" not in keys


def test_layer_records_name_their_objects(db: Database) -> None:
    made.list_images(db, ONE)
    made.analyse(db, BASE)
    with db.transaction() as tx:
        rows = layer_records(tx, [PYTHON.digest, BASE.digest], fingerprint_set=FINGERPRINTS).to_pylist()
    assert rows == [
        {
            "layer": BASE.digest,
            "composition_hash": BASE.composition_hash,
            "outcome": "complete",
            "reason": "",
            "detail": "",
            "datasets": ["entries", "packages", "problems"],
            "keys": [f"v1/{name}/part-base.parquet" for name in ("entries", "packages", "problems")],
        }
    ]


def test_known_chains_come_back_as_they_were_committed(db: Database) -> None:
    made.scan(db, ONE)
    receipt, _, _ = made.composition(ONE)
    with db.transaction() as tx:
        found = {each.chain: each for each in known_chains(tx, [*ONE.chains(), b"unknown"])}
    for chain in receipt.chains:
        assert found[chain.chain].sets == tuple(sorted(chain.sets))
        assert (found[chain.chain].parent, found[chain.chain].layer) == (chain.parent, chain.layer)
        assert (found[chain.chain].distribution, found[chain.chain].packages) == (chain.distribution, chain.packages)
    assert len(found) == len(receipt.chains)


def test_failed_layer_is_kept_with_its_reason_and_attempts(db: Database) -> None:
    made.list_images(db, ONE)
    receipt = made.failure(PYTHON, "registry-busy", Retry.TRANSIENT, verified=False)
    for _ in range(2):
        commit_layers(db, RUN, receipt, made.package_rows(()))
    with db.transaction() as tx:
        (failed,) = failed_layers(tx, [PYTHON.digest, BASE.digest], fingerprint_set=FINGERPRINTS)
        attempts = tx.row("SELECT attempts FROM layer WHERE digest = %(d)s", {"d": PYTHON.digest})
    assert (failed.reason, failed.retry, failed.verified, failed.final) == (
        "registry-busy",
        Retry.TRANSIENT,
        False,
        False,
    )
    assert attempts == (2,)


def test_late_failure_does_not_hide_a_result(db: Database) -> None:
    made.list_images(db, ONE)
    made.analyse(db, PYTHON)
    commit_layers(db, RUN, made.failure(PYTHON, "x", Retry.PERMANENT, verified=True), made.package_rows(()))
    with db.transaction() as tx:
        assert failed_layers(tx, [PYTHON.digest], fingerprint_set=FINGERPRINTS) == []


def test_nothing_stays_of_a_commit_that_breaks(db: Database) -> None:
    made.list_images(db, ONE)
    made.analyse(db, BASE)  # not PYTHON: its package is unknown
    with pytest.raises(ActiveSetError, match="package"):
        made.compose(db, ONE)
    with db.transaction() as tx:
        assert last_generation(tx) == 1
        assert tx.rows("SELECT count(*) FROM chain") == [(0,)]
        assert tx.rows("SELECT count(*) FROM archive_file WHERE dataset = 'images'") == [(0,)]


def test_composition_of_an_image_that_was_never_listed_is_refused(db: Database) -> None:
    with pytest.raises(ActiveSetError, match="image"):
        made.compose(db, ONE)


def test_generations_have_no_gap_with_many_committers(db: Database) -> None:
    layers = [Layer(f"layer{number}", (BASH, LEFT_PAD)) for number in range(24)]
    threads = [threading.Thread(target=lambda each=each: [made.analyse(db, layer) for layer in each])
               for each in (layers[0::4], layers[1::4], layers[2::4], layers[3::4])]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.transaction() as tx:
        assert [commit.generation for commit in unmirrored(tx, 0)] == list(range(1, 25))
        assert tx.rows("SELECT count(*) FROM package") == [(2,)]
        assert tx.rows("SELECT count(*) FROM layer_result") == [(24,)]


def test_unmirrored_tells_what_a_manifest_needs(db: Database) -> None:
    made.list_images(db, ONE)
    first = made.analyse(db, *ONE.layers)
    second = made.compose(db, ONE)
    with db.transaction() as tx:
        commits = unmirrored(tx, first.generation)
        assert unmirrored(tx, second.generation) == []
    assert [(each.generation, each.run, each.kind) for each in commits] == [(2, RUN, "images")]
    assert set(commits[0].objects) == set(second.objects)


@pytest.mark.parametrize("which", ["layers", "images"])
def test_work_that_is_undone_and_done_again_gives_the_same(db: Database, which: str) -> None:
    made.list_images(db, ONE, TWO)
    layers = made.analyse(db, BASE, PYTHON, NODE)
    images = made.compose(db, ONE, TWO)
    before = content(db)
    undo_commit(db, RUN, {"layers": layers, "images": images}[which].generation)
    assert content(db) != before
    if which == "layers":
        made.analyse(db, BASE, PYTHON, NODE)
    made.compose(db, ONE, TWO)
    assert content(db) == before


def test_undone_chain_takes_its_children_with_it_and_keeps_them_in_line(db: Database) -> None:
    three = made.Image("three", (*ONE.layers, NODE))
    made.list_images(db, ONE, three)
    made.analyse(db, BASE, PYTHON, NODE)
    first = made.compose(db, ONE)
    made.compose(db, three)
    undo_commit(db, RUN, first.generation)
    with db.transaction() as tx:
        assert known_chains(tx, [*ONE.chains(), *three.chains()]) == []
        assert tx.rows("SELECT DISTINCT outcome FROM image") == [("pending",)]
    made.compose(db, ONE, three)
    with db.transaction() as tx:
        (child,) = (chain for chain in known_chains(tx, three.chains()) if chain.chain == three.chains()[-1])
    assert child.parent == ONE.chains()[-1]


def test_objects_that_another_commit_names_stay_live_after_an_undo(db: Database) -> None:
    made.list_images(db, ONE)
    first = made.analyse(db, BASE)
    made.analyse(db, BASE)  # somebody else analysed it too, with the very same objects
    undone = undo_commit(db, RUN, first.generation)
    assert undone.objects == ()
    with db.transaction() as tx:
        assert tx.rows("SELECT DISTINCT state FROM archive_file") == [("live",)]


def test_undo_is_a_commit_of_its_own(db: Database) -> None:
    made.list_images(db, ONE)
    first = made.analyse(db, BASE)
    undone = undo_commit(db, RUN, first.generation)
    assert (undone.generation, undone.kind, undone.undoes) == (2, "undo", 1)
    assert {each.key for each in undone.objects} == {each.key for each in first.objects}


@pytest.mark.parametrize("generation", [0, 1, 2, 3])
def test_undo_of_what_is_no_live_commit_is_refused(db: Database, generation: int) -> None:
    made.list_images(db, ONE)
    first = made.analyse(db, BASE)
    undo_commit(db, RUN, first.generation)
    with pytest.raises(ActiveSetError, match="no such commit"):
        undo_commit(db, RUN, generation)


def test_object_that_is_being_deleted_cannot_be_committed(db: Database) -> None:
    made.list_images(db, ONE)
    made.analyse(db, BASE)
    with db.transaction() as tx:
        tx.execute("UPDATE archive_file SET state = 'deleting'")
    with pytest.raises(ActiveSetError, match="being deleted"):
        made.analyse(db, BASE)


def test_installed_outweighs_an_application_and_licences_are_filled_in(db: Database) -> None:
    plain = PackageFacts("npm", "thing", "1", role=Role.APPLICATION)
    full = PackageFacts("npm", "thing", "1", licences=("MIT",))
    for layer in (Layer("a", (plain,)), Layer("b", (full,)), Layer("c", (plain,))):
        made.analyse(db, layer)
    with db.transaction() as tx:
        assert tx.rows("SELECT role, licences FROM package") == [("installed", ["MIT"])]


def test_packages_that_only_a_composition_brings_are_committed_with_it(db: Database) -> None:
    image = made.Image("linked", (BASE, PYTHON))
    made.list_images(db, image)
    made.analyse(db, *(replace(layer, packages=()) for layer in image.layers))
    receipt, rows, sets = made.composition(image)
    with pytest.raises(ActiveSetError, match="package"):
        commit_images(db, RUN, receipt, rows, sets, fingerprint_set=FINGERPRINTS)
    brought = made.package_rows(image.layers)
    commit_images(db, RUN, receipt, rows, sets, fingerprint_set=FINGERPRINTS, packages=brought)
    with db.transaction() as tx:
        (outcome,) = tx.rows("SELECT outcome, packages FROM image")
        known = {content_id for (content_id,) in tx.rows("SELECT encode(content_id, 'hex') FROM package")}
    assert outcome == ("analysed", brought.num_rows)
    assert known == {package.hex() for package in brought["package"].to_pylist()}


def test_nul_in_a_package_does_not_break_the_commit(db: Database) -> None:
    made.analyse(db, Layer("hostile", (PackageFacts("npm", "na\0me", "1\0", licences=("a\0b",)),)))
    with db.transaction() as tx:
        assert tx.rows("SELECT name, version, licences FROM package") == [("na\ufffdme", "1\ufffd", ["a\ufffdb"])]


def test_package_name_may_be_longer_than_an_index_row(db: Database) -> None:
    made.analyse(db, Layer("hostile", (PackageFacts("npm", "n" * 20_000, "v" * 20_000),)))


def test_statements_stay_below_one_for_each_new_image_of_known_layers(db: Database) -> None:
    first = [made.Image(f"first{number}", (BASE, PYTHON)) for number in range(1)]
    made.scan(db, *first, TWO)
    images = [
        made.Image(f"image{number}", (BASE, NODE, PYTHON) if number % 2 else (BASE, PYTHON)) for number in range(1000)
    ]
    before = db.statements
    made.list_images(db, *images)
    for start in range(0, 1000, 100):
        receipt, rows, sets = made.composition(*images[start : start + 100])
        commit_images(db, RUN, receipt, rows, sets, fingerprint_set=FINGERPRINTS)
    assert db.statements - before <= 1000
    with db.transaction() as tx:
        assert tx.rows("SELECT count(*) FROM image WHERE outcome = 'analysed'") == [(1002,)]
