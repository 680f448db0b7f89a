from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import AdvisoryError
from tasks.advisories import sources
from tasks.advisories.sources import read_records
from tests.tasks.advisories import made

RECORD = made.record("X-1")


def _names(path: Path) -> list[tuple[str, str]]:
    return [(raw.name, raw.directory) for raw in read_records(path)]


def test_an_export_in_osv_s_layout(tmp_path: Path) -> None:
    made.write_zip(tmp_path / "PyPI" / "all.zip", [RECORD])
    made.write_zip(tmp_path / "Debian" / "all.zip", [made.record("Y-1"), ("README.txt", b"no record")])
    (tmp_path / "modified_id.csv").write_text("2024-01-01T00:00:00Z,PyPI/X-1\n")
    assert _names(tmp_path) == [("Debian/all.zip:Y-1.json", "Debian"), ("PyPI/all.zip:X-1.json", "PyPI")]


def test_one_zip_file(tmp_path: Path) -> None:
    path = made.write_zip(tmp_path / "npm" / "all.zip", [RECORD, ("PyPI/Z-1.json", made.data(RECORD))])
    assert _names(path) == [("all.zip:X-1.json", "npm"), ("all.zip:PyPI/Z-1.json", "PyPI")]


def test_a_directory_and_a_single_record(tmp_path: Path) -> None:
    (tmp_path / "deep" / "PyPI").mkdir(parents=True)
    file = tmp_path / "deep" / "PyPI" / "X-1.json"
    file.write_bytes(made.data(RECORD))
    assert _names(tmp_path) == [("deep/PyPI/X-1.json", "PyPI")]
    assert _names(file) == [("X-1.json", "PyPI")]
    assert next(iter(read_records(file))).data == made.data(RECORD)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(AdvisoryError, match="no such file"):
        list(read_records(tmp_path / "absent"))


@pytest.mark.parametrize("cut", [10, 200, -30])
def test_a_broken_zip_file_stops_the_import(tmp_path: Path, cut: int) -> None:
    whole = made.write_zip(tmp_path / "all.zip", [made.record(f"X-{n}", summary="word " * n) for n in range(20)])
    whole.write_bytes(whole.read_bytes()[:cut])
    with pytest.raises(AdvisoryError, match=r"all\.zip"):
        list(read_records(whole))


def test_a_member_with_wrong_bytes_stops_the_import(tmp_path: Path) -> None:
    path = made.write_zip(tmp_path / "all.zip", [made.record("X-1", summary="abc" * 500)])
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(AdvisoryError, match="fetch it again"):
        list(read_records(path))


def test_a_record_too_large_is_named_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST_RECORD", 100)
    made.write_zip(tmp_path / "all.zip", [made.record("X-1", summary="a" * 1000)])
    (raw,) = read_records(tmp_path)
    assert raw.data == b""
    assert raw.size > 1000
