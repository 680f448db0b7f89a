from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from catalog.duck import open_session
from catalog.facts import FactWriter
from catalog.schemas import ENTRIES
from catalog.store import LocalStore


def test_the_limits_hold(tmp_path: Path) -> None:
    with open_session(memory_limit_bytes=256 << 20, threads=1, temp_dir=tmp_path) as session:
        limits = session.sql("SELECT current_setting('memory_limit'), current_setting('threads')").fetchone()
    assert limits == ("256.0 MiB", 1)


def test_without_a_directory_nothing_is_spilled() -> None:
    with open_session(memory_limit_bytes=32 << 20) as session, pytest.raises(duckdb.OutOfMemoryException):
        session.sql("SELECT count(*) FROM (SELECT range x, random() y FROM range(10_000_000) ORDER BY y)").fetchall()


def test_with_a_directory_it_spills(tmp_path: Path) -> None:
    with open_session(memory_limit_bytes=64 << 20, temp_dir=tmp_path) as session:
        found = session.sql("SELECT max(y) FROM (SELECT range y FROM range(3_000_000) ORDER BY hash(range))").fetchone()
    assert found == (2_999_999,)


def test_no_extension_is_loaded_by_itself() -> None:
    with open_session() as session:
        with pytest.raises(duckdb.Error):
            session.sql("SELECT * FROM 'http://127.0.0.1:9/x.parquet'").fetchall()
        with pytest.raises(duckdb.Error):
            session.sql("SELECT * FROM 's3://bucket/x.parquet'").fetchall()


def test_the_archives_objects_can_be_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    writer = FactWriter(store, ENTRIES, month="2026-11")
    writer.append(
        ENTRIES.schema.empty_table().from_pylist(
            [{"layer": "sha256:aa", "ordinal": n, "path": f"etc/{n}", "kind": 0} for n in range(9)],
            schema=ENTRIES.schema,
        )
    )
    receipt = writer.close()
    assert receipt is not None
    with open_session() as session:
        found = session.sql(
            f"SELECT layer, max(path), count(*) FROM read_parquet('{store.local_copy(receipt.key)}') GROUP BY layer"
        ).fetchall()
    assert found == [("sha256:aa", "etc/8", 9)]


@pytest.mark.parametrize(("memory", "threads"), [(0, 1), (1 << 20, 0)])
def test_limits_below_one_are_refused(memory: int, threads: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        open_session(memory_limit_bytes=memory, threads=threads)
