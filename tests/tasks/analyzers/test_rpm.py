from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Findings
from tasks.analyzers.rpm import Rpm, RpmManifest
from tasks.rpm.databases import header_blobs
from tasks.rpm.header import Header, Tag, owned_paths, parse_header
from tasks.rpm.reading import Reading
from tests.tasks.rpm.made import ask_rpm, berkeley, ndb, package, real_database

DATABASE, LOG = "var/lib/rpm/Packages.db", "var/lib/rpm/rpmdb.sqlite-wal"
MANIFEST = "var/lib/rpmmanifest/container-manifest-2"


def analyse(data: bytes, path: str = DATABASE) -> Findings:
    return Rpm().analyse(path, data)


def test_a_package_has_all_that_matching_needs() -> None:
    blob = package("httpd", "2.4.37", "47.module+el8", EPOCH=1, LICENSE="ASL 2.0", VENDOR="A vendor",
                   SOURCE_RPM="httpd-2.4.37-47.module+el8.src.rpm", MODULARITY_LABEL="httpd:2.4:8060:9edba152")  # fmt: skip
    (found,) = analyse(ndb([blob])).packages
    assert found == PackageFacts(
        "rpm", "httpd", "2.4.37-47.module+el8", epoch=1, architecture="x86_64", source_name="httpd",
        source_version="2.4.37-47.module+el8", module="httpd:2.4",
    )  # fmt: skip
    assert found.licences == ("ASL 2.0",)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("util-linux-2.32.1-42.el8_8.src.rpm", ("util-linux", "2.32.1-42.el8_8")),
        ("flash-1-2.nosrc.rpm", ("flash", "1-2")),
        ("(none)", ("", "")),
        ("odd", ("", "")),
    ],
)
def test_the_source_is_a_file_of_name_version_and_release(file: str, source: tuple[str, str]) -> None:
    (found,) = analyse(ndb([package("a", SOURCE_RPM=file)])).packages
    assert (found.source_name, found.source_version) == source


def test_an_epoch_of_zero_is_not_none() -> None:
    assert [found.epoch for found in analyse(ndb([package("a", EPOCH=0), package("b")])).packages] == [0, None]


def test_trusted_keys_are_no_packages() -> None:
    assert analyse(ndb([package("gpg-pubkey", "db42a60e", "37ea5438")])) == Findings()


def test_all_versions_and_architectures_of_a_name_are_kept() -> None:
    assert len(analyse(berkeley([package("kernel", "5"), package("kernel", "6")])).packages) == 2


@pytest.mark.parametrize("odd", [b"", b"\xff" * 40, package("", "1"), package("a", ""), package("a", EPOCH=1 << 31)])
def test_a_broken_header_costs_its_neighbours_nothing(odd: bytes) -> None:
    found = analyse(ndb([package("a"), odd, package("b")]))
    assert [item.name for item in found.packages] == ["a", "b"]
    assert [remark.partial for remark in found.remarks] == [True]


def test_what_was_read_before_the_reading_had_to_end_is_kept() -> None:
    data = bytearray(ndb([package("a"), package("b")]))
    data[64 : 64 + 16 * 50] = data[48:64] * 50
    found = analyse(bytes(data))
    assert {item.name for item in found.packages} == {"a", "b"}
    assert "overlap" in found.remarks[0].detail


def test_an_emptied_database_has_no_packages_and_no_problem() -> None:
    assert analyse(b"") == Findings()


def test_another_file_of_that_name_is_refused() -> None:
    with pytest.raises(ParseError, match="known format"):
        analyse(b"Package: a\n")


@pytest.fixture
def unmerged(tmp_path: Path) -> Iterator[bytes]:
    """The write-ahead log of an SQLite database that nobody closed."""
    connection = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        connection.commit()
        yield (tmp_path / "rpmdb.sqlite-wal").read_bytes()
    finally:
        connection.close()


def test_a_write_ahead_log_with_changes_is_remarked(unmerged: bytes) -> None:
    assert [remark.reason for remark in analyse(unmerged, LOG).remarks] == ["write-ahead-log"]


def test_a_write_ahead_log_without_changes_is_nothing(unmerged: bytes) -> None:
    for log in (b"", unmerged[:32], unmerged[:33], unmerged[:40] + b"no salts" + unmerged[48:], b"\0" * 5000):
        assert analyse(log, LOG) == Findings()


@given(st.binary(max_size=300), st.sampled_from([DATABASE, LOG]))
def test_any_bytes_are_read_or_refused(data: bytes, path: str) -> None:
    with contextlib.suppress(ParseError):
        analyse(data, path)


LINE = "\t".join(
    ("openssl-libs", "1.1.1k-30.cm2", "1716412852", "1716400000", "Microsoft Corporation", "(none)", "378", "x86_64", "0",
     "openssl-1.1.1k-30.cm2.src.rpm")
)  # fmt: skip


