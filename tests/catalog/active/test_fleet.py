"""What a person sees: lists, one image, the whole in numbers."""

from __future__ import annotations

import pytest

from catalog.active.commits import commit_layers
from catalog.active.database import Database
from catalog.active.fleet import (
    ImageFilter,
    ImageOrder,
    find_images,
    fleet_status,
    image_chains,
    image_layers,
    list_images,
)
from catalog.active.judging import commit_judgements, refresh_summaries, unjudged_packages
from catalog.active.listing import ListedImage, ListedReference, commit_listing, mark_gone
from catalog.active.snapshots import commit_snapshot, current
from catalog.active.views import ImageRecord
from catalog.errors import Retry
from catalog.images import ImagePlatform
from catalog.states import Outcome, Residence, Severity
from tests.catalog.active import made
from tests.catalog.active.made import BASE, NODE, ONE, PYTHON, RUN, TWO

pytestmark = pytest.mark.postgres


@pytest.fixture
def fleet(db: Database) -> Database:
    """Two judged images, a reference that failed, an index with a skipped platform."""
    made.scan(db, ONE, TWO)
    attestation = ListedImage(
        ImagePlatform("unknown", "unknown"), Outcome.SKIPPED, "not-an-image", "an attestation", digest="sha256:aa"
    )
    index = ListedReference("registry.test:5000/multi:1", "registry.test:5000", "multi", "1", target="sha256:index",
                            images=(ONE.listed.images[0], attestation))  # fmt: skip
    broken = ListedReference("elsewhere.test/x:1", "elsewhere.test", "x", "1", outcome=Outcome.FAILED, reason="unauthorised",
                             detail="401", retry=Retry.PERMANENT)  # fmt: skip
    commit_listing(db, RUN, [index, broken])
    commit_snapshot(db, RUN, b"s" * 32, ())
    with db.transaction() as tx:
        snapshot = current(tx)
        assert snapshot is not None
        waiting = unjudged_packages(tx, snapshot.snapshot)
    commit_judgements(db, snapshot.snapshot, made.judgements(waiting, flask="not covered"),
                      made.match(waiting, "left-pad", "CVE-9", "critical"))  # fmt: skip
    refresh_summaries(db)
    return db


def listed(db: Database, **wanted: object) -> list[tuple[str, str]]:
    return [(line.reference.rpartition("/")[2], line.state.value) for line in list_images(db, ImageFilter(**wanted))]


def found(db: Database, name: str) -> list[ImageRecord]:
    with db.transaction() as tx:
        return find_images(tx, name)


def test_every_reference_and_platform_has_one_line(fleet: Database) -> None:
    assert listed(fleet) == [
        ("x:1", "failed"), ("app:one", "analysed"), ("app:two", "analysed"), ("multi:1", "analysed"), ("multi:1", "skipped"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"reference": "*/app:*"}, ["app:one", "app:two"]),
        ({"reference": "registry.test:5000/multi:1"}, ["multi:1", "multi:1"]),
        ({"reference": "*pp_one"}, []),
        ({"outcomes": (Outcome.FAILED, Outcome.SKIPPED)}, ["x:1", "multi:1"]),
        ({"at_least": Severity.HIGH}, ["app:two"]),
        ({"package": "flask"}, ["app:one", "multi:1"]),
        ({"vulnerability": "CVE-9"}, ["app:two"]),
        ({"vulnerability": "cve-9"}, ["app:two"]),
        ({"distribution": "debian"}, ["app:one", "app:two", "multi:1"]),
        ({"not_covered": True}, ["app:one", "multi:1"]),
        ({"texts": (TWO.reference,)}, ["app:two"]),
        ({"package": "libc6", "at_least": Severity.CRITICAL}, ["app:two"]),
    ],
)
def test_filter(fleet: Database, wanted: dict[str, object], expected: list[str]) -> None:
    assert [name for name, _ in listed(fleet, **wanted)] == expected


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (ImageOrder.SEVERITY, "app:two"),
        (ImageOrder.STATE, "x:1"),
        (ImageOrder.REFERENCE, "x:1"),
        (ImageOrder.PACKAGES, "app:one"),
    ],
)
def test_order(fleet: Database, order: ImageOrder, first: str) -> None:
    (line,) = list_images(fleet, limit=1, order=order)
    assert line.reference.endswith(first)


def test_gone_references_are_listed_on_demand(fleet: Database) -> None:
    mark_gone(fleet, RUN, registry="elsewhere.test", repository="x", listed=[])
    assert ("x:1", "failed") not in listed(fleet)
    assert ("x:1", "failed") in listed(fleet, gone=True)


