"""What the walker makes of archives, ordinary and hostile, byte by byte."""

from __future__ import annotations

import io
import tarfile

import pytest

from catalog.errors import MalformedLayer
from catalog.limits import Limits
from tasks.layer_builder import Directory, Fifo, HardLink, Opaque, Symlink, Whiteout, build_tar
from tests.tasks.layers.reading import BLOCK, END, Drops, entry, header, padded, pax, raw_pax, read, resigned

STATUS = b"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
DPKG = b"var/lib/dpkg/status"


def archive(*parts: bytes) -> bytes:
    return b"".join(parts) + END


def test_every_kind_of_entry_becomes_a_row_in_order() -> None:
    tar = build_tar(
        {
            "d/": Directory(),
            "d/f": "data",
            "d/s": Symlink("../f"),
            "d/h": HardLink("d/f"),
            "p": Fifo(),
            "gone": Whiteout(),
            "d/gone": Whiteout(),
            "d": Opaque(),
        }
    )
    assert read(tar).entries == [
        ("d", "directory", ""),
        ("d/f", "file", ""),
        ("d/s", "symlink", "../f"),
        ("d/h", "hardlink", "d/f"),
        ("p", "fifo", ""),
        ("gone", "whiteout", ""),
        ("d/gone", "whiteout", ""),
        ("d", "opaque", ""),
    ]


def test_devices_are_rows_without_data() -> None:
    tar = archive(header(b"c", flag=b"3", size=5), header(b"b", flag=b"4"), entry(b"f", b"x"))
    assert [kind for _, kind, _ in read(tar).entries] == ["device", "device", "file"]


def test_attributes_are_those_of_the_header() -> None:
    tar = archive(header(b"a", mode=b"0104755\0", uid=b"0001750\0", size=0))
    assert read(tar).attributes == [(0o4755, 1000, 0, 0)]


def test_old_headers_with_blanks_around_their_numbers_are_read() -> None:
    tar = archive(header(b"a", mode=b"   644 \0", uid=b"    12 \0", size=b"          3 ") + padded(b"abc"))
    assert read(tar).attributes == [(0o644, 0o12, 0, 3)]


def test_a_size_of_twelve_digits_without_an_end_is_read() -> None:
    tar = archive(header(b"a", size=b"000000001000") + bytes(512), entry(b"b"))
    assert read(tar).sizes == {"a": 512, "b": 0}


def test_base_256_sizes_are_read() -> None:
    tar = archive(header(b"a", size=b"\x80" + bytes(9) + b"\x02\x00") + bytes(512), entry(b"b"))
    assert read(tar).sizes == {"a": 512, "b": 0}


def test_a_pax_size_wins_over_the_header() -> None:
    tar = archive(pax(size=b"600"), header(b"a", size=0), bytes(1024), entry(b"b"))
    assert read(tar).sizes == {"a": 600, "b": 0}


def test_pax_owners_win_over_the_header() -> None:
    tar = archive(pax(uid=b"4000000000", gid=b"7"), header(b"a"))
    assert read(tar).attributes == [(0o644, 4_000_000_000, 7, 0)]


def test_names_come_from_prefix_pax_and_gnu_headers() -> None:
    long = b"l" * 150
    tar = archive(
        header(b"b", prefix=b"a"),
        pax(path=b"pax/" + long),
        header(b"x"),
        entry(b"././@LongLink", b"gnu/" + long + b"\0", flag=b"L", magic=b"ustar  \0"),
        header(b"y", magic=b"ustar  \0"),
        pax(mtime=b"1.5", path=b"both/" + long),
        header(b"z"),
    )
    assert read(tar).paths == ["a/b", "pax/" + long.decode(), "gnu/" + long.decode(), "both/" + long.decode()]


def test_link_targets_come_from_pax_and_gnu_headers() -> None:
    long = b"t" * 150
    tar = archive(
        pax(linkpath=long),
        header(b"a", flag=b"2", target=b"short"),
        entry(b"././@LongLink", long + b"\0", flag=b"K"),
        header(b"b", flag=b"1", target=b"short"),
    )
    assert [target for _, _, target in read(tar).entries] == [long.decode(), long.decode()]


