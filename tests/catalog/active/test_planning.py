"""What is settled, and what is left to do."""

from __future__ import annotations

import pytest

from catalog.active.commits import commit_images, commit_layers, undo_commit
from catalog.active.database import Database
from catalog.active.listing import ListedImage, ListedReference, commit_listing, mark_gone
from catalog.active.planning import layers_without_result, register_fingerprint_set, settled_references
from catalog.errors import Retry
from catalog.images import ImageManifest, ImagePlatform, LayerDescriptor
from catalog.receipts import CompositionReceipt, ImageReceipt
from catalog.schemas import IMAGES, PACKAGE_SETS
from catalog.states import Outcome
from tests.catalog.active import made
from tests.catalog.active.made import BASE, FINGERPRINTS, NODE, ONE, PYTHON, RUN, TWO, Image

pytestmark = pytest.mark.postgres


def settled(
    db: Database, image: Image | str, fingerprints: bytes = FINGERPRINTS, *, retry: bool = False
) -> bool | None:
    text = image if isinstance(image, str) else image.reference
    with db.transaction() as tx:
        rows = settled_references(tx, [text], fingerprint_set=fingerprints, retry_permanent=retry).to_pylist()
    return rows[0]["settled"] if rows else None


def missing(db: Database, *layers: made.Layer, retry: bool = False) -> list[str]:
    with db.transaction() as tx:
        return layers_without_result(
            tx, [layer.digest for layer in layers], fingerprint_set=FINGERPRINTS, retry_permanent=retry
        )


def fail(db: Database, image: Image, layer: made.Layer, reason: str, retry: Retry, *, verified: bool) -> None:
    made.list_images(db, image)
    made.analyse(db, *(each for each in image.layers if each is not layer))
    receipt = made.failure(layer, reason, retry, verified=verified)
    commit_layers(db, RUN, receipt, made.package_rows(()))
    failed = CompositionReceipt((ImageReceipt(image.digest, Outcome.FAILED, reason, "detail"),), ())
    commit_images(
        db, RUN, failed, IMAGES.schema.empty_table(), PACKAGE_SETS.schema.empty_table(), fingerprint_set=FINGERPRINTS
    )


def test_unknown_reference_has_no_row(db: Database) -> None:
    assert settled(db, ONE) is None


def test_listed_image_is_not_settled_until_it_is_composed(db: Database) -> None:
    made.list_images(db, ONE)
    assert settled(db, ONE) is False
    made.analyse(db, BASE, PYTHON)
    assert settled(db, ONE) is False
    made.compose(db, ONE)
    assert settled(db, ONE) is True


def test_other_fingerprints_unsettle(db: Database) -> None:
    made.scan(db, ONE)
    assert settled(db, ONE, b"g" * 16) is False
    register_fingerprint_set(db, b"g" * 16, ["dpkg/2/ab"])
    assert settled(db, ONE, b"g" * 16) is False


def test_target_and_wanted_platforms_are_told(db: Database) -> None:
    made.scan(db, ONE)
    with db.transaction() as tx:
        rows = settled_references(tx, [ONE.reference], fingerprint_set=FINGERPRINTS).to_pylist()
    assert rows == [{"reference": ONE.reference, "target": ONE.digest, "wanted_platforms": "", "settled": True}]


def test_undone_layers_unsettle_just_their_images_and_run_again(db: Database) -> None:
    made.list_images(db, ONE, TWO)
    made.analyse(db, BASE)
    undone = made.analyse(db, PYTHON)
    made.analyse(db, NODE)
    made.compose(db, ONE, TWO)
    undo_commit(db, RUN, undone.generation)
    assert (settled(db, ONE), settled(db, TWO)) == (False, True)
    assert missing(db, BASE, PYTHON, NODE) == [PYTHON.digest]
    made.analyse(db, PYTHON)
    assert (settled(db, ONE), settled(db, TWO)) == (True, True)


def test_undone_composition_unsettles_its_images(db: Database) -> None:
    made.list_images(db, ONE, TWO)
    made.analyse(db, BASE, PYTHON, NODE)
    made.compose(db, TWO)
    undone = made.compose(db, ONE)
    undo_commit(db, RUN, undone.generation)
    assert (settled(db, ONE), settled(db, TWO)) == (False, True)
    assert missing(db, *ONE.layers) == []
    made.compose(db, ONE)
    assert settled(db, ONE) is True


def test_layer_that_is_broken_for_good_settles_its_image_unless_retry_is_asked(db: Database) -> None:
    fail(db, ONE, PYTHON, "malformed-layer", Retry.PERMANENT, verified=True)
    assert settled(db, ONE) is True
    assert settled(db, ONE, retry=True) is False
    assert missing(db, PYTHON) == []
    assert missing(db, PYTHON, retry=True) == [PYTHON.digest]


