from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ObjectCorrupt, ObjectMissing, ObjectTooNew, StoreFull
from catalog.facts import ROW_GROUP_ROWS, FactWriter, read_facts, read_facts_many
from catalog.keys import parse_object_key
from catalog.receipts import ObjectReceipt
from catalog.schemas import CONTENTS, DATASETS, ENTRIES, IMAGES, Dataset
from catalog.settings import ArchiveLocation
from catalog.store import LocalStore, open_store

MONTH = "2026-11"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "archive")


def entries(count: int, *, layer: str = "sha256:aa", start: int = 0) -> pa.Table:
    return pa.table(
        {
            "layer": [layer] * count,
            "ordinal": pa.array(range(start, start + count), pa.int32()),
            "path": [f"usr/lib/module_{number}.py" for number in range(start, start + count)],
            "kind": pa.array([0] * count, pa.int8()),
            "target": pa.nulls(count, pa.string()),
        },
        schema=ENTRIES.schema,
    )


def write(store: LocalStore, dataset: Dataset, *tables: pa.Table, month: str = MONTH) -> ObjectReceipt:
    writer = FactWriter(store, dataset, month=month)
    for table in tables:
        writer.append(table)
    receipt = writer.close()
    assert receipt is not None
    return receipt


@pytest.mark.parametrize("damage", ["cut", "bytes", "rows", "nothing"])
def test_an_object_that_is_not_what_its_name_says_gives_way_to_one_that_is(store: LocalStore, damage: str) -> None:
    key = write(store, ENTRIES, entries(1000)).key
    path = store.local_copy(key)
    whole, others = path.read_bytes(), store.local_copy(write(store, ENTRIES, entries(1000, start=7)).key).read_bytes()
    path.unlink()
    path.write_bytes({"cut": whole[:-9], "bytes": os.urandom(len(whole)), "rows": others, "nothing": b""}[damage])
    receipt = write(store, ENTRIES, entries(1000))
    assert (receipt.key, receipt.size) == (key, len(whole))
    assert read_facts(store, key).equals(entries(1000))


def test_rows_come_back_as_they_were(store: LocalStore) -> None:
    rows = entries(1000)
    receipt = write(store, ENTRIES, rows)
    assert read_facts(store, receipt.key).equals(rows)
    assert (receipt.dataset, receipt.rows) == ("entries", 1000)
    assert receipt.size == store.local_copy(receipt.key).stat().st_size


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_every_dataset_can_be_written_and_read(store: LocalStore, dataset: Dataset) -> None:
    filled = {"labels": [("a", "b")], "layers": ["x", None], "sets": [b"1"]}
    rows = pa.Table.from_pylist(
        [{}, {name: value for name, value in filled.items() if name in dataset.schema.names}], schema=dataset.schema
    )
    assert read_facts(store, write(store, dataset, rows).key).equals(rows)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=6))