def test_a_long_name_speaks_of_one_entry_only() -> None:
    tar = archive(pax(path=b"long"), header(b"x"), header(b"y"))
    assert read(tar).paths == ["long", "y"]


def test_global_headers_name_nothing() -> None:
    tar = archive(raw_pax({b"path": b"everything", b"comment": b"c"}, flag=b"g"), entry(b"a", b"1"), entry(b"b", b"2"))
    assert read(tar).paths == ["a", "b"]


def test_odd_paths_are_written_as_the_path_rule_says() -> None:
    names = [
        b"/abs",
        b"./dot",
        b"../../up",
        b"a//b",
        b"a/./b",
        b"a/../../c",
        b"back\\slash",
        b"\xff\xfe",
        b"a/b/..",
        b"t/",
    ]
    result = read(archive(*(entry(name, b"1") for name in names)))
    assert result.paths == [
        "abs", "dot", "up", "a/b", "a/b", "c", "back\\\\slash", "\\xff\\xfe", "a", "t",
    ]  # fmt: skip


def test_names_that_are_not_utf_8_leave_their_neighbours_as_they_are() -> None:
    result = read(archive(entry("é".encode(), b"1"), entry(b"\xff", b"1"), entry("ü".encode(), b"1")))
    assert result.paths == ["é", "\\xff", "ü"]


@pytest.mark.parametrize("prefix", [b"./", b"/", b""])
def test_a_common_prefix_is_taken_off(prefix: bytes) -> None:
    parts = [header(prefix or b"./", flag=b"5"), *(entry(b"%sd/f%d" % (prefix, n), b"x") for n in range(5))]
    assert read(archive(*parts)).paths == ["", *(f"d/f{n}" for n in range(5))]


def test_a_nul_within_a_pax_name_is_escaped() -> None:
    tar = archive(pax(path=b"a\0b/c"), header(b"x"), entry(b"n", b"1"))
    assert read(tar).paths == ["a\\x00b/c", "n"]


def test_a_name_ends_at_the_headers_first_nul() -> None:
    assert read(archive(header(b"etc/os-release\0garbage", size=3) + padded(b"ID="))).contents == {
        "etc/os-release": b"ID="
    }


def test_evidence_is_found_however_its_path_is_written() -> None:
    for name in (b"./" + DPKG, b"/" + DPKG, b"var//lib/./dpkg/status", b"x/../var/lib/dpkg/status", b"../" + DPKG):
        assert read(archive(entry(name, STATUS))).packages == [("var/lib/dpkg/status", "a", "1")], name


def test_evidence_is_found_behind_long_names() -> None:
    deep = b"d" * 120 + b"/node_modules/a/package.json"
    tar = archive(pax(path=deep), entry(b"x", b'{"name": "a", "version": "1"}'))
    assert [name for _, name, _ in read(tar).packages] == ["a"]


def test_old_style_directories_are_directories() -> None:
    tar = archive(header(b"d/", flag=b"\0"), entry(b"d/f", b"1", flag=b"\0"))
    assert [kind for _, kind, _ in read(tar).entries] == ["directory", "file"]


def test_whiteouts_are_known_whatever_their_type() -> None:
    tar = archive(
        header(b"a/.wh.b", flag=b"5"), header(b"a/.wh.c", flag=b"2", target=b"x"), header(b".wh.d", flag=b"3")
    )
    assert read(tar).entries == [("a/b", "whiteout", ""), ("a/c", "whiteout", ""), ("d", "whiteout", "")]


def test_a_whiteout_of_evidence_is_no_evidence() -> None:
    tar = archive(entry(b"var/lib/dpkg/.wh.status", STATUS), entry(b"var/lib/dpkg/status.d/.wh.tzdata", STATUS))
    result = read(tar)
    assert result.evidence == {}
    assert result.paths == ["var/lib/dpkg/status", "var/lib/dpkg/status.d/tzdata"]