def test_image_is_found_by_its_reference(fleet: Database) -> None:
    (record,) = found(fleet, ONE.reference)
    assert (record.line.digest, record.target, record.chain) == (ONE.digest, ONE.digest, ONE.chains()[-1])
    assert record.layers == (BASE.digest, PYTHON.digest)
    assert record.references == (ONE.reference, "registry.test:5000/multi:1")
    assert (record.distribution, record.distribution_version) == ("debian", "12")
    assert record.line.distribution == "Debian GNU/Linux 12"


def test_index_gives_each_platform(fleet: Database) -> None:
    records = found(fleet, "registry.test:5000/multi:1")
    assert [(each.line.state, str(each.line.platform)) for each in records] == [
        (Outcome.ANALYSED, "linux/amd64"), (Outcome.SKIPPED, "unknown/unknown"),
    ]  # fmt: skip
    assert (records[1].image, records[1].line.reason, records[1].line.digest) == (0, "not-an-image", "sha256:aa")
    assert [each.image for each in found(fleet, "sha256:index")] == [each.image for each in records]


def test_reference_that_failed_gives_its_reason(fleet: Database) -> None:
    (record,) = found(fleet, "elsewhere.test/x:1")
    assert (record.image, record.line.state, record.line.reason) == (0, Outcome.FAILED, "unauthorised")


@pytest.mark.parametrize("name", [ONE.digest, ONE.digest[:30]])
def test_image_is_found_by_digest_and_by_a_beginning_of_it(fleet: Database, name: str) -> None:
    (record,) = found(fleet, name)
    assert (record.line.digest, record.line.reference) == (ONE.digest, ONE.reference)


@pytest.mark.parametrize("name", ["registry.test:5000/app:none", "sha256:", "sha256:6f6e", "", "a\0b", "%"])
def test_what_was_never_scanned_is_not_found(fleet: Database, name: str) -> None:
    assert found(fleet, name) == []


def test_lineage_comes_root_first_with_its_objects(fleet: Database) -> None:
    with fleet.transaction() as tx:
        chains = image_chains(tx, found(fleet, ONE.reference)[0].image)
    assert [(each.chain, each.layer) for each in chains] == list(
        zip(ONE.chains(), [BASE.digest, PYTHON.digest], strict=True)
    )
    assert chains[0].keys == ("v1/occurrences/part-one-two.parquet",)


def test_layers_tell_how_their_analysis_ended(db: Database) -> None:
    made.list_images(db, TWO)
    made.analyse(db, BASE)
    commit_layers(db, RUN, made.failure(NODE, "malformed-layer", Retry.PERMANENT, verified=True), made.package_rows(()))
    with db.transaction() as tx:
        states = image_layers(tx, found(db, TWO.reference)[0].image)
    assert [(each.position, each.layer, each.outcome, each.reason, each.problem_keys) for each in states] == [
        (0, BASE.digest, "complete", "", ()), (1, NODE.digest, "failed", "malformed-layer", ()),
    ]  # fmt: skip


def test_status_adds_the_fleet_up(fleet: Database) -> None:
    with fleet.transaction() as tx:
        status = fleet_status(tx)
    assert status.references == ((Outcome.ANALYSED, 2), (Outcome.SKIPPED, 1), (Outcome.FAILED, 1))
    assert status.images == ((Outcome.ANALYSED, 2),)
    assert status.residences == ((Residence.ACTIVE, 2),)
    assert set(status.reasons) == {(Outcome.SKIPPED, "not-an-image", 1), (Outcome.FAILED, "unauthorised", 1)}
    assert (status.layers, status.layers_with_result, status.layer_edges) == (3, 3, 4)
    assert (status.layer_bytes, status.edge_bytes) == (3000, 4000)
    assert (status.chains, status.packages, status.package_sets, status.set_edges) == (3, 4, 3, 4)
    assert (status.findings.critical, status.coverage.packages, status.coverage.not_covered) == (1, 6, 1)
    assert (status.snapshot, status.generation, status.unjudged) == ("73" * 32, 3, 0)
    assert (status.objects, status.object_bytes) == (6, 600)


def test_status_of_an_empty_fleet(db: Database) -> None:
    with db.transaction() as tx:
        status = fleet_status(tx)
    assert (status.references, status.images, status.layers, status.snapshot) == ((), (), 0, "")