def test_other_borders_of_batches_give_the_same_key(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    store = LocalStore(tmp_path_factory.mktemp("archive"))
    rows = entries(40)
    borders = [0, *sorted(cuts), 40]
    pieces = [rows.slice(low, high - low) for low, high in itertools.pairwise(borders)]
    assert write(store, ENTRIES, *pieces) == write(store, ENTRIES, rows)
    assert len(list(store.list())) == 1


def test_borders_of_row_groups_do_not_matter_either(store: LocalStore) -> None:
    count = ROW_GROUP_ROWS * 2 + 10
    rows = entries(count)
    receipt = write(store, ENTRIES, rows)
    assert write(store, ENTRIES, *(rows.slice(at, 7001) for at in range(0, count, 7001))) == receipt
    footer = pq.read_metadata(store.local_copy(receipt.key))
    assert [footer.row_group(group).num_rows for group in range(footer.num_row_groups)] == [
        ROW_GROUP_ROWS,
        ROW_GROUP_ROWS,
        10,
    ]


def test_how_columns_are_held_does_not_matter(store: LocalStore) -> None:
    rows = entries(100)
    held = rows.set_column(0, "layer", rows["layer"].dictionary_encode())
    held = held.set_column(1, "ordinal", held["ordinal"].cast(pa.int64())).select(list(reversed(rows.column_names)))
    assert write(store, ENTRIES, *held.to_batches()) == write(store, ENTRIES, rows)


def test_the_key_says_dataset_hash_month_and_retention(store: LocalStore) -> None:
    receipt = write(store, ENTRIES, entries(1))
    key = parse_object_key(receipt.key)
    assert key is not None
    assert (key.dataset, key.content_hash, key.month, key.retention) == ("entries", receipt.content_hash, MONTH, "warm")
    assert write(store, ENTRIES, entries(1), month="2026-12").key != receipt.key


def test_the_footer_lets_a_file_stand_alone(store: LocalStore) -> None:
    receipt = write(store, ENTRIES, entries(1))
    footer = pq.read_metadata(store.local_copy(receipt.key)).metadata
    assert footer[b"longshore.dataset"] == b"entries"
    assert footer[b"longshore.version"] == str(ENTRIES.version).encode()
    assert footer[b"longshore.content_hash"].decode() == receipt.content_hash


def test_no_rows_make_no_object(store: LocalStore, tmp_path: Path) -> None:
    writer = FactWriter(store, ENTRIES, month=MONTH)
    writer.append(entries(0))
    assert writer.close() is None
    assert not (tmp_path / "archive").exists()


def test_an_aborted_writer_leaves_nothing(store: LocalStore) -> None:
    writer = FactWriter(store, ENTRIES, month=MONTH)
    writer.append(entries(ROW_GROUP_ROWS + 1))
    assert len(list(store.scratch.iterdir())) == 1
    writer.abort()
    writer.abort()
    assert list(store.scratch.iterdir()) == []
    assert list(store.list()) == []


def test_a_block_that_fails_leaves_nothing(store: LocalStore) -> None:
    with pytest.raises(RuntimeError), FactWriter(store, ENTRIES, month=MONTH) as writer:
        writer.append(entries(ROW_GROUP_ROWS + 1))
        raise RuntimeError
    assert list(store.scratch.iterdir()) == []


def test_many_small_pieces_are_one_row_group(store: LocalStore) -> None:
    receipt = write(store, ENTRIES, *(entries(1, start=number) for number in range(600)))
    assert read_facts(store, receipt.key).equals(entries(600))
    assert pq.read_metadata(store.local_copy(receipt.key)).num_row_groups == 1


def test_rows_out_of_order_are_refused(store: LocalStore) -> None:
    writer = FactWriter(store, ENTRIES, month=MONTH)
    writer.append(entries(2, start=5))
    writer.append(entries(2, start=3))
    with pytest.raises(ValueError, match="order of layer, ordinal"):
        writer.close()
    assert list(store.list()) == []


def test_the_order_is_held_across_row_groups(store: LocalStore) -> None:
    writer = FactWriter(store, ENTRIES, month=MONTH)
    writer.append(entries(ROW_GROUP_ROWS, layer="sha256:bb"))
    writer.append(entries(1, layer="sha256:aa"))
    with pytest.raises(ValueError, match="order"):
        writer.close()


KEYS = st.lists(st.tuples(*(st.none() | st.integers(0, 2),) * 3), max_size=12)


@given(KEYS)
def test_the_order_is_the_one_that_arrow_sorts_by(tmp_path_factory: pytest.TempPathFactory, keys: list) -> None:
    dataset = Dataset("entries", 1, pa.schema([(name, pa.int8()) for name in "abc"]), ("a", "b", "c"))
    rows = pa.Table.from_pylist([dict(zip("abc", key, strict=True)) for key in keys], schema=dataset.schema)
    arranged = rows.sort_by([(name, "ascending") for name in "abc"])
    store = LocalStore(tmp_path_factory.mktemp("archive"))
    for table in (rows, arranged):
        writer = FactWriter(store, dataset, month=MONTH)
        writer.append(table)
        if table.equals(arranged):
            writer.close()
        else:
            with pytest.raises(ValueError, match="order"):
                writer.close()


def test_missing_columns_are_refused(store: LocalStore) -> None:
    with pytest.raises(ValueError, match="lack target"):
        FactWriter(store, ENTRIES, month=MONTH).append(entries(1).drop_columns(["target"]))


def test_values_that_do_not_fit_are_refused(store: LocalStore) -> None:
    rows = entries(1).set_column(1, "ordinal", pa.array([1 << 40]))
    with pytest.raises(ValueError, match="not in range"):
        FactWriter(store, ENTRIES, month=MONTH).append(rows)


def test_a_condition_reads_only_its_rows(store: LocalStore) -> None:
    receipt = write(store, ENTRIES, entries(10), entries(10, layer="sha256:bb"))
    found = read_facts(store, receipt.key, columns=["path"], where=pc.field("layer") == "sha256:bb")
    assert found.column_names == ["path"]
    assert found.num_rows == 10


def test_a_column_that_no_dataset_has_is_an_error_of_the_caller(store: LocalStore) -> None:
    receipt = write(store, ENTRIES, entries(1))
    with pytest.raises(KeyError):
        read_facts(store, receipt.key, columns=["pth"])


def test_several_objects_are_read_one_after_the_other(store: LocalStore) -> None:
    one, two = write(store, ENTRIES, entries(2)), write(store, ENTRIES, entries(3, start=2))
    assert read_facts_many(store, [one.key, two.key]).equals(entries(5).combine_chunks())
    assert read_facts_many(store, [], dataset=ENTRIES, columns=["path"]).column_names == ["path"]
    with pytest.raises(ValueError, match="dataset"):
        read_facts_many(store, [])


def test_a_missing_object_is_said(store: LocalStore) -> None:
    receipt = write(store, ENTRIES, entries(1))
    store.delete(receipt.key)
    with pytest.raises(ObjectMissing):
        read_facts(store, receipt.key)


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "foreign"])
def test_a_damaged_object_is_said(store: LocalStore, damage: str, tmp_path: Path) -> None:
    receipt = write(store, ENTRIES, entries(5000))
    path = store.local_copy(receipt.key)
    whole = path.read_bytes()
    path.unlink()
    if damage == "foreign":
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_bytes(
            {"empty": b"", "cut": whole[:-100], "noise": whole[:4] + os.urandom(len(whole) - 12) + whole[-8:]}[damage]
        )
    with pytest.raises(ObjectCorrupt) as caught:
        read_facts(store, receipt.key)
    assert receipt.key in str(caught.value)


