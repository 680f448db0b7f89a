"""Go's build information in all its forms, synthesised."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.limits import Limits
from tasks.analyzers.binaries.elf import ElfFile
from tasks.analyzers.binaries.go_build_info import read_build_info
from tasks.analyzers.go_binary import GoBinary
from tests.tasks.analyzers.binaries.elf_writer import Program
from tests.tasks.analyzers.binaries.go_writer import MAGIC, inline, modules, with_addresses

KINDS = [(wide, big) for wide in (False, True) for big in (False, True)]
LINES = (
    "path\texample.com/harbour/Crane",
    "mod\texample.com/harbour/Crane\tv1.2.3\th1:x=",
    "dep\tgithub.com/BurntSushi/toml\tv1.6.0\th1:y=",
    "dep\tgolang.org/x/mod\tv0.1.0",
    "=>\tgolang.org/x/mod\tv0.42.0\th1:z=",
    "dep\texample.com/fork\tv0.9.0",
    "=>\t../fork\t(devel)\t",
    "build\t-compiler=gc",
)
PACKAGES = [
    ("", "stdlib", "1.22.3"),
    ("example.com/harbour", "Crane", "v1.2.3"),
    ("github.com/BurntSushi", "toml", "v1.6.0"),
    ("golang.org/x", "mod", "v0.42.0"),
    ("example.com", "fork", "(devel)"),
]


def found(data: bytes) -> list[tuple[str, str, str]]:
    findings = GoBinary().analyse("usr/bin/x", data)
    assert all(package.type == "golang" for package in findings.packages)
    return [(package.namespace, package.name, package.version) for package in findings.packages]


def built(*lines: str, toolchain: str = "go1.22.3") -> list[tuple[str, str, str]]:
    return found(Program(sections={b".go.buildinfo": inline(toolchain, modules(*lines))}).pack())


def main_version(*lines: str) -> str:
    (version,) = (
        version for _, name, version in built("mod\tgithub.com/acme/crane\t(devel)", *lines) if name == "crane"
    )
    return version


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_strings_behind_the_header_are_read(wide: bool, big: bool) -> None:
    sections = {b".text": b"x", b".go.buildinfo": inline("go1.22.3", modules(*LINES))}
    assert found(Program(wide=wide, big=big, sections=sections).pack()) == PACKAGES


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_strings_at_addresses_are_read(wide: bool, big: bool) -> None:
    program = with_addresses("go1.22.3", modules(*LINES), Program(wide=wide, big=big))
    assert found(program.pack()) == PACKAGES


@pytest.mark.parametrize(("wide", "big"), KINDS)
def test_a_program_built_without_modules_has_the_standard_library(wide: bool, big: bool) -> None:
    assert found(with_addresses("go1.13.4", b"", Program(wide=wide, big=big)).pack()) == [("", "stdlib", "1.13.4")]


def test_without_section_names_a_writable_segment_is_searched() -> None:
    sections = {b".text": b"x" * 8 + MAGIC, b".go.buildinfo": inline("go1.22.3", modules(*LINES))}
    assert found(Program(sections=sections, section_table=False).pack()) == PACKAGES
    assert found(Program(sections=sections, section_table=False, writable=False).pack()) == []


def test_a_false_header_before_the_true_one_is_passed_over() -> None:
    sections = {b".data": MAGIC + b"\7\0" + bytes(16), b".noptrdata": inline("go1.22.3", modules(*LINES))}
    assert found(Program(sections=sections, section_table=False).pack()) == PACKAGES


@pytest.mark.parametrize("section", [{}, {b".text": inline("go1.22.3", b"")}, {b".go.buildinfo": bytes(64)}])
def test_a_program_without_build_information_has_no_packages(section: dict[bytes, bytes]) -> None:
    assert found(Program(sections=dict(section)).pack()) == []


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\2\1" + bytes(20)])
def test_what_only_begins_like_a_program_has_no_packages(data: bytes) -> None:
    assert found(data) == []


@pytest.mark.parametrize(
    "header",
    [
        MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * 12,
        MAGIC + b"\x08\x02" + bytes(16) + b"\xff\xff\x7fgo1.22.3",
        MAGIC + b"\x05\x00" + bytes(16),
        MAGIC + b"\x08\x00" + b"\1" * 16,
    ],
)
def test_build_information_that_leads_nowhere_is_a_failure(header: bytes) -> None:
    with pytest.raises(ParseError):
        found(Program(sections={b".go.buildinfo": header.ljust(64, b"\0")}).pack())


@pytest.mark.parametrize(
    ("toolchain", "version"),
    [
        ("go1.20", "1.20"),
        ("go1.21rc2", "1.21rc2"),
        ("go1.22.1 X:boringcrypto", "1.22.1"),
        ("go1.22.1 (Red Hat 1.22.1-1.el9)", "1.22.1"),
        ("devel go1.23-3fdd1a1e5b Thu", "1.23-3fdd1a1e5b"),
        ("devel +a1b2c3", None),
        ("unknown", None),
    ],
)
def test_the_standard_library_has_the_toolchains_version(toolchain: str, version: str | None) -> None:
    assert built(toolchain=toolchain) == ([("", "stdlib", version)] if version else [])


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ((), "(devel)"),
        (('build\t-ldflags="-s -w -X main.version=1.4.0"',), "v1.4.0"),
        (("build\t-ldflags=-X=main.Version=v2.0.0-rc.1+b5",), "v2.0.0-rc.1+b5"),
        (("build\t-ldflags=-X 'github.com/acme/crane/internal/build.Version=3.1'",), "v3.1"),
        (("build\t-ldflags=-X github.com/acme/shared/version.gitVersion=1.9.9",), "v1.9.9"),
        (("build\t-ldflags=-X github.com/acme/shared.Version=1.1.1 -X main.version=2.2.2",), "v2.2.2"),
        (("build\t-ldflags=-X github.com/other/lib/version.Version=9.9.9",), "(devel)"),
        (("build\t-ldflags=-X main.goVersion=1.21.3 -X main.version=latest",), "(devel)"),
        (
            (
                "build\tvcs.revision=" + "0123456789abcdef0123456789abcdef01234567",
                "build\tvcs.time=2024-02-03T04:05:06Z",
            ),
            "v0.0.0-20240203040506-0123456789ab",
        ),
        (
            (
                "build\tvcs.revision=" + "0123456789abcdef0123456789abcdef01234567",
                "build\tvcs.time=2024-02-03T04:05:06Z",
                "build\tvcs.modified=true",
            ),
            "v0.0.0-20240203040506-0123456789ab+dirty",
        ),
        (("build\tvcs.revision=xyz", "build\tvcs.time=2024-02-03T04:05:06Z"), "(devel)"),
    ],
)
def test_a_main_module_under_development_has_the_version_that_its_builder_knew(
    lines: tuple[str, ...], version: str
) -> None:
    assert main_version(*lines) == version


def test_quoted_settings_are_unquoted() -> None:
    sections = {
        b".go.buildinfo": inline("go1.22.3", modules(r'build	-ldflags="-X \"a=b c\" \x41\u0042"', "build\t`k`=`v`"))
    }
    built = read_build_info(ElfFile(Program(sections=sections).pack()))
    assert built is not None
    assert built.settings == {"-ldflags": '-X "a=b c" AB', "k": "v"}


def test_a_program_cut_off_anywhere_is_read_or_fails_by_name() -> None:
    for program in (
        Program(sections={b".go.buildinfo": inline("go1.22.3", modules(*LINES))}),
        with_addresses("go1.22.3", modules(*LINES), Program(big=True)),
    ):
        data = program.pack()
        for end in range(len(data)):
            try:
                assert set(found(data[:end])) <= set(PACKAGES)
            except ParseError:
                continue


@given(st.booleans(), st.booleans(), st.lists(st.tuples(st.integers(0, 1400), st.integers(0, 255)), max_size=40))
def test_a_damaged_program_is_read_or_fails_by_name(wide: bool, table: bool, damage: list[tuple[int, int]]) -> None:
    program = with_addresses("go1.22.3", modules(*LINES), Program(wide=wide, section_table=table))
    data = bytearray(program.pack())
    for at, byte in damage:
        data[at % len(data)] = byte
    try:
        found(data)
    except ParseError:
        return


@given(st.binary(max_size=200))
def test_any_build_information_is_read_or_fails_by_name(data: bytes) -> None:
    for section in (MAGIC + data, inline("go1.22.3", data)):
        try:
            found(Program(sections={b".go.buildinfo": section}).pack())
        except ParseError:
            continue


def test_a_thousand_headers_that_lead_nowhere_cost_little() -> None:
    data = Program(sections={b".data": (MAGIC + b"\x08\x00" + b"\1" * 16) * 100_000}, section_table=False).pack()
    started = time.process_time()
    with pytest.raises(ParseError):
        found(data)
    assert time.process_time() - started < 2


def test_programs_are_wanted_and_libraries_only_where_go_made_them() -> None:
    analyser = GoBinary()
    note = b"\4\0\0\0\x50\0\0\0\4\0\0\0Go\0\0"
    assert analyser.looks_right("usr/bin/x", Program().pack())
    assert not analyser.looks_right("usr/lib/x.so", Program(type=3, entry=0).pack())
    assert analyser.looks_right("usr/lib/x.so", Program(type=3, entry=0, sections={b".note.go.buildid": note}).pack())
    assert not analyser.looks_right("usr/lib/x.so", Program(type=3, entry=0, sections={b".rodata": b"xGo\0\0"}).pack())
    assert analyser.size_cap(Limits(binary_bytes=7)) == 7
