"""Every analyser against bytes made to cost much: they end, lists end, and nothing but `ParseError` leaves.

Nothing here looks at a clock. What grows with the square of its input would take hours over eight megabytes, and runs into the
test's own time limit; what grows with its length takes a second or two at most.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from catalog.errors import ParseError
from catalog.limits import Limits
from tasks.analyzers import DEFAULT
from tasks.analyzers.binaries.products import PRODUCTS
from tasks.analyzers.interface import MOST_PACKAGES, TOO_MANY_PACKAGES, Analyser, Findings
from tasks.analyzers.product_binary import ProductBinary
from tests.tasks.analyzers.binaries.elf_writer import Program
from tests.tasks.analyzers.binaries.go_writer import inline, modules
from tests.tasks.analyzers.zip_writer import Member, deflate, write_zip
from tests.tasks.rpm.made import berkeley, header, ndb, package

PATHS = {
    "alpm": "var/lib/pacman/local/a-1/desc",
    "apk": "lib/apk/db/installed",
    "bitnami": "opt/bitnami/a/.spdx-a.spdx",
    "conda": "opt/conda-meta/a.json",
    "dotnet": "srv/a.deps.json",
    "dpkg": "var/lib/dpkg/status",
    "erlang": "a/ebin/a.app",
    "go-binary": "bin/a",
    "java": "srv/a.jar",
    "jvm": "jdk/release",
    "lua": "rocks/a/1-1/a-1-1.rockspec",
    "npm": "node_modules/a/package.json",
    "opkg": "usr/lib/opkg/status",
    "os-release": "etc/os-release",
    "php": "vendor/composer/installed.json",
    "portage": "var/db/pkg/c/a-1/PF",
    "product-binary": "bin/mysqld",
    "python": "a.dist-info/METADATA",
    "r": "a/DESCRIPTION",
    "rpm": "var/lib/rpm/Packages",
    "rpm-manifest": "var/lib/rpmmanifest/container-manifest-2",
    "ruby": "specifications/a-1.gemspec",
    "rust-binary": "bin/a",
    "sbom": ".longshore/sbom/npm.jsonl",
    "wordpress": "wp-content/plugins/a/a.php",
}
OTHER_PATHS = (
    ("alpm", "var/lib/pacman/local/a-1/files"),
    ("dotnet", "a/1/a.nuspec"),
    ("dpkg", "var/lib/dpkg/info/a.list"),
    ("dpkg", "var/lib/dpkg/status.d/a.md5sums"),
    ("java", "META-INF/maven/g/a/pom.properties"),
    ("opkg", "usr/lib/opkg/info/a.list"),
    ("python", "a.egg"),
)
ANALYSERS = {analyser.name: analyser for analyser in (*DEFAULT.analysers, ProductBinary())}
PLACES = [(ANALYSERS[name], path) for name, path in (*PATHS.items(), *OTHER_PATHS)]

KEYWORDS: dict[str, tuple[bytes, ...]] = {
    "alpm": (b"%FILES%\n", b"%NAME%\n", b"%LICENSE%\n", b"a\n"),
    "apk": (b"P:a\n", b"V:", b"a\n\n"),
    "bitnami": (b'{"packages":[', b'{"externalRefs":[{"referenceLocator":"pkg:bitnami/'),
    "conda": (b'{"name":"a","version":"1","channel":"', b"t/"),
    "dotnet": (b'{"libraries":{', b"<metadata ", b"<metadata>", b"<id>", b"<id ", b"<license type", b"</id>"),
    "dpkg": (
        b"/.\n",
        b"/a\n",
        b"/a/../",
        b"0" * 32 + b"  a\n",
        b"Package: a\n",
        b"Status: install ",
        b"Source: a (",
        b"a\n\n",
    ),
    "erlang": (b"{application,a,[", b"{licenses,[", b'"a",', b"1.", b"<1", b"1e", b"$"),
    "java": (b"PK\1\2", b"PK\3\4", b"version=", b"groupId"),
    "jvm": (b'JAVA_VERSION="', b"A="),
    "lua": (b'package="', b"--[", b"[=", b"--", b"'\\z"),
    "npm": (b'{"name":"', b'"version":"', b"v=", b'{"license":['),
    "opkg": (b"/a\n", b"/a\t1\n", b"Package: a\n", b"Status: install ", b"Source: a_1", b"a\n\n"),
    "php": (b'{"packages":[', b'{"name":"a/b","version":"1"},'),
    "product-binary": (b"-MariaDB", b"\0001.1.1", b"/mysql-"),
    "python": (b"Name", b"Version: 1\n", b"Classifier: License :: "),
    "r": (b"Package: a\n", b"Built: R ", b"\n ", b"License:"),
    "rpm": (b"RpmP", b"Slot", b"SQLite format 3\0"),
    "rpm-manifest": (b"a\t1-1\t", b"-1.src.rpm"),
    "ruby": (b"# stub: a ", b"Gem::Specification", b"s.name=", b"s.licenses = [", b'"a",', b"%q{"),
    "sbom": (b'{"type":"npm","name":"a","version":"1"}\n', b'{"name":"', b'{"licences":['),
    "wordpress": (b"<?php", b"Plugin Name:", b" * ", b"*/"),
}
ANYWHERE = (
    *(
        b" ",
        b"\t",
        b"\n",
        b"\r",
        b"\r\n",
        b"\\",
        b'"',
        b"'",
        b'\\"',
        b"\\'",
        b"[",
        b"]",
        b"{",
        b"}",
        b"(",
        b"<",
        b">",
        b",",
    ),
    *(b":", b"=", b"a", b"0", b"-", b".", b"/", b"%", b"#", b"\0", b"\xff", b"PK\5\6", b'{"a":', b"a\n"),
)
ENDS = {"bitnami": b'"}]}]}', "conda": b'"}', "npm": b'"}'}
"""What makes a whole document of the texts, so that more than the JSON reader sees them."""
SHORT, LONG = 32_000, 8_000_000
"""Bytes of the texts: every beginning with every unit, and the shapes that cost most."""
GENEROUS = 120
"""Seconds after which what should take one or two is given up."""


def analysed(analyser: Analyser, path: str, data: bytes) -> Findings:
    try:
        return analyser.analyse_within(path, bytearray(data), Limits())
    except ParseError:
        return Findings()


def filled(start: bytes, unit: bytes, size: int) -> bytes:
    return start + unit * (size // len(unit))


def test_every_analyser_is_attacked_here() -> None:
    assert set(PATHS) == set(ANALYSERS)
    assert all(analyser.confirm(path) for analyser, path in PLACES)


@pytest.mark.slow
@pytest.mark.timeout(GENEROUS)
@pytest.mark.parametrize(("analyser", "path"), PLACES, ids=lambda value: getattr(value, "name", value))
def test_every_beginning_with_every_unit_ends(analyser: Analyser, path: str) -> None:
    own = KEYWORDS.get(analyser.name, ())
    end = ENDS.get(analyser.name, b"")
    for start in (b"", *own):
        for unit in (*ANYWHERE, *own):
            analysed(analyser, path, filled(start, unit, SHORT) + end)


SHAPES = (
    *(
        (b"", unit)
        for unit in (b"\r\n", b"\n", b"\r", b" ", b"a", b"\0", b"\xff", b'"', b"'", b"\\", b"[", b"(", b'{"a":', b"<a>")
    ),
    *(
        (b"a: ", b"b"),
        (b'a="', b"b"),
        (b"", b"a=b\n"),
        (b"", b"a: b\n\n"),
        (b"", b'a="b\n'),
        (b"", b"a: b\n c\n"),
        (b"", b"a\\\n"),
    ),
)
"""Only line ends, one long line, an endless value, unterminated quotes, nesting, many tiny records."""


@pytest.mark.slow
@pytest.mark.timeout(GENEROUS)
@pytest.mark.parametrize(("analyser", "path"), PLACES, ids=lambda value: getattr(value, "name", value))
def test_eight_megabytes_of_any_shape_end(analyser: Analyser, path: str) -> None:
    own = KEYWORDS.get(analyser.name, ())
    for start, unit in (*SHAPES, *((b"", word) for word in own)):
        analysed(analyser, path, filled(start, unit, LONG) + ENDS.get(analyser.name, b""))


def many_slots(slots: int) -> bytes:
    """An NDB database whose slots all name a blob of their own, as small as a package can be."""
    blob = package("a")
    body = ndb([blob])[4096:]
    pages = (slots * 16 + 32 + 4095) // 4096
    first = 4096 * pages // 16
    rows = b"".join(
        struct.pack("<4sIII", b"Slot", 1, first + n * len(body) // 16, len(body) // 16) for n in range(slots)
    )
    head = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, pages, 99, 0, 0, 0) + rows
    return head.ljust(4096 * pages, b"\0") + body * slots


def many_rows(rows: int) -> bytes:
    """An SQLite database of so many packages."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA page_size = 512")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    database.executemany("INSERT INTO Packages VALUES (?, ?)", ((number, package("a")) for number in range(rows)))
    database.commit()
    data = database.serialize()
    database.close()
    return data


