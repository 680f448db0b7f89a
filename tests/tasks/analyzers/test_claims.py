"""What each package database says of whose file is whose."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.analyzers import DEFAULT, file_lists
from tasks.analyzers.alpm import Alpm
from tasks.analyzers.apk import Apk
from tasks.analyzers.dpkg import Dpkg
from tasks.analyzers.file_lists import LONGEST_PATH, MOST_OWNED_BYTES, TOO_MANY_PATHS
from tasks.analyzers.interface import Analyser, Claim
from tasks.analyzers.opkg import Opkg
from tasks.analyzers.portage import Portage
from tasks.analyzers.rpm import Rpm
from tasks.layers.paths import normalised, text
from tests.tasks.rpm.made import ndb, package

DPKG_LIST = "var/lib/dpkg/info/libc6:amd64.list"
DPKG_SUMS = "var/lib/dpkg/status.d/tzdata.md5sums"
OPKG_LIST = "usr/lib/opkg/info/zlib.list"
ALPM_FILES = "var/lib/pacman/local/gcc-libs-1:13.2.1-3/files"
CONTENTS = "var/db/pkg/dev-libs/openssl-3.0.1-r1/CONTENTS"
LISTS: list[tuple[Analyser, str]] = [
    (Dpkg(), DPKG_LIST),
    (Dpkg(), DPKG_SUMS),
    (Opkg(), OPKG_LIST),
    (Alpm(), ALPM_FILES),
    (Portage(), CONTENTS),
]
SUM = "d41d8cd98f00b204e9800998ecf8427e"


def claims(analyser: Analyser, path: str, data: str | bytes) -> list[Claim]:
    findings = analyser.analyse(path, data if isinstance(data, bytes) else data.encode())
    assert findings.remarks == []
    return findings.claims


def test_dpkgs_list_names_a_package_and_its_paths() -> None:
    data = "/.\n/lib\n/lib/libc.so.6\n/usr/share/a b\n"
    assert claims(Dpkg(), DPKG_LIST, data) == [Claim.of("deb/libc6", b"", ("lib", "lib/libc.so.6", "usr/share/a b"))]


def test_a_package_with_dots_in_its_name_keeps_them() -> None:
    (claim,) = claims(Dpkg(), "var/lib/dpkg/info/python3.11-minimal.list", "/.\n/usr/bin/python3.11\n")
    assert claim.owner == "deb/python3.11-minimal"


def test_distroless_images_have_sums_instead() -> None:
    data = f"{SUM}  usr/share/zoneinfo/UTC\n{SUM}  usr/share/a  b\n"
    assert claims(Dpkg(), DPKG_SUMS, data) == [
        Claim.of("deb/tzdata", b"", ("usr/share/zoneinfo/UTC", "usr/share/a  b"))
    ]


def test_apk_lists_files_below_their_folders_with_their_package() -> None:
    data = (
        "P:musl\nV:1.2\nF:\nR:top\nF:lib\nR:ld-musl.so.1\na:0:0:755\nZ:Q1x=\nR:libc.so\n\nP:b\nV:1\nR:y\n\nP:c\nV:1\n"
    )
    findings = Apk().analyse("lib/apk/db/installed", data.encode())
    first, second, _ = (package.package_id for package in findings.packages)
    assert findings.claims == [
        Claim.of("apk/musl", first, ("top", "lib/ld-musl.so.1", "lib/libc.so")),
        Claim.of("apk/b", second, ("y",)),
    ]


def test_rpm_lists_them_in_the_header_documents_and_ghosts_among_them() -> None:
    files = {"DIRECTORY_NAMES": ["/usr/bin/", "/"], "BASE_NAMES": ["a", "etc", "b.x"], "DIRECTORY_INDEXES": [0, 1, 0]}
    findings = Rpm().analyse("var/lib/rpm/Packages.db", ndb([package("a", "1", "2", **files)]))
    (found,) = findings.packages
    assert findings.claims == [Claim.of("rpm/a", found.package_id, ("usr/bin/a", "etc", "usr/bin/b.x"))]


def test_a_trusted_key_of_rpm_claims_nothing() -> None:
    assert Rpm().analyse("var/lib/rpm/Packages.db", ndb([package("gpg-pubkey", "1", "2")])).claims == []


def test_pacmans_files_end_at_the_empty_line() -> None:
    data = "%FILES%\nusr/\nusr/lib/\nusr/lib/libgcc_s.so.1\n\n%BACKUP%\netc/x\t0123\n"
    assert claims(Alpm(), ALPM_FILES, data) == [
        Claim.of("alpm/gcc-libs", b"", ("usr", "usr/lib", "usr/lib/libgcc_s.so.1"))
    ]


@pytest.mark.parametrize("data", ["", "%FILES%\n", "%FILES%\n\n%BACKUP%\netc/x\t0\n", "%BACKUP%\netc/x\t0\n"])
def test_a_pacman_package_without_files_claims_nothing(data: str) -> None:
    assert claims(Alpm(), ALPM_FILES, data) == []


def test_portages_contents_have_sums_times_and_targets_behind_the_paths() -> None:
    data = (
        f"dir /usr/lib64\nobj /usr/lib64/a b.so {SUM} 1700000000\nsym /usr/lib64/c.so -> a b.so 1700000000\n"
        "fif /run/pipe\ndev /dev/null\n"
    )
    expected = ("usr/lib64", "usr/lib64/a b.so", "usr/lib64/c.so", "run/pipe", "dev/null")
    assert claims(Portage(), CONTENTS, data) == [Claim.of("portage/dev-libs/openssl", b"", expected)]


@pytest.mark.parametrize("line", ["/usr/lib/libz.so.1", "/usr/lib/libz.so.1\t0100755\t"])
def test_opkgs_list_has_a_path_before_a_tab_or_alone(line: str) -> None:
    assert claims(Opkg(), OPKG_LIST, line + "\n") == [Claim.of("opkg/zlib", b"", ("usr/lib/libz.so.1",))]


@pytest.mark.parametrize(("analyser", "path"), LISTS, ids=lambda value: getattr(value, "name", None))
def test_an_emptied_list_claims_nothing(analyser: Analyser, path: str) -> None:
    assert claims(analyser, path, b"") == []


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("/usr//lib/./a", "usr/lib/a"),
        ("/../etc/../bin/sh", "bin/sh"),
        ("/usr/lib/", "usr/lib"),
        ("/a\\b", "a\\\\b"),
        (b"/caf\xe9", "caf\\xe9"),
        (b"/a\0b", "a\\x00b"),
        ("/caf\N{LATIN SMALL LETTER E WITH ACUTE}", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("/.hidden", ".hidden"),
    ],
)
def test_paths_are_written_by_the_path_rule(line: str | bytes, path: str) -> None:
    raw = line if isinstance(line, bytes) else line.encode()
    (claim,) = claims(Dpkg(), DPKG_LIST, b"/.\n/usr\n" + raw + b"\n/z\n")
    assert claim.paths == ("usr", path, "z")


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda name: b"\n" not in name), max_size=6))
def test_a_list_is_read_like_its_lines(names: list[bytes]) -> None:
    data = b"".join(b"/" + name + b"\n" for name in names)
    expected = tuple(filter(None, (text(normalised(name)) for name in names)))
    assert [claim.paths for claim in claims(Dpkg(), DPKG_LIST, data)] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("analyser", "path", "data"),
    [
        (Dpkg(), DPKG_LIST, b"/usr\n\x7fELF\nrelative\n/bin/a\n"),
        (Dpkg(), DPKG_SUMS, f"{SUM}  usr\nno sum\n{SUM}\n{SUM}  bin/a\n".encode()),
        (Opkg(), OPKG_LIST, b"/usr\t1\nx\ny\n/bin/a\t0\n"),
        (Portage(), CONTENTS, f"dir /usr\nobj /bin/b\nnew /bin/c\nobj /bin/a {SUM} 1\n".encode()),
    ],
)
def test_lines_that_are_no_path_are_remarked_and_cost_the_others_nothing(
    analyser: Analyser, path: str, data: bytes
) -> None:
    findings = analyser.analyse(path, data)
    assert [claim.paths for claim in findings.claims] == [("usr", "bin/a")]
    assert [(r.reason, r.detail, r.partial) for r in findings.remarks] == [
        ("parse-error", "2 lines that are no path", True)
    ]


def test_a_pacman_list_without_its_field_is_refused() -> None:
    with pytest.raises(ParseError):
        Alpm().analyse(ALPM_FILES, b"usr/lib/x\n")


def test_paths_longer_than_any_files_are_remarked() -> None:
    long = b"a" * (LONGEST_PATH + 1)
    for analyser, path, data in (
        (Dpkg(), DPKG_LIST, b"/" + long + b"\n/b\n"),
        (Apk(), "lib/apk/db/installed", b"P:a\nV:1\nF:" + long + b"\nR:x\nF:\nR:b\n"),
    ):
        findings = analyser.analyse(path, data)
        assert [claim.paths for claim in findings.claims] == [("b",)]
        assert [remark.detail for remark in findings.remarks] == ["1 paths longer than any file's"]


@pytest.mark.parametrize(
    ("analyser", "path", "unit", "start"),
    [(Dpkg(), DPKG_LIST, b"/a\n", b""), (Apk(), "lib/apk/db/installed", b"R:a\n", b"P:a\nV:1\n")],
    ids=["dpkg", "apk"],
)
def test_a_list_without_end_is_cut_off_and_says_so(
    analyser: Analyser, path: str, unit: bytes, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_OWNED_BYTES >= 1_000_000 * (64 + 64)
    monkeypatch.setattr(file_lists, "MOST_OWNED_BYTES", 1 << 20)
    findings = analyser.analyse(path, start + unit * (1 << 14))
    assert findings.remarks == [TOO_MANY_PATHS]
    assert sum(len(claim.paths) for claim in findings.claims) == (1 << 20) // (64 + 1)


@pytest.mark.parametrize("long", [b"F:" + b"a" * 4_000 + b"\n", b"F:" + b"a" * 8_000_000 + b"\n"])
def test_a_long_folder_before_many_files_costs_little(long: bytes) -> None:
    started = time.process_time()
    findings = Apk().analyse("lib/apk/db/installed", b"P:a\nV:1\n" + long + b"R:a\n" * 50_000)
    assert time.process_time() - started < 3
    assert sum(len(path) for claim in findings.claims for path in claim.paths) <= MOST_OWNED_BYTES
    assert findings.remarks or len(long) < 5_000


@pytest.mark.parametrize(("analyser", "path"), LISTS, ids=lambda value: getattr(value, "name", None))
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(analyser: Analyser, path: str, data: bytes) -> None:
    try:
        findings = analyser.analyse(path, bytearray(data))
    except ParseError:
        return
    for claim in findings.claims:
        assert all(found == text(normalised(found.encode())) or "\\" in found for found in claim.paths)


@pytest.mark.conformance
def test_this_machines_lists_are_those_of_dpkg() -> None:
    folder = Path("/var/lib/dpkg/info")
    lists = sorted(folder.glob("*.list"))
    if not lists:
        pytest.skip("no dpkg on this machine")
    count = 0
    for file in lists:
        path = file.relative_to("/").as_posix()
        assert [analyser.name for analyser in DEFAULT.wanting(path)] == ["dpkg"]
        found = claims(Dpkg(), path, file.read_bytes())
        lines = [line for line in file.read_bytes().split(b"\n") if line not in (b"", b"/.")]
        assert [claim.paths for claim in found] == ([tuple(text(line[1:]) for line in lines)] if lines else [])
        count += len(lines)
    assert count > len(lists)
