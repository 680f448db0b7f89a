from __future__ import annotations

import itertools
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.rows import RowHasher

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("data", pa.binary()),
        ("number", pa.int32()),
        ("flag", pa.bool_()),
        ("score", pa.float32()),
        ("names", pa.list_(pa.string())),
        ("labels", pa.map_(pa.string(), pa.string())),
    ]
)
TEXT = st.sampled_from(["", "a", "b", "aa", "ä"])
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | TEXT,
        "data": st.none() | st.binary(max_size=2),
        "number": st.none() | st.integers(-2, 2),
        "flag": st.none() | st.booleans(),
        "score": st.none() | st.sampled_from([0.0, 1.5]),
        "names": st.none() | st.lists(st.none() | TEXT, max_size=3),
        "labels": st.none() | st.lists(st.tuples(TEXT, st.none() | TEXT), max_size=2),
    }
)
ROWS = st.lists(ROW, max_size=8)


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def digest(*batches: pa.Table | pa.RecordBatch, columns: list[str] | None = None, version: int = 1) -> bytes:
    hasher = RowHasher("test", version, columns or SCHEMA.names)
    for batch in batches:
        hasher.update(batch)
    return hasher.digest()


@given(ROWS, st.lists(st.integers(0, 8), max_size=4))
def test_borders_of_batches_cannot_be_told(rows: list[dict[str, object]], borders: list[int]) -> None:
    whole = table(rows)
    cuts = [0, *sorted(min(border, len(rows)) for border in borders), len(rows)]
    pieces = [whole.slice(low, high - low) for low, high in itertools.pairwise(cuts)]
    assert digest(*pieces) == digest(whole)
    assert digest(pa.concat_tables(pieces)) == digest(whole)
    assert digest(*whole.to_batches()) == digest(whole)


@given(ROWS, ROWS)
def test_other_rows_have_another_hash(one: list[dict[str, object]], other: list[dict[str, object]]) -> None:
    assert (digest(table(one)) == digest(table(other))) is (table(one).to_pylist() == table(other).to_pylist())


@given(st.lists(st.none() | TEXT, max_size=8))
def test_how_text_is_held_cannot_be_told(values: list[str | None]) -> None:
    plain = pa.array(values, pa.string())
    held = [
        plain,
        plain.dictionary_encode(),
        plain.cast(pa.large_string()),
        pa.concat_arrays([pa.array(["x"]), plain]).slice(1),
        pa.DictionaryArray.from_arrays(pa.array([0, 0, None], pa.int8()), pa.array(["", ""])).slice(3),
    ][:4]
    assert len({digest(pa.table({"text": array}), columns=["text"]) for array in held}) == 1


def test_what_hides_under_a_null_does_not_count() -> None:
    # Arrow lets a null's slot hold anything.
    hidden = pa.StringArray.from_buffers(
        2, pa.array(["ab", "c"]).buffers()[1], pa.array(["ab", "c"]).buffers()[2], pa.py_buffer(b"\x02")
    )
    assert hidden.to_pylist() == [None, "c"]
    assert digest(pa.table({"text": hidden}), columns=["text"]) == digest(
        pa.table({"text": pa.array([None, "c"])}), columns=["text"]
    )


def test_the_version_and_the_name_count() -> None:
    assert digest(version=1) != digest(version=2)
    assert RowHasher("one", 1, ["a"]).digest() != RowHasher("two", 1, ["a"]).digest()
    assert RowHasher("one", 1, ["a"]).digest() != RowHasher("one", 1, ["b"]).digest()


def test_the_order_of_the_columns_does_not_count() -> None:
    rows = pa.table({"text": ["a"], "number": pa.array([1], pa.int32())})
    assert digest(rows, columns=["text", "number"]) == digest(
        rows.select(["number", "text"]), columns=["number", "text"]
    )


def test_only_the_columns_asked_for_count() -> None:
    one, other = pa.table({"a": [1], "b": [1]}), pa.table({"a": [1], "b": [2]})
    assert digest(one, columns=["a"]) == digest(other, columns=["a"])


def test_the_digest_may_be_asked_for_in_between() -> None:
    rows = table([{"text": "a"}])
    hasher = RowHasher("test", 1, SCHEMA.names)
    hasher.update(rows)
    assert hasher.digest() == hasher.digest() == digest(rows)
    hasher.update(rows)
    assert hasher.digest() == digest(rows, rows)
    assert hasher.rows == 2


def test_the_recipe_stays_as_it_is() -> None:
    rows = [
        {"text": "a", "data": b"\x00", "number": -1, "flag": True, "score": 1.5, "names": ["x", None], "labels": []},
        {"text": "a", "data": None, "number": 2, "flag": False, "score": None, "names": None, "labels": [("k", "v")]},
        {"text": "ä", "data": b"", "number": None, "flag": None, "score": 0.0, "names": [], "labels": None},
    ]
    assert digest(table([])).hex() == "38942ca089efe52a143d50b31371593144bc8167e131e1c4345197c40f3ae220"
    assert digest(table(rows)).hex() == "b03a5d4675369b107fa036f1e92c52a3aa23df885c7679e0defa90590398d7e7"


def test_a_column_cannot_change_its_type() -> None:
    hasher = RowHasher("test", 1, ["a"])
    hasher.update(pa.table({"a": pa.array([1], pa.int32())}))
    hasher.update(pa.table({"a": pa.nulls(3)}))
    with pytest.raises(ValueError, match="int32 cannot go on as int64"):
        hasher.update(pa.table({"a": pa.array([1], pa.int64())}))


def test_a_missing_column_is_an_error() -> None:
    with pytest.raises(KeyError):
        digest(pa.table({"a": [1]}), columns=["b"])


def test_a_type_that_no_dataset_has_is_an_error() -> None:
    with pytest.raises(TypeError):
        digest(pa.table({"a": [{"b": 1}]}), columns=["a"])


def test_it_hashes_at_least_a_quarter_of_a_gigabyte_a_second() -> None:
    """Four times that is usual: the bound is only to notice rows being touched one by one."""
    count = 400_000
    rows = pa.table(
        {
            "layer": pa.array(["sha256:" + "ab" * 32] * count),
            "path": pa.array([f"usr/lib/python3/dist-packages/package/module_{n}.py" for n in range(count)]),
            "ordinal": np.arange(count, dtype=np.int32),
        }
    )
    start = time.process_time()
    digest(rows, columns=rows.column_names)
    assert rows.nbytes / (time.process_time() - start) > 250e6
