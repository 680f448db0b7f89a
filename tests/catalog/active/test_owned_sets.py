"""What an operating system's packages own: kept with the chain, listed by name, and in nobody's count."""

from __future__ import annotations

import pytest

from catalog.active.composition import known_chains
from catalog.active.database import Database
from catalog.active.fleet import (
    ImageFilter,
    fleet_status,
    image_chain,
    image_chains,
    image_owned_packages,
    image_packages,
    list_images,
)
from catalog.active.judging import commit_judgements, refresh_summaries, unjudged_packages
from catalog.active.undo import undo_commit
from catalog.schemas import OWNED_OCCURRENCES, PRIVILEGED_FILES
from catalog.states import Coverage
from tests.catalog.active import made
from tests.catalog.active.made import BASE, FLASK, LEFT_PAD, NODE, ONE, PYTHON, RUN, TWO
from tests.catalog.active.test_judging import NO_MATCHES, snapshot

pytestmark = pytest.mark.postgres


def image_number(db: Database, image: made.Image) -> int:
    with db.transaction() as tx:
        row = tx.row("SELECT id FROM image WHERE digest = %(digest)s", {"digest": image.digest})
    assert row is not None
    return int(row[0])


def names(db: Database, image: made.Image) -> tuple[set[str], set[str]]:
    """Names of an image's packages, and of its owned ones."""
    number = image_number(db, image)
    with db.transaction() as tx:
        return {p.name for p in image_packages(tx, number)}, {p.name for p in image_owned_packages(tx, number)}


def test_owned_packages_are_listed_apart_and_no_set_of_the_image(db: Database) -> None:
    made.scan(db, ONE, owned=[FLASK])
    assert names(db, ONE) == ({"libc6", "bash"}, {"flask"})
    with db.transaction() as tx:
        assert tx.rows("SELECT packages FROM image") == [(2,)]
        (owned,) = image_owned_packages(tx, image_number(db, ONE))
        assert (owned.coverage, owned.ecosystem_platform) == (Coverage.NOT_COVERED, ("", ""))
    assert list(list_images(db, ImageFilter(package="flask"))) == []
    assert len(list(list_images(db, ImageFilter(package="bash")))) == 1


def test_owned_packages_are_not_judged_nor_summed_up_nor_counted(db: Database) -> None:
    made.scan(db, ONE, owned=[FLASK])
    number = snapshot(db)
    with db.transaction() as tx:
        waiting = unjudged_packages(tx, number)
        assert sorted(waiting["name"].to_pylist()) == ["bash", "libc6"]
        assert (fleet_status(tx).unjudged, fleet_status(tx).package_sets) == (2, 1)
    commit_judgements(db, number, made.judgements(waiting), NO_MATCHES)
    assert refresh_summaries(db).sets == 1
    (line,) = list_images(db, ImageFilter(texts=(ONE.reference,)))
    assert (line.coverage.covered, line.coverage.not_covered) == (2, 0)
    assert line.clean
    with db.transaction() as tx:
        assert unjudged_packages(tx, number).num_rows == 0
        assert fleet_status(tx).unjudged == 0
    assert refresh_summaries(db).sets == 0


def test_what_is_owned_in_one_image_and_installed_in_another_is_judged_for_the_other_alone(db: Database) -> None:
    plain = made.Image("plain", (PYTHON,))
    made.scan(db, ONE, owned=[FLASK])
    made.scan(db, plain)
    number = snapshot(db)
    with db.transaction() as tx:
        waiting = unjudged_packages(tx, number)
    assert sorted(waiting["name"].to_pylist()) == ["bash", "flask", "libc6"]
    commit_judgements(db, number, made.judgements(waiting), made.match(waiting, "flask", "CVE-1", "high"))
    refresh_summaries(db)
    lines = {line.reference: line.findings.total for line in list_images(db, ImageFilter())}
    assert lines == {ONE.reference: 0, plain.reference: 1}
    found = [line.reference for line in list_images(db, ImageFilter(vulnerability="CVE-1"))]
    assert found == [plain.reference]