@pytest.mark.parametrize("position", [10, 230, 900, 1400, 2600])
def test_flipped_bytes_never_pass_for_rows(store: LocalStore, position: int) -> None:
    receipt = write(store, ENTRIES, entries(5000))
    path = store.local_copy(receipt.key)
    damaged = bytearray(path.read_bytes())
    path.unlink()
    damaged[position : position + 40] = bytes(byte ^ 0x5A for byte in damaged[position : position + 40])
    path.write_bytes(damaged)
    with pytest.raises(ObjectCorrupt):
        read_facts(store, receipt.key)


def test_a_newer_schema_is_said(store: LocalStore) -> None:
    newer = Dataset(ENTRIES.name, ENTRIES.version + 1, ENTRIES.schema, ENTRIES.key)
    receipt = write(store, newer, entries(1))
    with pytest.raises(ObjectTooNew, match="upgrade"):
        read_facts(store, receipt.key)


def test_a_key_that_is_no_facts_key_is_said(store: LocalStore) -> None:
    for key in (
        "_manifests/000000000001.json",
        "../etc/passwd",
        f"v1/none/retention=warm/month=2026-11/part-{'0' * 64}.parquet",
    ):
        with pytest.raises(ObjectCorrupt):
            read_facts(store, key)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """20 and 160 row groups have the same high-water mark, give or take a row group's worth."""
    program = (
        "import resource, sys; from pathlib import Path\n"
        "import pyarrow as pa\n"
        "from catalog.facts import FactWriter; from catalog.schemas import CONTENTS; from catalog.store import LocalStore\n"
        "pa.set_memory_pool(pa.system_memory_pool())\n"
        "writer = FactWriter(LocalStore(Path(sys.argv[1])), CONTENTS, month='2026-11')\n"
        "for number in range(int(sys.argv[2])):\n"
        "    writer.append(pa.table({'layer': [f'{number:09}'], 'path': ['x'], 'data': [bytes([number % 251]) * (4 << 20)]},"
        " schema=CONTENTS.schema))\n"
        "writer.close(); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )

    def peak(count: int) -> int:
        command = [sys.executable, "-c", program, tmp_path / str(count), str(count)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert CONTENTS.name == "contents"
    assert peak(120) - peak(30) < 40_000  # KiB


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import os, resource, sys; from pathlib import Path\n"
        "import pyarrow as pa\n"
        "from catalog.errors import StoreFull\n"
        "from catalog.facts import FactWriter; from catalog.schemas import CONTENTS; from catalog.store import LocalStore\n"
        "store = LocalStore(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "writer = FactWriter(store, CONTENTS, month='2026-11')\n"
        "try:\n"
        "    for number in range(40):\n"
        "        writer.append(pa.table({'layer': [f'{number:03}'], 'path': ['x'], 'data': [os.urandom(1 << 20)]},"
        " schema=CONTENTS.schema))\n"
        "except StoreFull as error:\n"
        "    writer.abort(); print(type(error).__name__, len(list(store.list())), len(list(store.scratch.iterdir())))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == f"{StoreFull.__name__} 0 0\n"
    assert done.stderr == ""


@pytest.mark.s3
def test_facts_live_on_s3_as_well(s3_archive: ArchiveLocation, tmp_path: Path) -> None:
    with open_store(s3_archive, copies=tmp_path / "copies") as store:
        rows = pa.Table.from_pylist([{"image": "sha256:aa", "labels": [("a", "b")]}], schema=IMAGES.schema)
        writer = FactWriter(store, IMAGES, month=MONTH)
        writer.append(rows)
        receipt = writer.close()
        assert receipt is not None
        assert read_facts(store, receipt.key).equals(rows)
        again = FactWriter(store, IMAGES, month=MONTH)
        again.append(rows)
        assert again.close() == receipt
        assert list(store.scratch.iterdir()) == []