def many_pages(pages: int) -> bytes:
    """A Berkeley DB database whose hash pages are full of pairs of one byte."""
    metadata = berkeley([])[:512]
    ends = b"".join(struct.pack("<H", 500 - number) for number in range(240))
    page = (struct.pack("<QIIIHHBB", 0, 1, 0, 0, 240, 0, 0, 13) + ends)[:512].ljust(512, b"\1")
    return metadata[:32] + struct.pack("<I", pages) + metadata[36:] + page * pages


DATABASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "NDB of tiny packages": ("var/lib/rpm/Packages.db", lambda: many_slots(40_000)),
    "NDB of nothing but slots": ("var/lib/rpm/Packages.db", lambda: ndb([])[:32] + b"Slot" * 2_000_000),
    "SQLite of tiny packages": ("var/lib/rpm/rpmdb.sqlite", lambda: many_rows(60_000)),
    "Berkeley DB of tiny pairs": ("var/lib/rpm/Packages", lambda: many_pages(16_000)),
    "headers of nothing but entries": (
        "var/lib/rpm/Packages.db",
        lambda: ndb([struct.pack(">II", 65_000, 0) + struct.pack(">IIII", 1000, 6, 0, 1) * 65_000] * 7),
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(GENEROUS)
@pytest.mark.parametrize("name", DATABASES)
def test_megabytes_of_tiny_parts_of_a_database_end(name: str) -> None:
    path, build = DATABASES[name]
    data = build()
    assert len(data) > 5_000_000
    findings = analysed(ANALYSERS["rpm"], path, data)
    assert (len(findings.packages) > 30_000) == ("packages" in name)


def rust_program(document: object) -> bytes:
    return Program(sections={b".dep-v0": zlib.compress(json.dumps(document).encode(), 1)}).pack()


def go_program(count: int) -> bytes:
    return Program(
        sections={b".go.buildinfo": inline("go1.22.3", modules(*(f"dep\t{n:x}" for n in range(count))))}
    ).pack()


MORE = MOST_PACKAGES + 5
LISTS: dict[str, Callable[[], bytes]] = {
    "apk": lambda: b"P:a\nV:1\n\n" * MORE,
    "bitnami": lambda: b'{"packages":[' + b"{}," * MORE + b"{}]}",
    "dotnet": lambda: json.dumps({"libraries": {f"a/{n}": {"type": "package"} for n in range(MORE)}}).encode(),
    "dpkg": lambda: b"Package: a\nVersion: 1\n\n" * MORE,
    "opkg": lambda: b"Package: a\nVersion: 1\n\n" * MORE,
    "php": lambda: b"[" + b'{"name":"a/b","version":"1"},' * MORE + b"{}]",
    "rpm-manifest": lambda: b"a\t1-1\t0\t0\tv\t(none)\t0\tx86_64\t0\ta-1-1.src.rpm\n" * MORE,
    "sbom": lambda: b'{"type":"npm","name":"a","version":"1"}\n' * MORE,
    "rust-binary": lambda: rust_program({"packages": [{"name": "a", "version": "1"}] * MORE}),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_without_end_is_cut_off_and_says_so(name: str) -> None:
    findings = analysed(ANALYSERS[name], PATHS[name], LISTS[name]())
    assert TOO_MANY_PACKAGES in findings.remarks
    assert len(findings.packages) == (0 if name == "bitnami" else MOST_PACKAGES)


def test_a_go_program_of_too_many_modules_is_cut_off_and_says_so() -> None:
    findings = analysed(ANALYSERS["go-binary"], "bin/a", go_program(MORE))
    assert (len(findings.packages), findings.remarks) == (MOST_PACKAGES, [TOO_MANY_PACKAGES])


JSON_READERS = ("bitnami", "conda", "dotnet", "npm", "php")


@pytest.mark.parametrize("name", JSON_READERS)
@pytest.mark.parametrize("unit", [b"[", b'{"a":', b'[{"a":'])
def test_json_without_a_floor_is_a_parse_error(name: str, unit: bytes) -> None:
    with pytest.raises(ParseError):
        ANALYSERS[name].analyse(PATHS[name], bytearray(unit * 500_000))


@pytest.mark.parametrize("name", JSON_READERS)
@pytest.mark.parametrize("unit", [b"{},", b"[],", b'"a",', b'{"":0},'])
def test_json_of_too_many_values_is_refused_before_they_are_objects(name: str, unit: bytes) -> None:
    data = bytearray(b"[" + unit * 1_100_000 + b"0]")
    tracemalloc.start()
    try:
        with pytest.raises(ParseError):
            ANALYSERS[name].analyse(PATHS[name], data)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(data)
    finally:
        tracemalloc.stop()


WASTEFUL = (
    ("alpm", b"%LICENSE%\n", b"a\n"),
    ("alpm", b"", b"%a%\n\n"),
    ("dotnet", b"<metadata>", b"<id>a</id>"),
    ("erlang", b"{application,a,[{licenses,[", b'"a",'),
    ("lua", b"a={", b"b='x',"),
    ("opkg", b"Package: a\nVersion: 1\nStatus:", b" a"),
    ("r", b"", b"Package:a\n"),
    ("rpm-manifest", b"", b"\t"),
    ("rpm-manifest", b"", b"\n"),
    ("ruby", b"Gem::Specification\n", b"s.name=b\n"),
)


@pytest.mark.parametrize(("name", "start", "unit"), WASTEFUL)
def test_no_text_becomes_a_list_of_millions(name: str, start: bytes, unit: bytes) -> None:
    path = "a/1/a.nuspec" if name == "dotnet" else PATHS[name]
    data = filled(start, unit, 200_000)
    tracemalloc.start()
    try:
        analysed(ANALYSERS[name], path, data)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(data) + (1 << 20)
    finally:
        tracemalloc.stop()


def test_children_of_sqlite_pages_end_with_the_pages() -> None:
    """A chain of inner pages, each of which claims hundreds of children: no more are remembered than there are pages."""
    size, count = 512, 2_000
    head = b"SQLite format 3\0" + struct.pack(">H", size) + bytes(82)
    pages = []
    for number in range(1, count + 1):
        at = 100 if number == 1 else 0
        children = (size - at - 12 - 4) // 2
        cells = struct.pack(">H", size - 4) * children
        inner = b"\5\0\0" + struct.pack(">H", children) + bytes(3) + struct.pack(">I", 0) + cells
        pages.append((head[:at] + inner).ljust(size - 4, b"\0") + struct.pack(">I", number + 1))
    data = bytearray(b"".join(pages))
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match="overlap"):
            ANALYSERS["rpm"].analyse(PATHS["rpm"], data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_manifests_of_overlapping_members_have_one_budget() -> None:
    blob = b"Nar-Id: a\n" * 100_000
    first = Member(b"META-INF/MANIFEST.MF", blob)
    same = Member(b"META-INF/MANIFEST.MF", blob, offset=0, raw=b"", compressed=len(deflate(blob)))
    findings = analysed(ANALYSERS["java"], "a.jar", write_zip([first, *[same] * 200]))
    assert any(remark.reason == "limit-exceeded" for remark in findings.remarks)


@pytest.mark.timeout(GENEROUS)
@pytest.mark.parametrize("product", [product.name for product in PRODUCTS])
def test_a_search_through_nothing_but_anchors_ends(product: str) -> None:
    row = next(row for row in PRODUCTS if row.name == product)
    path = next(p for p in PRODUCT_FILES if row.files.fullmatch(p.rpartition("/")[2]))
    data = b"".join(clue.anchor.replace(b"{}", b"3.12") + b"1.1.1" for clue in row.clues)
    analysed(ProductBinary(), path, data * (LONG // len(data)))


PRODUCT_FILES = tuple(
    f"usr/bin/{base}"
    for base in (
        *("bash", "busybox", "curl", "dart", "beam.smp", "gcc", "git", "go", "haproxy", "httpd", "lighttpd", "lua"),
        *("libjulia-internal.so", "mariadbd", "memcached", "mysqld", "nginx", "node", "sshd", "openssl", "perl", "php"),
        *("postgres", "python3.12", "redis-server", "ruby", "librustc_driver-0123456789abcdef.so", "sqlite3"),
        *("valkey-server", "libz.so.1"),
    )
)


@pytest.mark.parametrize(("analyser", "path"), PLACES, ids=lambda value: getattr(value, "name", value))
def test_only_a_parse_error_leaves_an_analyser(analyser: Analyser, path: str) -> None:
    sound = (
        rust_program({"packages": [{"name": "a", "version": "1"}]}),
        go_program(3),
        ndb([package("a"), header({})]),
        write_zip([Member(b"META-INF/MANIFEST.MF", b"a"), Member(b"EGG-INFO/PKG-INFO", b"Name: a\nVersion: 1\n")]),
    )
    for whole in sound:
        for at in range(0, len(whole), max(1, len(whole) // 60)):
            analysed(analyser, path, whole[:at])
            analysed(analyser, path, whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
    for number in range(0, 256, 5):
        analysed(analyser, path, bytes([number]) * 64)
