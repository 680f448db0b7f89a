"""From written deltas back to what an image has."""

from __future__ import annotations

import pyarrow as pa

from catalog.schemas import OCCURRENCES
from tasks.composition import live_occurrences
from tasks.composition.replay import OCCURRENCE_SCHEMA


def delta(*rows: tuple[bytes, str, int, str, str]) -> pa.Table:
    names = ("package", "path", "change", "introduced", "evidence")
    full = [{"chain": b"c", "parent": b"", **dict(zip(names, row, strict=True))} for row in rows]
    return pa.Table.from_pylist(full, schema=OCCURRENCES.schema)


def test_later_deltas_put_replace_and_take_away() -> None:
    first = delta((b"1", "a", 1, "L1", "L1"), (b"2", "a", 1, "L1", "L1"), (b"1", "b", 1, "L1", "L1"))
    second = delta((b"1", "a", 1, "L1", "L2"), (b"2", "a", -1, "L1", "L1"))
    assert live_occurrences([first, delta(), second]).to_pylist() == [
        {"package": b"1", "path": "a", "introduced": "L1", "evidence": "L2"},
        {"package": b"1", "path": "b", "introduced": "L1", "evidence": "L1"},
    ]


def test_no_delta_is_no_occurrence() -> None:
    assert live_occurrences([]).schema == OCCURRENCE_SCHEMA
    assert live_occurrences([delta()]).num_rows == 0


def test_a_delta_read_twice_changes_nothing() -> None:
    rows = delta((b"1", "a", 1, "L1", "L1"))
    assert live_occurrences([rows, rows]) == live_occurrences([rows])