def test_the_root_can_be_made_opaque() -> None:
    assert read(archive(entry(b".wh..wh..opq"))).entries == [("", "opaque", "")]


def test_whiteouts_that_name_nothing_are_noted() -> None:
    result = read(archive(entry(b".wh."), entry(b"a/.wh..wh.plnk"), entry(b".wh..."), entry(b"b", b"1")))
    assert result.paths == ["b"]
    assert result.reasons == ["odd-whiteout"]


def test_entries_of_unknown_types_are_noted_and_passed_over() -> None:
    result = read(archive(entry(b"odd", b"1" * 700, flag=b"Z"), entry(b"a", b"1")))
    assert result.paths == ["a"]
    assert result.reasons == ["unknown-entry"]


def test_files_in_the_old_sparse_format_are_passed_over_with_their_map() -> None:
    block = bytearray(header(b"s", flag=b"S", size=512, magic=b"ustar  \0"))
    block[482], block[483:495] = 1, b"00000100000\0"
    more, last = bytearray(BLOCK), bytearray(BLOCK)
    more[504] = 1
    assert read(archive(resigned(bytes(block)), bytes(more), bytes(last), bytes(512), entry(b"a", b"1"))).sizes == {
        "s": 32768,
        "a": 1,
    }


def test_sparse_evidence_is_a_problem() -> None:
    tar = archive(pax(GNU__sparse__major=b"1", GNU__sparse__name=DPKG, GNU__sparse__realsize=b"9"), entry(b"x", STATUS))
    result = read(tar)
    assert (result.evidence, result.reasons) == ({(DPKG.decode(), "dpkg"): "failed"}, ["sparse"])
    assert result.sizes == {DPKG.decode(): 9}


@pytest.mark.parametrize("size", [BLOCK * 3, 1 << 18, (1 << 18) - 1024, (1 << 20) + 1])
def test_data_of_any_size_is_passed_over(size: int) -> None:
    tar = archive(entry(b"a", bytes(size)), entry(b"b", b"x" * size), entry(DPKG, STATUS))
    assert len(read(tar).entries) == 3
    assert read(tar).packages


def test_evidence_larger_than_the_window_is_read_whole() -> None:
    many = b"".join(STATUS.replace(b": a", b": a%d" % n) for n in range(9000))
    assert len(many) > 2 << 18
    assert len(read(archive(entry(b"a", b"1"), entry(DPKG, many), entry(b"b", b"1"))).packages) == 9000


@pytest.mark.parametrize("size", [1, 511, 513, 4097])
def test_streams_that_yield_little_at_a_time_give_the_same_rows(size: int) -> None:
    tar = build_tar(
        {"a" * 130: "1", "var/lib/dpkg/status": STATUS, "d": Directory(), "e/f": "x" * 9999, "s": Symlink("d")}
    )
    assert read(tar, stream=Drops(tar, size)).entries == read(tar).entries


def test_an_archive_without_an_end_marker_is_legal() -> None:
    assert read(entry(b"a", b"1")).paths == ["a"]
    assert read(entry(b"a", b"1") + bytes(BLOCK)).paths == ["a"]


@pytest.mark.parametrize("empty", [b"", END, bytes(10240), bytes(512)])
def test_an_empty_layer_is_legal(empty: bytes) -> None:
    assert read(empty).entries == []


def test_what_follows_the_end_marker_is_not_read() -> None:
    result = read(archive(entry(b"a", b"1")) + entry(b"b", b"1") + b"garbage")
    assert result.paths == ["a"]
    assert result.records.tar_size == 4 * BLOCK


