"""What every store promises, held against each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.errors import ObjectMissing, StoreError
from catalog.settings import ArchiveLocation
from catalog.store import Store, open_store

KEY = "v1/entries/retention=warm/month=2026-11/part-1.parquet"


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "local":
        location = ArchiveLocation(str(tmp_path / "archive"))
    else:
        location = request.getfixturevalue("s3_archive")
    with open_store(location, copies=tmp_path / "copies") as opened:
        yield opened


def test_what_was_put_is_what_one_gets(store: Store) -> None:
    assert store.put_if_absent(KEY, b"facts") is True
    assert store.get(KEY) == b"facts"


def test_an_empty_object_is_legal(store: Store) -> None:
    assert store.put_if_absent(KEY, b"") is True
    assert store.get(KEY) == b""
    assert store.local_copy(KEY).read_bytes() == b""


def test_the_first_one_wins(store: Store) -> None:
    assert store.put_if_absent(KEY, b"first") is True
    assert store.put_if_absent(KEY, b"second") is False
    assert store.get(KEY) == b"first"


def test_of_many_at_once_exactly_one_writes(store: Store) -> None:
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(store.put_if_absent(KEY, bytes([n]) * 100_000)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]
    assert len(set(store.get(KEY))) == 1


def test_a_file_is_taken_as_it_is(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "facts"
    file.write_bytes(b"x" * 3_000_000)
    assert store.put_if_absent(KEY, file) is True
    assert store.put_if_absent(KEY, file) is False
    file.unlink()
    assert store.get(KEY) == b"x" * 3_000_000


def test_a_local_copy_has_the_bytes(store: Store) -> None:
    store.put_if_absent(KEY, b"facts")
    assert store.local_copy(KEY).read_bytes() == b"facts"
    assert store.local_copy(KEY).suffix == ".parquet"


def test_what_is_not_there_is_missing(store: Store) -> None:
    with pytest.raises(ObjectMissing):
        store.get(KEY)
    with pytest.raises(ObjectMissing):
        store.local_copy(KEY)
    assert store.stat(KEY) is None
    assert not store.exists(KEY)


def test_stat_knows_size_and_age(store: Store) -> None:
    store.put_if_absent(KEY, b"facts")
    found = store.stat(KEY)
    assert found is not None
    assert (found.key, found.size) == (KEY, 5)
    assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=5)


def test_a_listing_is_in_the_order_of_keys(store: Store) -> None:
    keys = ["_manifests/1.json", "v1/a-b/x", "v1/a/x", "v1/a/y/z", "v1/a.c", "v1/b/x", "v10"]
    for key in reversed(keys):
        store.put_if_absent(key, key.encode())
    assert [found.key for found in store.list()] == sorted(keys)
    assert [found.size for found in store.list()] == [len(key) for key in sorted(keys)]


@pytest.mark.parametrize("prefix", ["v1/", "v1/a", "v1/a/", "v1/a/y", "v1", "none/", "v1/a/x/"])
def test_a_listing_begins_with_the_prefix(store: Store, prefix: str) -> None:
    keys = ["v1/a/x", "v1/a/y/z", "v1/ab", "v1/b", "v10/c"]
    for key in keys:
        store.put_if_absent(key, b"")
    assert [found.key for found in store.list(prefix)] == sorted(key for key in keys if key.startswith(prefix))


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert list(store.list()) == []


def test_what_is_deleted_is_gone_and_may_come_back(store: Store) -> None:
    store.put_if_absent(KEY, b"one")
    store.local_copy(KEY)
    store.delete(KEY)
    store.delete(KEY)
    assert not store.exists(KEY)
    with pytest.raises(ObjectMissing):
        store.local_copy(KEY)
    assert store.put_if_absent(KEY, b"two") is True
    assert store.local_copy(KEY).read_bytes() == b"two"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "v1/../../x", "v1//x", "v1/./x", "v1/.scratch/x", "v1/x\0", "v1/x\n", "a b", "v1/"],
)
def test_a_key_that_is_none_is_refused(store: Store, key: str, tmp_path: Path) -> None:
    for attempt in (store.get, store.local_copy, store.stat, store.delete, lambda k: store.put_if_absent(k, b"x")):
        with pytest.raises(StoreError, match="not an object key"):
            attempt(key)


def test_a_prefix_cannot_climb_out(store: Store) -> None:
    for prefix in ("../", "/", "v1/../", ".scratch/", ".."):
        with pytest.raises(StoreError):
            list(store.list(prefix))
