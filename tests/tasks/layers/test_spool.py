from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tasks.layers.spool import RowSpool

SCHEMA = pa.schema([("number", pa.int64()), ("text", pa.string())])


def batch(first: int) -> pa.RecordBatch:
    numbers = list(range(first, first + 100))
    return pa.RecordBatch.from_pydict({"number": numbers, "text": [str(n) for n in numbers]}, schema=SCHEMA)


@pytest.mark.parametrize("room", [0, 5000, 1 << 20])
def test_rows_come_back_in_order_from_memory_and_from_the_file(tmp_path: Path, room: int) -> None:
    with RowSpool(SCHEMA, room, tmp_path / "scratch") as spool:
        for first in range(0, 2000, 100):
            spool.add(batch(first))
        assert spool.rows == 2000
        numbers = [n for part in spool.batches() for n in part.column("number").to_pylist()]
    assert numbers == list(range(2000))


def test_the_scratch_file_has_no_name(tmp_path: Path) -> None:
    with RowSpool(SCHEMA, 0, tmp_path) as spool:
        spool.add(batch(0))
        assert list(tmp_path.iterdir()) == []


def test_no_file_is_made_within_the_room(tmp_path: Path) -> None:
    with RowSpool(SCHEMA, 1 << 20, tmp_path / "scratch") as spool:
        spool.add(batch(0))
    assert not (tmp_path / "scratch").exists()
