"""Leases keep two runs from the same work, and never keep a run waiting for a dead one."""

from __future__ import annotations

import threading
import time

import pytest

from catalog.active.commits import commit_layers
from catalog.active.database import Database
from catalog.active.leases import claim, heartbeat, release, wait_for_others
from catalog.errors import Retry
from tests.catalog.active import made
from tests.catalog.active.made import BASE, FINGERPRINTS, NODE, PYTHON

pytestmark = pytest.mark.postgres

LAYERS = [BASE.digest, PYTHON.digest, NODE.digest]


def test_second_run_gets_what_the_first_left(db: Database) -> None:
    assert claim(db, LAYERS[:2], "a", seconds=60) == LAYERS[:2]
    assert claim(db, LAYERS, "b", seconds=60) == [NODE.digest]


def test_run_may_claim_its_own_again(db: Database) -> None:
    claim(db, LAYERS, "a", seconds=60)
    assert claim(db, [*LAYERS, BASE.digest], "a", seconds=60) == LAYERS


def test_expired_lease_is_taken_over(db: Database) -> None:
    claim(db, LAYERS, "a", seconds=0)
    time.sleep(0.01)
    assert claim(db, LAYERS, "b", seconds=60) == LAYERS


def test_heartbeat_keeps_a_lease(db: Database) -> None:
    claim(db, LAYERS, "a", seconds=0)
    assert heartbeat(db, "a", seconds=60) == 3
    assert claim(db, LAYERS, "b", seconds=60) == []


def test_released_layers_are_free(db: Database) -> None:
    claim(db, LAYERS, "a", seconds=60)
    assert release(db, "a", [BASE.digest]) == 1
    assert claim(db, LAYERS, "b", seconds=60) == [BASE.digest]
    assert release(db, "a") == 2


def test_commit_gives_the_leases_back(db: Database) -> None:
    claim(db, LAYERS, "run-1", seconds=60)
    made.analyse(db, BASE)
    with db.transaction() as tx:
        assert {layer for (layer,) in tx.rows("SELECT layer FROM lease")} == {PYTHON.digest, NODE.digest}


def test_waiting_tells_finished_free_and_held(db: Database) -> None:
    claim(db, LAYERS, "a", seconds=60)
    made.analyse(db, BASE)
    release(db, "a", [PYTHON.digest])
    awaited = wait_for_others(db, LAYERS, "b", fingerprint_set=FINGERPRINTS, timeout_seconds=0)
    assert (awaited.finished, awaited.free, awaited.held) == ((BASE.digest,), (PYTHON.digest,), (NODE.digest,))


def test_final_failure_ends_the_waiting(db: Database) -> None:
    claim(db, [NODE.digest], "a", seconds=60)
    commit_layers(db, "a", made.failure(NODE, "malformed-layer", Retry.PERMANENT, verified=True), made.package_rows(()))
    awaited = wait_for_others(db, [NODE.digest], "b", fingerprint_set=FINGERPRINTS, timeout_seconds=0)
    assert awaited.finished == (NODE.digest,)


def test_waiting_ends_with_the_lease_of_a_dead_run(db: Database) -> None:
    claim(db, LAYERS, "dead", seconds=0.3)
    begun = time.monotonic()
    awaited = wait_for_others(db, LAYERS, "b", fingerprint_set=FINGERPRINTS, timeout_seconds=30, poll_seconds=0.05)
    assert awaited.free == tuple(LAYERS)
    assert time.monotonic() - begun < 10


def test_many_claimers_never_share_and_never_deadlock(db: Database) -> None:
    digests = [made.digest(str(number)) for number in range(200)]
    taken: dict[str, list[str]] = {}

    def work(run: str, wanted: list[str]) -> None:
        taken[run] = claim(db, wanted, run, seconds=60)

    threads = [threading.Thread(target=work, args=(f"run{n}", digests[:: (-1) ** n])) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(digest for each in taken.values() for digest in each) == sorted(digests)
