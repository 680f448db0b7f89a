from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import MalformedLayer
from tasks.layers.headers import checksum_holds, data_size, entry_name, number, only_path, pax_records
from tests.tasks.layers.reading import header


@given(st.integers(0, 8**11 - 1), st.sampled_from([b"%011o\0", b"%011o ", b"%12o", b" %o \0", b"%o"]))
def test_octal_numbers_are_read_as_tarfile_reads_them(value: int, form: bytes) -> None:
    field = (form % value).ljust(12, b"\0")[:12]
    assert number(field) == tarfile.nti(field)


@given(st.integers(-(1 << 62), (1 << 62) - 1))
def test_base_256_numbers_are_read_as_tarfile_writes_them(value: int) -> None:
    assert number(bytes(tarfile.itn(value, 12, tarfile.GNU_FORMAT))) == value


@pytest.mark.parametrize("field", [b"12 34\0", b"-1\0", b"0x10\0", b"9\0", b"1_0\0", b"\x80" + b"\xff" * 11])
def test_what_is_no_number_is_malformed(field: bytes) -> None:
    with pytest.raises(MalformedLayer):
        number(field.ljust(12, b"\0"))


def test_an_empty_field_is_zero() -> None:
    assert number(bytes(12)) == 0


def test_a_negative_size_is_malformed() -> None:
    with pytest.raises(MalformedLayer):
        data_size(header(b"a", size=b"\xff" * 12))


@given(st.binary(min_size=512, max_size=512))
def test_checksums_are_those_of_tarfile(block: bytes) -> None:
    sums = tarfile.calc_chksums(block)
    for total in sums:
        signed = block[:148] + b"%06o\0 " % (total & 0o777777) + block[156:]
        assert checksum_holds(signed) == (0 <= total <= 0o777777 and total in tarfile.calc_chksums(signed))


def test_the_prefix_counts_in_ustar_only() -> None:
    assert entry_name(header(b"b", prefix=b"a")) == b"a/b"
    assert entry_name(header(b"b", prefix=b"a", magic=b"ustar  \0")) == b"b"


@given(st.dictionaries(st.text("abc.", min_size=1), st.binary(), max_size=4))
def test_pax_records_are_read_as_they_were_written(records: dict[str, bytes]) -> None:
    data = b""
    for key, value in records.items():
        rest = b" " + key.encode() + b"=" + value + b"\n"
        length = next(n for n in range(len(rest), len(rest) + 9) if len(str(n)) + len(rest) == n)
        data += str(length).encode() + rest
    assert pax_records(data) == {key.encode(): value for key, value in records.items()}


@given(st.binary(max_size=60))
def test_any_bytes_are_pax_records_or_malformed(data: bytes) -> None:
    try:
        pax_records(data)
    except MalformedLayer:
        return


@pytest.mark.parametrize(
    "data", [b"0 a=b\n", b"6 a=b\n6", b"99 a=b\n", b"6 ab\n\n", b" a=b\n", b"5 a=b\n", b"-6 a=b\n", b"k=v\n"]
)
def test_a_record_that_does_not_end_where_it_says_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedLayer):
        pax_records(data)


def test_a_single_path_record_is_known_at_sight() -> None:
    assert only_path(b"12 path=a/b\n") == pax_records(b"12 path=a/b\n")[b"path"]


@pytest.mark.parametrize("data", [b"", b"11 path=a/b\n", b"12 path=a/b\n8 a=bc\n", b"8 path=\n", b"12 path=a/bc"])
def test_anything_else_is_no_single_path_record(data: bytes) -> None:
    assert only_path(data) is None
