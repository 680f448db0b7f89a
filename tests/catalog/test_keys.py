from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import StoreError
from catalog.keys import (
    MANIFESTS,
    ObjectKey,
    check_key,
    check_prefix,
    manifest_key,
    object_key,
    parse_manifest_key,
    parse_object_key,
)
from catalog.schemas import DATASETS

HASH = "0123456789abcdef" * 4


def test_the_layout_of_a_facts_key() -> None:
    key = object_key("entries", HASH, "2026-11", "warm")
    assert key == f"v1/entries/retention=warm/month=2026-11/part-{HASH}.parquet"
    assert parse_object_key(key) == ObjectKey("entries", HASH, "2026-11", "warm")


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_every_dataset_has_keys(dataset) -> None:
    key = object_key(dataset.name, HASH, "2026-01", dataset.retention)
    found = parse_object_key(check_key(key))
    assert found is not None
    assert found.dataset == dataset.name


@pytest.mark.parametrize(
    ("dataset", "content_hash", "month", "retention"),
    [
        ("../x", HASH, "2026-11", "warm"),
        ("entries", "abc", "2026-11", "warm"),
        ("entries", HASH.upper(), "2026-11", "warm"),
        ("entries", HASH, "2026-13", "warm"),
        ("entries", HASH, "2026-1", "warm"),
        ("entries", HASH, "2026-11\n", "warm"),
        ("entries", HASH, "2026-11", ""),
    ],
)
def test_parts_without_their_form_are_refused(dataset: str, content_hash: str, month: str, retention: str) -> None:
    with pytest.raises(ValueError, match="cannot be part"):
        object_key(dataset, content_hash, month, retention)


def test_a_manifests_key_sorts_by_its_generation() -> None:
    numbers = [1, 2, 9, 10, 99, 100, 123_456_789]
    keys = [manifest_key(number) for number in numbers]
    assert keys == sorted(keys)
    assert [parse_manifest_key(key) for key in keys] == numbers
    assert all(key.startswith(MANIFESTS) for key in keys)


def test_generations_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from one"):
        manifest_key(0)


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    assert parse_object_key(text) is None
    assert parse_manifest_key(text) is None


@given(st.lists(st.sampled_from(["a", "b.c", "x=1", ".", "..", "", ".h", "ä", "a b", "a\n"]), max_size=4))
def test_only_plain_parts_make_a_key(parts: list[str]) -> None:
    key = "/".join(parts)
    if parts and all(part in {"a", "b.c", "x=1"} for part in parts):
        assert check_key(key) == key
    else:
        with pytest.raises(StoreError):
            check_key(key)


def test_a_key_has_a_greatest_length() -> None:
    check_key("a" * 1024)
    with pytest.raises(StoreError):
        check_key("a" * 1025)


@pytest.mark.parametrize("prefix", ["", "v1", "v1/", "v1/a/b.c"])
def test_the_beginning_of_a_key_is_a_prefix(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["/", "/v1", "v1//", "../", "..", "v1/..", ".x", "v1/../x"])
def test_what_no_key_begins_with_is_no_prefix(prefix: str) -> None:
    with pytest.raises(StoreError):
        check_prefix(prefix)
