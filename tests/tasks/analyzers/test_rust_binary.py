"""Rust's list of crates in a program, synthesised."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.analyzers.rust_binary import MOST_BYTES, RustBinary
from tests.tasks.analyzers.binaries.elf_writer import Program

CRATES = {
    "packages": [
        {"name": "harbour", "version": "0.1.0", "source": "local", "root": True, "dependencies": [1]},
        {"name": "memchr", "version": "2.7.1", "source": "registry"},
        {"name": "cc", "version": "1.0.0", "source": "registry", "kind": "build"},
        {"name": "memchr", "version": "1.0.2", "source": "git", "kind": "runtime"},
    ]
}


def program(section: bytes, *, wide: bool = True, big: bool = False) -> bytes:
    return Program(wide=wide, big=big, sections={b".text": b"x", b".dep-v0": section}).pack()


def found(data: bytes) -> list[tuple[str, str, str]]:
    packages = RustBinary().analyse("usr/bin/x", data).packages
    return [(package.type, package.name, package.version) for package in packages]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("big", [False, True])
def test_crates_that_run_are_found_and_those_that_only_build_are_not(wide: bool, big: bool) -> None:
    section = zlib.compress(json.dumps(CRATES).encode())
    assert found(program(section, wide=wide, big=big)) == [
        ("cargo", "harbour", "0.1.0"), ("cargo", "memchr", "2.7.1"), ("cargo", "memchr", "1.0.2"),
    ]  # fmt: skip


def test_bytes_behind_the_list_do_not_matter() -> None:
    assert len(found(program(zlib.compress(json.dumps(CRATES).encode()) + bytes(40)))) == 3


@pytest.mark.parametrize("data", [b"", b"\x7fELF", Program(sections={b".text": b"x"}).pack()])
def test_other_files_have_no_crates(data: bytes) -> None:
    assert found(data) == []


def test_a_crate_without_a_version_is_remarked_and_costs_its_neighbours_nothing() -> None:
    rows = [{"name": "a"}, 5, {"name": "b", "version": "1"}]
    findings = RustBinary().analyse("x", program(zlib.compress(json.dumps({"packages": rows}).encode())))
    assert [package.name for package in findings.packages] == ["b"]
    assert [(remark.detail, remark.partial) for remark in findings.remarks] == [
        ("2 crates without a name or version", True)
    ]


@pytest.mark.parametrize(
    "section",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"[]"),
        zlib.compress(b'{"packages": {}}'),
        zlib.compress(b"[" * 200_000),
        zlib.compress(json.dumps(CRATES).encode())[:-8],
        zlib.compress(bytes(MOST_BYTES + 1)),
    ],
)
def test_a_broken_list_is_a_failure(section: bytes) -> None:
    with pytest.raises(ParseError):
        found(program(section))


@given(st.binary(max_size=300), st.booleans())
def test_any_section_is_read_or_fails_by_name(data: bytes, packed: bool) -> None:
    try:
        found(program(zlib.compress(data) if packed else data))
    except ParseError:
        return
