"""Products by the version text in their programs: each row against a text as its product writes it, and what is none."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.analyzers.binaries.products import PRODUCTS
from tasks.analyzers.product_binary import ProductBinary

EVIDENCE = {
    # product: (file, bytes in it, version)
    "bash": ("usr/bin/bash", b"\0@(#)Bash version 5.2.15(1) release GNU\0", "5.2.15"),
    "busybox": ("bin/[", b"\0BusyBox v1.36.1 (2023-05-18 22:34:17 UTC)\0", "1.36.1"),
    "curl": ("usr/lib/libcurl.so.4.8.0", b"\0libcurl/8.4.0\0", "8.4.0"),
    "dart": ("usr/lib/dart/bin/dart", b'\x003.2.3 (stable) (Tue Dec 5 17:58:33 2023 +0000) on "linux_x64"\0', "3.2.3"),
    "erlang": ("usr/local/lib/erlang/erts-14.1.1/bin/beam.smp", b"\0/usr/src/otp_src_26.1.2/erts/\0", "26.1.2"),
    "gcc": ("usr/bin/x86_64-linux-gnu-gcc-12", b"\x0012.2.0\0(GCC) \0gcc version %s %s\n\0", "12.2.0"),
    "git": ("usr/bin/git", b"\xfe\xffgit/2.43.0\0GIT_USER_AGENT\0", "2.43.0"),
    "go": (
        "usr/local/go/bin/go",
        b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.22.3\xd6\x01" + b"m" * 16 + b"path\tcmd/go\n",
        "1.22.3",
    ),
    "haproxy": ("usr/local/sbin/haproxy", b"HAProxy version 2.9.1-f72603ceb, released 2023/12/15\0", "2.9.1"),
    "httpd": ("usr/local/apache2/bin/httpd", b"\0Apache/2.4.58 (Unix)\0", "2.4.58"),
    "julia": ("usr/local/julia/lib/julia/libjulia-internal.so.1.9", b"__init__\x001.9.4\0verify\0", "1.9.4"),
    "lighttpd": ("usr/sbin/lighttpd", b"\0lighttpd/1.4.69\0", "1.4.69"),
    "lua": ("usr/bin/lua5.1", b"$Lua: Lua 5.1.5 Copyright (C) 1994-2012 Lua.org, PUC-Rio $", "5.1.5"),
    "mariadb": ("usr/sbin/mariadbd", b"\0precise-10.1.1-MariaDB-log\x0010.11.19-MariaDB\0", "10.11.19"),
    "memcached": ("usr/local/bin/memcached", b"\0memcached 1.6.22\0", "1.6.22"),
    "mysql": ("usr/sbin/mysqld", b"/build/sb_0-123/mysql-8.0.35/sql/auth\0", "8.0.35"),
    "nginx": ("usr/sbin/nginx", b"\0nginx version: nginx/1.25.3\0", "1.25.3"),
    "node": ("usr/local/bin/node", b"\0node.js/v20.10.0\0", "20.10.0"),
    "openssh": ("usr/sbin/sshd", b"\0OpenSSH_2.*,OpenSSH_3.0*\0OpenSSH_9.2p1 Debian-2\0", "9.2p1"),
    "openssl": ("usr/lib/libcrypto.so.1.1", b"\0OpenSSL 1.1.1w  11 Sep 2023\0", "1.1.1w"),
    "perl": ("usr/local/bin/perl5.38.2", b"ED\0v5.38.2\0panic\0", "5.38.2"),
    "php": ("usr/local/bin/php", b"%s\0X-Powered-By: PHP/8.3.0RC1\0", "8.3.0RC1"),
    "postgresql": ("usr/lib/postgresql/16/bin/postgres", b"\0postgres (PostgreSQL) 16.1 (Debian 16.1-1)\n\0", "16.1"),
    "python": ("usr/local/lib/libpython3.12.so.1.0", b"\x003.40.1\x003.12.1\0", "3.12.1"),
    "redis": ("usr/local/bin/redis-server", b"\x007.2.4c7a9b8d0e1f2-1704067200000000000\0", "7.2.4"),
    "ruby": (
        "usr/local/lib/libruby.so.3.2",
        b"\0ruby 3.2.2 (2023-03-30 revision e51014f9c0) [x86_64-linux]\0",
        "3.2.2",
    ),
    "rust": (
        "opt/lib/librustc_driver-4c3beb7552356b6f.so",
        b"rlink: rustc version , rustc version 1.74.0 (79e9716c9",
        "1.74.0",
    ),
    "sqlite": ("usr/lib/libsqlite3.so.0.8.6", b"\0\0\x003.44.2\0", "3.44.2"),
    "valkey": ("usr/local/bin/valkey-server", b"\x007.2.10buildkitsandbox-1704067200000000000\0", "7.2.10"),
    "zlib": ("usr/lib/libz.so.1.3", b"- deflate 1.3 Copyright 1995-2023 Jean-loup Gailly \0", "1.3"),
}


def found(path: str, data: bytes) -> list[tuple[str, str, str]]:
    packages = ProductBinary().analyse(path, data).packages
    return [(package.type, package.name, package.version) for package in packages]


@pytest.mark.parametrize("product", [product.name for product in PRODUCTS])
def test_a_product_is_known_by_its_text(product: str) -> None:
    path, data, version = EVIDENCE[product]
    assert ProductBinary().confirm(path)
    assert found(path, bytes(1000) + data + bytes(1000)) == [("generic", product, version)]


@pytest.mark.parametrize("product", [product.name for product in PRODUCTS])
def test_a_products_text_in_a_file_of_another_name_is_none(product: str) -> None:
    _, data, _ = EVIDENCE[product]
    assert not ProductBinary().confirm("usr/bin/other")
    assert found("usr/bin/other", data) == []


def test_products_are_rows_in_order_with_a_clue_each() -> None:
    names = [product.name for product in PRODUCTS]
    assert names == sorted(set(names))
    assert len(names) >= 25
    assert all(product.clues and all(len(clue.anchor) >= 3 for clue in product.clues) for product in PRODUCTS)


def test_patterns_are_bounded_and_have_a_version() -> None:
    for product in PRODUCTS:
        for clue in product.clues:
            assert clue.pattern.groups == 1
            # A repetition without an upper end would make the search more than linear.
            assert not re.search(
                rb"(?<!\\)[*+](?!\?)", re.sub(rb"\\[+*]|\[\^?[^]]*\]| \+", b"", clue.pattern.pattern)
            ), product.name


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("usr/bin/[", b"\0coreutils 9.1\0"),
        ("usr/bin/python3", b"\x003.11.2\0"),
        ("usr/bin/python3.11", b"\x003.12.2\0\x003.40.1\0"),
        ("usr/bin/nginx", b"nginx version: \0"),
        (
            "usr/bin/go",
            b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.22.3\x20" + b"m" * 16 + b"path\texample.com/go\n",
        ),
        ("usr/sbin/mysqld", b"for example 10.1.1-MariaDB-mariadb1precise-log.\0"),
        ("usr/bin/bash", b""),
    ],
)
def test_a_file_of_a_products_name_without_its_text_is_none(path: str, data: bytes) -> None:
    assert found(path, data) == []


@pytest.mark.parametrize(
    "path",
    [
        "usr/bin/x86_64-linux-gnu-gcc-ar-12",
        "usr/bin/git-shell",
        "usr/bin/perldoc",
        "usr/bin/sshpass",
        "usr/bin/nodejs-doc",
        "curl/x",
        "",
    ],
)
def test_other_names_are_not_wanted(path: str) -> None:
    assert not ProductBinary().confirm(path)


def test_a_version_of_ten_or_more_in_redis_is_not_cut() -> None:
    assert found("redis-server", b"A7.0.151790282056000000000\0") == [("generic", "redis", "7.0.15")]
    assert found("redis-server", b"A7.0.111790282056000000000\0") == [("generic", "redis", "7.0.11")]
    assert found("redis-server", b"A7.0.11790282056000000000\0") == [("generic", "redis", "7.0.1")]


@given(st.sampled_from(sorted(EVIDENCE)), st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_any_bytes_are_searched(product: str, rest: bytes, at: int, byte: int) -> None:
    path, data, _ = EVIDENCE[product]
    damaged = bytearray(rest + data + rest)
    damaged[at % len(damaged)] = byte
    for _, _, version in found(path, bytes(damaged)):
        assert re.fullmatch(r"[0-9][0-9A-Za-z.-]*", version)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_file_of_nothing_but_anchors_costs_little(product) -> None:
    path, _, _ = EVIDENCE[product.name]
    anchors = b"".join(clue.anchor.replace(b"{}", b"3.12") for clue in product.clues)
    started = time.process_time()
    found(path, anchors * (4_000_000 // len(anchors)))
    assert time.process_time() - started < 2