HOSTILE = {
    "no archive": b"this is no tar archive" * 100,
    "half a header": entry(b"a", b"1") + header(b"b")[:300],
    "data cut off": entry(b"a", b"1" * 5000)[:2000],
    "evidence cut off": entry(DPKG, STATUS, size=1 << 40),
    "lying size": header(b"a", size=b"77777777777\0") + END,
    "negative size": header(b"a", size=b"\xff" * 12) + END,
    "negative octal size": header(b"a", size=b"-0000000001\0") + END,
    "negative pax size": pax(size=b"-1") + header(b"a") + END,
    "pax size is no number": pax(size=b"0x1") + header(b"a") + END,
    "wrong checksum": header(b"a") + header(b"b", checksum=b"000000\0 ") + END,
    "wrong checksum of an extended header": header(b"a")
    + bytes(raw_pax({b"k": b"v"})).replace(b"Pax", b"pax")
    + header(b"b")
    + END,
    "wrong checksum of a plain file": entry(b"a", b"1") + entry(b"b", b"2").replace(b"b\0", b"c\0") + END,
    "mode is no number": header(b"a", mode=b"rw-r--r-") + END,
    "size with an underscore": entry(b"a") + header(b"a", size=b"0000000_010\0") + bytes(1024) + END,
    "zero block within": entry(b"a", b"1") + bytes(512) + entry(b"b", b"1"),
    "extended header at the end": entry(b"a", b"1") + pax(path=b"x"),
    "pax record too long": entry(b"x", b"99 path=a\n", flag=b"x") + header(b"a") + END,
    "sparse map cut off": header(b"a", flag=b"S")[:482],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_archive_is_malformed(name: str) -> None:
    with pytest.raises(MalformedLayer):
        read(HOSTILE[name])


@pytest.mark.parametrize(
    ("limits", "parts"),
    [
        (Limits(layer_entries=10), [entry(b"f%d" % n, b"1") for n in range(9000)]),
        (Limits(layer_links=10), [header(b"l%d" % n, flag=b"21"[n % 2 :][:1], target=b"t") for n in range(9000)]),
        (Limits(row_bytes=1 << 16), [entry(b"f%d" % n, b"1") for n in range(9000)]),
        (Limits(layer_bytes=1 << 20), [entry(b"f%d" % n, bytes(5000)) for n in range(900)]),
        (Limits(header_bytes=1000), [entry(b"a", b"1"), pax(path=b"p" * 2000), header(b"x")]),
        (Limits(headers_in_a_row=4), [entry(b"a", b"1"), *(pax(mtime=b"1") for _ in range(9)), header(b"x")]),
        (Limits(path_bytes=50), [entry(b"p" * 99, b"1"), entry(b"a", b"1")]),
        (Limits(path_depth=5), [entry(b"p/" * 9 + b"f", b"1"), entry(b"a", b"1")]),
        (Limits(path_bytes=50), [header(b"l", flag=b"2", target=b"t" * 99), entry(b"a", b"1")]),
    ],
)
def test_a_limit_keeps_what_came_before_it_and_makes_the_layer_partial(limits: Limits, parts: list[bytes]) -> None:
    result = read(archive(*parts), limits=limits)
    assert result.reasons == ["limit-exceeded"]
    assert result.records.outcome == "partial"
    assert result.entries


def test_evidence_before_a_limit_is_kept() -> None:
    result = read(archive(entry(DPKG, STATUS), entry(b"big", bytes(4 << 20))), limits=Limits(layer_bytes=1 << 20))
    assert result.packages == [("var/lib/dpkg/status", "a", "1")]


def test_a_file_over_its_analysers_cap_is_not_read() -> None:
    result = read(archive(entry(DPKG, STATUS * 100), entry(b"a", b"1")), limits=Limits(text_bytes=1000))
    assert result.evidence == {("var/lib/dpkg/status", "dpkg"): "too-large"}
    assert result.reasons == ["too-large"]
    assert result.paths == ["var/lib/dpkg/status", "a"]


def test_thousands_of_entries_keep_their_order() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number in range(9000):
            tar.addfile(tarfile.TarInfo(f"{number:05}" + ("x" * (number % 150))))
    assert [path[:5] for path in read(buffer.getvalue()).paths] == [f"{number:05}" for number in range(9000)]
