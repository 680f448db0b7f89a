"""Programs under attack: Go's build information, Rust's audit section, and the products told by their version texts."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

from tasks.analyzers.binaries.products import PRODUCTS
from tasks.analyzers.go_binary import GoBinary
from tasks.analyzers.product_binary import ProductBinary
from tasks.analyzers.rust_binary import RustBinary
from tests.fuzz.target import Target
from tests.tasks.analyzers.binaries.elf_writer import Program
from tests.tasks.analyzers.binaries.go_writer import inline, modules, with_addresses
from tests.tasks.analyzers.hostile import survive

PRODUCT_FILES = tuple(
    f"usr/bin/{base}"
    for base in (
        *("bash", "busybox", "curl", "dart", "beam.smp", "gcc", "git", "go", "haproxy", "httpd", "lighttpd", "lua"),
        *("libjulia-internal.so", "mariadbd", "memcached", "mysqld", "nginx", "node", "sshd", "openssl", "perl", "php"),
        *("postgres", "python3.12", "redis-server", "ruby", "librustc_driver-0123456789abcdef.so", "sqlite3"),
        *("valkey-server", "libz.so.1"),
    )
)
"""A file that each product may be."""


def read_program(data: bytes) -> None:
    """Read a program as everything that programs are read as."""
    survive(GoBinary(), "usr/bin/tool", data)
    survive(RustBinary(), "usr/bin/tool", data)
    # All of them would be most of the time; a program that changes a little changes its length now and then.
    for path in PRODUCT_FILES[len(data) % 4 :: 4]:
        survive(ProductBinary(), path, data)


def elf_seeds() -> Iterator[bytes]:
    """Programs of each class, order and age, without a kilobyte more than they need."""
    lines = modules(
        "path\texample.com/a",
        "mod\texample.com/a\tv1.0.0\th1:x",
        "dep\tgolang.org/x/net\tv0.1.0\th1:y",
        "=>\t./b\tv2\t",
    )
    yield Program(sections={b".go.buildinfo": inline("go1.22.3", lines)}).pack()
    for wide in (True, False):
        for big in (True, False):
            yield with_addresses("go1.16", lines, Program(wide=wide, big=big)).pack()
    audit = {
        "packages": [
            {"name": "a", "version": "1.0.0", "source": "registry", "kind": "runtime"},
            {"name": "b", "version": "2"},
        ]
    }
    yield Program(sections={b".dep-v0": zlib.compress(json.dumps(audit).encode())}).pack()
    yield Program(
        sections={b".go.buildinfo": inline("go1.18", b""), b".note": b"x"}, section_table=False, interpreter=True
    ).pack()
    clues = [clue.anchor.replace(b"{}", b"3.12") + b"1.2.3\0" for product in PRODUCTS for clue in product.clues]
    yield Program(sections={b".rodata": b"\0".join(clues)[:4000]}).pack()


_WORDS = (
    b"\x7fELF",
    b".go.buildinfo\0",
    b".dep-v0\0",
    b"\xff Go buildinf:",
    b"go1.",
    b"\tdep\t",
    b"mod\t",
    b"=>\t",
    b"path\t",
    b"\nbuild\t",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\0\0\x40\0",
    *(clue.anchor for p in PRODUCTS for clue in p.clues),
)

ELF = Target("elf", read_program, elf_seeds, _WORDS)