def test_the_objects_of_a_chains_facts_are_found_by_their_dataset(db: Database) -> None:
    made.scan(db, ONE, owned=[FLASK])
    number = image_number(db, ONE)
    with db.transaction() as tx:
        owned = image_chain(tx, number, OWNED_OCCURRENCES.name)
        privileged = image_chain(tx, number, PRIVILEGED_FILES.name)
        lineage = image_chains(tx, number)
    assert owned is not None
    assert privileged is not None
    assert owned.chain == privileged.chain == ONE.chains()[-1]
    assert owned.keys == (made.obj("owned_occurrences", "one").key,)
    assert privileged.keys == (made.obj("privileged_files", "one").key,)
    assert {key for chain in lineage for key in chain.keys} == {made.obj("occurrences", "one").key}


def test_an_image_without_a_chain_has_none(db: Database) -> None:
    made.list_images(db, ONE)
    with db.transaction() as tx:
        assert image_chain(tx, image_number(db, ONE), OWNED_OCCURRENCES.name) is None
        assert image_owned_packages(tx, image_number(db, ONE)) == []


def test_known_chains_name_their_owned_sets(db: Database) -> None:
    made.scan(db, ONE, owned=[FLASK])
    receipt, _, _ = made.composition(ONE, owned=[FLASK])
    with db.transaction() as tx:
        known = known_chains(tx, ONE.chains())
    assert {(chain.chain, chain.sets, chain.owned_sets) for chain in known} == {
        (chain.chain, chain.sets, chain.owned_sets) for chain in receipt.chains
    }
    assert [len(chain.owned_sets) for chain in known] == [0, 1]


def test_a_lower_part_gets_its_facts_and_keeps_its_deltas_when_an_image_ends_there(db: Database) -> None:
    made.scan(db, ONE, owned=[FLASK])
    with db.transaction() as tx:
        tx.execute("UPDATE chain SET packages = NULL, sets = '{}', owned_sets = '{}'")
    made.list_images(db, TWO)
    made.analyse(db, NODE)
    made.compose(db, ONE, TWO, owned=[FLASK, LEFT_PAD])
    assert names(db, ONE) == ({"libc6", "bash"}, {"flask"})
    assert names(db, TWO) == ({"libc6", "bash"}, {"left-pad"})
    with db.transaction() as tx:
        owned = image_chain(tx, image_number(db, ONE), OWNED_OCCURRENCES.name)
        keys = {key for chain in image_chains(tx, image_number(db, ONE)) for key in chain.keys}
    assert owned is not None
    assert made.obj("owned_occurrences", "one-two").key in owned.keys
    assert keys == {made.obj("occurrences", "one").key}


def test_an_undone_composition_forgets_them_and_comes_back_the_same(db: Database) -> None:
    made.list_images(db, ONE)
    made.analyse(db, BASE, PYTHON)
    commit = made.compose(db, ONE, owned=[FLASK])
    undo_commit(db, RUN, commit.generation)
    with db.transaction() as tx:
        assert known_chains(tx, ONE.chains()) == []
        assert tx.rows("SELECT DISTINCT owned_sets FROM chain") == [([],)]
        assert tx.rows("SELECT count(*) FROM package_set WHERE generation IS NOT NULL") == [(0,)]
    made.compose(db, ONE, owned=[FLASK])
    assert names(db, ONE) == ({"libc6", "bash"}, {"flask"})


def test_undoing_the_commit_that_brought_an_owned_set_undoes_what_stands_on_it(db: Database) -> None:
    made.list_images(db, ONE, other := made.Image("other", (PYTHON,)))
    made.analyse(db, BASE, PYTHON)
    first = made.compose(db, other, owned=[FLASK])
    made.compose(db, ONE, owned=[FLASK])
    undo_commit(db, RUN, first.generation)
    with db.transaction() as tx:
        # The lower chain has none of it.
        assert [chain.chain for chain in known_chains(tx, ONE.chains())] == [ONE.chains()[0]]
        assert tx.rows("SELECT outcome FROM image ORDER BY digest") == [("pending",), ("pending",)]
