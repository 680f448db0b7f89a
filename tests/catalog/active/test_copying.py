"""What goes into Postgres by COPY comes out as it was."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.active.copying import ROWS_AT_ONCE, copy_stream, postgres_type, read_csv
from catalog.active.database import Database

pytestmark = pytest.mark.postgres

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("raw", pa.binary()),
        ("small", pa.int16()),
        ("number", pa.int32()),
        ("big", pa.int64()),
        ("real", pa.float64()),
        ("yes", pa.bool_()),
    ]
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | TEXTS,
            "raw": st.none() | st.binary(max_size=40),
            "small": st.none() | st.integers(-(2**15), 2**15 - 1),
            "number": st.none() | st.integers(-(2**31), 2**31 - 1),
            "big": st.none() | st.integers(-(2**63), 2**63 - 1),
            "real": st.none() | st.floats(allow_nan=False),
            "yes": st.none() | st.booleans(),
        }
    ),
    max_size=12,
)
LISTS = st.lists(
    st.fixed_dictionaries(
        {
            "numbers": st.none() | st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
            "texts": st.none() | st.lists(TEXTS, max_size=5),
        }
    ),
    max_size=12,
)
LIST_SCHEMA = pa.schema([("numbers", pa.list_(pa.int32())), ("texts", pa.list_(pa.string()))])
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(ROWS)
def test_every_value_comes_back(db: Database, rows: list[dict[str, object]]) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    with db.transaction() as tx:
        tx.stage("staged", table)
        query = "SELECT text, encode(raw, 'hex'), small, number, big, real, yes FROM staged ORDER BY ctid"
        assert tx.table(query, SCHEMA).to_pylist() == rows


@quick
@given(LISTS)
def test_every_list_comes_back(db: Database, rows: list[dict[str, object]]) -> None:
    with db.transaction() as tx:
        tx.stage("staged", pa.Table.from_pylist(rows, LIST_SCHEMA))
        assert tx.rows("SELECT numbers, texts FROM staged ORDER BY ctid") == [(r["numbers"], r["texts"]) for r in rows]


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC")])
def test_moments_come_back(db: Database, kind: pa.DataType) -> None:
    moments = [dt.datetime(1999, 12, 31, 23, 59, 59, tzinfo=dt.UTC), None, dt.datetime(2026, 11, 20, tzinfo=dt.UTC)]
    with db.transaction() as tx:
        tx.stage("staged", pa.table({"at": pa.array(moments, kind)}))
        assert tx.rows("SELECT at FROM staged ORDER BY ctid") == [(moment,) for moment in moments]


def test_dictionaries_and_slices_come_back(db: Database) -> None:
    words = pa.array(["a", "b", None, "a", "c"]).dictionary_encode()
    table = pa.table({"word": words, "numbers": pa.array([[1], [], None, [2, 3], [4]], pa.list_(pa.int32()))}).slice(
        1, 3
    )
    with db.transaction() as tx:
        tx.stage("staged", table)
        assert tx.rows("SELECT word, numbers FROM staged ORDER BY ctid") == [("b", []), (None, None), ("a", [2, 3])]


def test_table_larger_than_a_portion_comes_back(db: Database) -> None:
    count = ROWS_AT_ONCE * 2 + 1
    with db.transaction() as tx:
        tx.stage("staged", pa.table({"n": pa.array(range(count), pa.int64()), "t": [str(n) for n in range(count)]}))
        assert tx.rows("SELECT count(*), sum(n), count(DISTINCT t) FROM staged") == [
            (count, count * (count - 1) // 2, count)
        ]


def test_nul_becomes_the_replacement_character(db: Database) -> None:
    with db.transaction() as tx:
        tx.stage("staged", pa.table({"t": ["a\0b", "c"], "raw": [b"\0", b""]}))
        assert tx.rows("SELECT t, length(raw) FROM staged ORDER BY ctid") == [("a\ufffdb", 1), ("c", 0)]


def test_empty_answer_has_the_schema() -> None:
    assert read_csv(b"", SCHEMA).schema == SCHEMA


def test_type_without_a_postgres_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no Postgres type"):
        postgres_type(pa.duration("s"))


def test_stream_of_no_rows_is_header_and_trailer() -> None:
    assert copy_stream(SCHEMA.empty_table()).read() == b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"