@pytest.mark.parametrize(
    ("reason", "retry", "verified"),
    [
        ("registry-busy", Retry.TRANSIENT, False),
        ("digest-mismatch", Retry.PERMANENT, False),
        ("task-lost", Retry.POISON, False),
    ],
)
def test_failure_that_says_nothing_of_the_layer_is_not_settled(
    db: Database, reason: str, retry: Retry, verified: bool
) -> None:
    fail(db, ONE, PYTHON, reason, retry, verified=verified)
    assert settled(db, ONE) is False
    assert missing(db, PYTHON) == [PYTHON.digest]


def test_failed_image_is_not_settled_once_its_layer_has_a_result(db: Database) -> None:
    fail(db, ONE, PYTHON, "malformed-layer", Retry.PERMANENT, verified=True)
    made.analyse(db, PYTHON)
    assert settled(db, ONE) is False


def test_layer_that_nobody_serves_leaves_a_partial_image_settled(db: Database) -> None:
    manifest = ImageManifest(
        made.digest("windows"),
        "m",
        "",
        ImagePlatform("windows", "amd64"),
        (
            LayerDescriptor(made.digest("foreign"), 5, urls=("https://elsewhere.test/layer",)),
            LayerDescriptor(BASE.digest, 1000),
        ),
    )
    listed = ListedReference(
        "r/w:1", "r", "w", "1", target=manifest.digest, images=(ListedImage(manifest.platform, manifest=manifest),)
    )
    commit_listing(db, RUN, [listed])
    made.analyse(db, BASE)
    image = Image("windows", (BASE,))
    receipt, images, sets = made.composition(image)
    partial = ImageReceipt(image.digest, Outcome.PARTIAL, "foreign-layer", "one layer is not served")
    receipt = CompositionReceipt((partial,), receipt.objects, receipt.chains)
    commit_images(db, RUN, receipt, images, sets, fingerprint_set=FINGERPRINTS)
    assert settled(db, "r/w:1") is True


def test_reference_that_failed_in_passing_is_not_settled_and_one_for_good_is(db: Database) -> None:
    for text, retry in (("r/a:1", Retry.TRANSIENT), ("r/b:1", Retry.PERMANENT)):
        commit_listing(db, RUN, [ListedReference(text, outcome=Outcome.FAILED, reason="x", detail="y", retry=retry)])
    assert settled(db, "r/a:1") is False
    assert settled(db, "r/b:1") is True
    assert settled(db, "r/b:1", retry=True) is False


def test_skipped_platform_is_settled(db: Database) -> None:
    skipped = ListedImage(ImagePlatform("unknown", "unknown"), Outcome.SKIPPED, "not-an-image", "an attestation")
    commit_listing(db, RUN, [ListedReference("r/a:1", images=(skipped,))])
    assert settled(db, "r/a:1") is True


def test_gone_reference_is_not_settled_until_it_is_listed_again(db: Database) -> None:
    made.scan(db, ONE, TWO)
    gone = mark_gone(db, RUN, registry="registry.test:5000", repository=None, listed=[TWO.reference])
    assert gone == 1
    assert (settled(db, ONE), settled(db, TWO)) == (False, True)
    made.list_images(db, ONE)
    assert settled(db, ONE) is True


def test_listing_of_another_repository_makes_nothing_gone(db: Database) -> None:
    made.scan(db, ONE)
    assert mark_gone(db, RUN, registry="registry.test:5000", repository="other", listed=[]) == 0
    assert mark_gone(db, RUN, registry="elsewhere.test", repository=None, listed=[]) == 0
    assert settled(db, ONE) is True


def test_layers_come_once_and_in_their_order(db: Database) -> None:
    made.scan(db, Image("base", (BASE,)))
    assert missing(db, PYTHON, BASE, NODE, PYTHON) == [PYTHON.digest, NODE.digest]


def test_moved_tag_gets_its_new_image(db: Database) -> None:
    made.scan(db, ONE)
    listed = TWO.listed
    moved = ListedReference(ONE.reference, listed.registry, "app", "one", "registry", TWO.digest, images=listed.images)
    counts = commit_listing(db, RUN, [moved])
    assert (counts.references_new, counts.references_moved, counts.images_new, counts.layers_new) == (0, 1, 1, 1)
    assert settled(db, ONE) is False


def test_reference_may_be_longer_than_an_index_row(db: Database) -> None:
    text = "rootfs:/" + "x" * 9000
    commit_listing(db, RUN, [ListedReference(text)])
    assert settled(db, text) is False


def test_same_fingerprint_set_is_registered_once(db: Database) -> None:
    first = register_fingerprint_set(db, FINGERPRINTS, ["dpkg/1/ab", "apk/1/cd"])
    assert register_fingerprint_set(db, FINGERPRINTS, ["apk/1/cd", "dpkg/1/ab"]) == first


def test_reference_by_digest_is_never_gone_from_a_registry(db: Database) -> None:
    text = f"registry.test:5000/app@{ONE.digest}"
    commit_listing(db, RUN, [ListedReference(text, "registry.test:5000", "app", ONE.digest, "registry", ONE.digest)])
    assert mark_gone(db, RUN, registry="registry.test:5000", repository="app", listed=[]) == 0
