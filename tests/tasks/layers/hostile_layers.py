"""The hostile and odd layers of docs/hostile-input.md, each with a sound package before and behind what is odd."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import zstandard

from tests.tasks.analyzers.binaries.elf_writer import Program
from tests.tasks.analyzers.binaries.go_writer import inline, modules
from tests.tasks.analyzers.zip_writer import STORED, Member, write_zip
from tests.tasks.layers.reading import END, entry, header, padded, pax, raw_pax, resigned, sha256
from tests.tasks.rpm.made import ndb, package

DPKG = b"var/lib/dpkg/status"
SKIPPABLE = b"\x50\x2a\x4d\x18"
_STANZA = b"Package: %s\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
BEFORE = entry(DPKG + b".d/before", _STANZA % b"before")
AFTER = entry(b"srv/node_modules/after/package.json", b'{"name": "after", "version": "1"}')


@dataclass(frozen=True)
class Case:
    """A layer as it is served.

    Args:
        blob: the bytes that come.
        digest: that was promised; the true one where empty.
        size: that was promised; the true one where negative.
        limits: caps under which the case is one; with the defaults it loses nothing.
        also: further packages that must be found.
    """

    blob: bytes
    digest: str = ""
    size: int = -1
    limits: dict[str, int] = field(default_factory=dict)
    also: frozenset[str] = frozenset()


def archive(*odd: bytes) -> bytes:
    return BEFORE + b"".join(odd) + AFTER + END


def tar(*odd: bytes, also: str = "", **limits: int) -> Case:
    return Case(archive(*odd), limits=limits, also=frozenset(also.split()))


def package_json(name: str) -> bytes:
    return b'{"name": "%s", "version": "1"}' % name.encode()


def long_name(flag: bytes, name: bytes) -> bytes:
    return entry(b"././@LongLink", name + b"\0", flag=flag)


def gnu_sparse() -> bytes:
    block = bytearray(header(b"holes", flag=b"S", size=512, magic=b"ustar  \0"))
    block[483:495] = b"00000100000\0"
    return resigned(bytes(block)) + b"x" * 512


def jar(name: str, *more: Member) -> bytes:
    pom = f"groupId=org.example\nartifactId={name}\nversion=1\n".encode()
    return write_zip([Member(f"META-INF/maven/org.example/{name}/pom.properties".encode(), pom), *more])


def nested(depth: int) -> bytes:
    data = jar("level0")
    for level in range(1, depth + 1):
        data = jar(f"level{level}", Member(b"inner.jar", data))
    return data


def java(data: bytes, also: str = "", **limits: int) -> Case:
    return tar(entry(b"srv/app.jar", data), also=also, **limits)


def with_member(member: Member) -> Case:
    return java(write_zip([member, Member(b"lib/good.jar", jar("good"))]), "good")


def estargz() -> bytes:
    """A gzip member for each file, a table of contents as the last file, and a footer (stargz-snapshotter, "eStargz")."""
    toc = entry(b"stargz.index.json", b'{"version": 1, "entries": []}')
    footer = gzip.compress(b"", mtime=0)
    extra = b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % 0
    footer = footer[:3] + b"\4" + footer[4:10] + struct.pack("<H", len(extra)) + extra + footer[10:]
    return b"".join(gzip.compress(part, mtime=0) for part in (BEFORE, AFTER, toc + END)) + footer


def zstd_chunked() -> bytes:
    """A frame for each file, a manifest and a footer in skippable frames (containers/storage, "zstd:chunked")."""
    frames = b"".join(zstd(part) for part in (BEFORE, AFTER, END))
    manifest = zstd(b'{"version": 1, "entries": []}')
    footer = struct.pack("<QQQQ8s", len(frames) + 8, len(manifest), 29, 1, b"GNUlInUx")
    return frames + b"".join(SKIPPABLE + struct.pack("<I", len(data)) + data for data in (manifest, footer))


def zstd(data: bytes, **options: object) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


def far_back() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=24, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(archive(entry(b"x", b"1" * 9_000))) + packer.flush()


GO = Program(sections={b".go.buildinfo": inline("go1.22.3", modules("mod\texample.com/a\tv1.0.0\th1:x"))}).pack()
ZEROS = entry(b"zeros", bytes(8 << 20))
BAD = Member(b"lib/bad.jar", jar("bad"))
LINKS = [header(b"l%d" % number, flag=b"2", target=b"t") for number in range(3_000)]
WHOLE = archive()

LAYERS: dict[str, Callable[[], Case]] = {
    "truncated blob": lambda: Case(gzip.compress(WHOLE)[:-9], sha256(gzip.compress(WHOLE)), len(gzip.compress(WHOLE))),
    "digest mismatch": lambda: Case(gzip.compress(WHOLE), sha256(b"other")),
    "more bytes than promised": lambda: Case(WHOLE + b"more", sha256(WHOLE), len(WHOLE)),
    "broken compression": lambda: Case(gzip.compress(WHOLE)[: len(gzip.compress(WHOLE)) // 2]),
    "no archive at all": lambda: Case(b"this is no tar archive" * 100),
    "archive cut off": lambda: Case(WHOLE[: len(WHOLE) - 1_600]),
    "wrong checksum of a header": lambda: tar(header(b"a", checksum=b"000000\0 ")),
    "gzip bomb": lambda: Case(gzip.compress(archive(ZEROS)), limits={"layer_ratio": 100, "ratio_from_bytes": 1 << 20}),
    "zstd bomb": lambda: Case(zstd(archive(ZEROS)), limits={"layer_ratio": 100, "ratio_from_bytes": 1 << 20}),
    "tar bomb of bytes": lambda: tar(ZEROS, layer_bytes=1 << 20),
    "tar bomb of entries": lambda: tar(*(entry(b"f%d" % number) for number in range(9_000)), layer_entries=3_000),
    "tar bomb of links": lambda: tar(*LINKS, layer_links=100),
    "tar bomb of rows": lambda: tar(*(entry(b"f%d" % number) for number in range(5_000)), row_bytes=1 << 16),
    "path depth": lambda: tar(entry(b"d/" * 30 + b"package.json", package_json("deep")), path_depth=20),
    "name length": lambda: tar(pax(path=b"n" * 300), entry(b"x"), path_bytes=200),
    "target length": lambda: tar(pax(linkpath=b"t" * 300), header(b"l", flag=b"2"), path_bytes=200),
    "extended header too long": lambda: tar(pax(comment=b"c" * 5_000), entry(b"x"), header_bytes=4_000),
    "extended headers without end": lambda: tar(*(pax(mtime=b"1") for _ in range(9)), entry(b"x"), headers_in_a_row=8),
    "zstd window too large": lambda: Case(far_back(), limits={"zstd_window_bytes": 1 << 20}),
    "xz decoder too large": lambda: Case(lzma.compress(WHOLE, preset=6), limits={"xz_bytes": 1 << 20}),
    "more packages than a layer may have": lambda: tar(entry(DPKG, _STANZA % b"a" * 50), packages=10),
    "more evidence than a layer may have": lambda: tar(
        *(entry(b"x%d.egg-info" % number) for number in range(300)), evidence_bytes=200_000
    ),
    "nested jar bomb: depth": lambda: java(nested(3), "level3 level2 level1", archive_depth=2),
    "nested jar bomb: members": lambda: java(
        jar("outer", *(Member(b"%d.jar" % n, jar(f"in{n}")) for n in range(50))), "outer in0", archive_members=20
    ),
    "nested jar bomb: one member": lambda: java(
        jar("outer", Member(b"big.jar", jar("big", Member(b"x", random.Random(2).randbytes(1 << 20))))),
        "outer",
        archive_member_bytes=1 << 19,
    ),
    "nested jar bomb: bytes unpacked": lambda: java(
        jar("outer", *(Member(b"%d.jar" % n, jar(f"in{n}", Member(b"x", bytes(50_000)))) for n in range(30))),
        "outer in0",
        archive_unpacked_bytes=10_000,
    ),
    "jar over the size cap": lambda: java(jar("big", Member(b"x", b"1" * 9_000, STORED)), archive_bytes=5_000),
    "jar with a lying central directory: size": lambda: with_member(replace(BAD, size=100)),
    "jar with a lying central directory: offset": lambda: with_member(replace(BAD, offset=1 << 31)),
    "jar with a lying central directory: sum": lambda: with_member(replace(BAD, checksum=0)),
    "jar with a lying central directory: a gigabyte": lambda: with_member(replace(BAD, size=900_000_000)),
    "jar with a lying central directory: count": lambda: java(
        write_zip([Member(b"lib/good.jar", jar("good"))], entries=999)
    ),
    "jar with an encrypted member": lambda: with_member(replace(BAD, flags=1)),
    "jar without a directory": lambda: java(jar("bad")[:-30]),
    "absolute path": lambda: tar(entry(b"/srv/in/package.json", package_json("in")), also="in"),
    "`..` in a path": lambda: tar(entry(b"../../srv/x/../in/package.json", package_json("in")), also="in"),
    "NUL byte in a name": lambda: tar(pax(path=b"srv/a\0b/package.json"), entry(b"x", package_json("in")), also="in"),
    "name that is not UTF-8": lambda: tar(entry(b"srv/\xff\xfe/package.json", package_json("in")), also="in"),
    "duplicate members": lambda: tar(
        *(entry(b"srv/package.json", package_json(name)) for name in ("first", "second")), also="second"
    ),
    "pax long name": lambda: tar(pax(path=b"d" * 150 + b"/package.json"), entry(b"x", package_json("in")), also="in"),
    "GNU long name": lambda: tar(
        long_name(b"L", b"d" * 150 + b"/package.json"), entry(b"x", package_json("in")), also="in"
    ),
    "GNU long link": lambda: tar(long_name(b"K", b"t" * 150), header(b"l", flag=b"2")),
    "global pax header": lambda: tar(raw_pax({b"path": b"elsewhere"}, flag=b"g"), entry(b"x", b"1")),
    "base-256 size": lambda: tar(
        header(b"srv/package.json", size=b"\x80" + bytes(10) + bytes([len(package_json("in"))]))
        + padded(package_json("in")),
        also="in",
    ),
    "negative size": lambda: tar(header(b"a", size=b"\xff" * 12)),
    "sparse file": lambda: tar(gnu_sparse()),
    "sparse package database": lambda: tar(
        pax(GNU__sparse__major=b"1", GNU__sparse__name=DPKG, GNU__sparse__realsize=b"9"), entry(b"x", _STANZA % b"a")
    ),
    "hard link to itself": lambda: tar(header(DPKG, flag=b"1", target=DPKG)),
    "symlinks in a circle": lambda: tar(
        header(b"var/lib/rpm", flag=b"2", target=b"../db"), header(b"var/db", flag=b"2", target=b"lib/rpm")
    ),
    "device node": lambda: tar(header(b"dev/null", flag=b"3"), header(b"dev/sda", flag=b"4")),
    "FIFO": lambda: tar(header(b"run/pipe", flag=b"6")),
    "device in a package database's place": lambda: tar(header(DPKG, flag=b"3")),
    "entry of an unknown type": lambda: tar(entry(b"odd", b"1" * 700, flag=b"Z")),
    "uncompressed": lambda: Case(WHOLE),
    "gzip": lambda: Case(gzip.compress(WHOLE)),
    "gzip of several members": lambda: Case(gzip.compress(WHOLE[:700]) + gzip.compress(WHOLE[700:])),
    "zstd": lambda: Case(zstd(WHOLE)),
    "bzip2": lambda: Case(bz2.compress(WHOLE)),
    "xz": lambda: Case(lzma.compress(WHOLE)),
    "estargz": lambda: Case(estargz()),
    "zstd:chunked": lambda: Case(zstd_chunked()),
    "empty layer": lambda: Case(b""),
    "package database over the size cap": lambda: tar(entry(DPKG, _STANZA % b"a" * 100), text_bytes=1_000),
    "rpm database over the size cap": lambda: tar(
        entry(b"var/lib/rpm/Packages.db", ndb([package("x")])), database_bytes=4_000
    ),
    "JSON over the size cap": lambda: tar(entry(b"x/package.json", package_json("x") + b" " * 9_000), json_bytes=5_000),
    "program over the size cap": lambda: tar(entry(b"usr/bin/x", GO), binary_bytes=500),
    "os-release over the size cap": lambda: tar(entry(b"etc/os-release", b"ID=x\n" * 999), content_bytes=1_000),
    "broken package database": lambda: tar(entry(b"var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + b"\xff" * 900)),
}
"""By the first column of the table."""