def test_a_line_of_the_manifest_is_a_package() -> None:
    (found,) = RpmManifest().analyse(MANIFEST, f"{LINE}\n".encode()).packages
    assert found == PackageFacts(
        "rpm",
        "openssl-libs",
        "1.1.1k-30.cm2",
        architecture="x86_64",
        source_name="openssl",
        source_version="1.1.1k-30.cm2",
    )


def test_the_manifest_says_epochs() -> None:
    (found,) = RpmManifest().analyse(MANIFEST, LINE.replace("(none)", "7").encode()).packages
    assert found.epoch == 7


def test_a_broken_line_of_the_manifest_costs_its_neighbours_nothing() -> None:
    found = RpmManifest().analyse(MANIFEST, f"{LINE}\nodd\n\n{LINE}\r\n".encode())
    assert (len(found.packages), [remark.detail for remark in found.remarks]) == (2, ["1 lines that are no package"])


@given(st.lists(st.sampled_from([LINE, "\t" * 9, "a\t" * 12, "\0", "²\t" * 11])))
def test_any_lines_of_the_manifest_are_read(lines: list[str]) -> None:
    RpmManifest().analyse(MANIFEST, "\n".join(lines).encode())


def headers(database: Path) -> list[Header]:
    data = database.read_bytes()
    return [parse_header(blob) for blob in header_blobs(data, Reading(len(data)))]


def as_rpm_says(found: PackageFacts) -> list[str]:
    source = f"{found.source_name}-{found.source_version}.src.rpm"
    epoch = "(none)" if found.epoch is None else str(found.epoch)
    return [
        found.name,
        epoch,
        *found.version.split("-"),
        found.architecture,
        source,
        found.module or "(none)",
        *found.licences,
    ]


SHAPE = "%{NAME}\\t%{EPOCH}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\t%{MODULARITYLABEL}\\t%{LICENSE}\\n"


def without_context(row: list[str]) -> list[str]:
    return [*row[:6], ":".join(row[6].split(":")[:2]), row[7]]


@pytest.mark.slow
@pytest.mark.conformance
def test_packages_and_paths_are_those_of_rpm(tmp_path: Path) -> None:
    database = real_database(tmp_path)
    theirs = [without_context(row) for row in ask_rpm(database.parent, SHAPE)]
    found = analyse(database.read_bytes(), "var/lib/rpm/rpmdb.sqlite")
    assert not found.remarks
    assert len(theirs) == 241
    assert sorted(map(as_rpm_says, found.packages)) == sorted(theirs)
    paths = sorted(
        [header.string(Tag.NAME), f"/{path}"] for header in headers(database) for path in owned_paths(header)
    )
    assert paths == sorted(row for row in ask_rpm(database.parent, "[%{=NAME}\\t%{FILENAMES}\\n]") if len(row) == 2)


@pytest.mark.conformance
def test_packages_of_a_berkeley_database_are_those_of_rpm(real_data: Path, tmp_path: Path) -> None:
    if shutil.which("rpm") is None:
        pytest.skip("no rpm on this machine")
    database = Path(shutil.copy(real_data / "rpmdb" / "ubi8-libuuid.Packages.bdb", tmp_path / "Packages"))
    theirs = [without_context(row) for row in ask_rpm(tmp_path, SHAPE, "--define", "_db_backend bdb_ro")]
    found = analyse(database.read_bytes(), "var/lib/rpm/Packages")
    assert (list(map(as_rpm_says, found.packages)), found.remarks) == (theirs, [])
    listed = ask_rpm(tmp_path, "[%{FILENAMES}\\n]", "--define", "_db_backend bdb_ro")
    assert [[f"/{path}"] for header in headers(database) for path in owned_paths(header)] == listed


@pytest.mark.conformance
def test_packages_of_an_ndb_database_are_those_of_its_list(real_data: Path) -> None:
    database = real_data / "rpmdb" / "sle15-bci.Packages.ndb"
    lines = (real_data / "rpmdb" / "sle15-bci.expected.csv").read_text().splitlines()
    rows = [line.split("\u00b6") for line in lines]
    theirs = {(row[1], row[0], row[2], row[3], row[4], row[5], row[7], row[8], row[10]) for row in rows}
    ours = {
        (
            *(header.string(tag) for tag in (Tag.NAME,)),
            "".join(map(str, header.numbers(Tag.EPOCH))),
            *(
                header.string(tag)
                for tag in (Tag.VERSION, Tag.RELEASE, Tag.ARCH, Tag.SOURCE_RPM, Tag.LICENSE, Tag.VENDOR)
            ),
            header.binary(Tag.SIGNATURE_MD5).hex(),
        )
        for header in headers(database)
    }
    assert ours == theirs
    names = [found.name for found in analyse(database.read_bytes()).packages]
    assert sorted(names) == sorted(row[1] for row in rows if row[1] != "gpg-pubkey")
