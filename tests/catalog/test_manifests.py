from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.errors import ObjectCorrupt, StoreError
from catalog.keys import manifest_key
from catalog.manifests import CommitManifest, missing, read_manifests, write_manifest
from catalog.receipts import ObjectReceipt
from catalog.store import LocalStore

RECEIPT = ObjectReceipt("entries", "v1/x", "ab" * 32, 10, 1000)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def manifest(generation: int, run: str = "run-1") -> CommitManifest:
    return CommitManifest.of(generation, run, "layers", datetime(2026, 11, 20, tzinfo=UTC), (RECEIPT,))


def test_manifests_come_back_in_the_order_of_their_commits(store: LocalStore) -> None:
    for generation in (10, 2, 1):
        assert write_manifest(store, manifest(generation)) is True
    assert list(read_manifests(store)) == [manifest(1), manifest(2), manifest(10)]
    assert [found.generation for found in read_manifests(store, after=1)] == [2, 10]
    assert manifest(1).objects[0].model_dump() == {
        "dataset": "entries",
        "key": "v1/x",
        "content_hash": "ab" * 32,
        "rows": 10,
        "size": 1000,
    }


def test_writing_again_changes_nothing(store: LocalStore) -> None:
    write_manifest(store, manifest(1))
    assert write_manifest(store, manifest(1)) is False


def test_another_commit_with_the_same_number_is_said(store: LocalStore) -> None:
    write_manifest(store, manifest(1))
    with pytest.raises(StoreError, match="an archive of its own"):
        write_manifest(store, manifest(1, run="run-2"))


def test_gaps_are_found(store: LocalStore) -> None:
    for generation in (1, 3, 6):
        write_manifest(store, manifest(generation))
    assert missing(store, 5) == (2, 4, 5)
    assert missing(store, 0) == ()


def test_what_is_no_manifest_is_passed_over(store: LocalStore) -> None:
    store.put_if_absent("_manifests/README", b"")
    assert list(read_manifests(store)) == []


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", manifest(2).model_dump_json().encode()])
def test_a_manifest_that_cannot_be_read_is_said(store: LocalStore, data: bytes) -> None:
    store.put_if_absent(manifest_key(1), data)
    with pytest.raises(ObjectCorrupt, match="000000000001"):
        list(read_manifests(store))
