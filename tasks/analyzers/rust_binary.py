"""Rust programs built with dependency information: the section `.dep-v0`.

The section is a zlib stream of one JSON document: `packages`, each with name, version, `source`, `kind` (absent: it is part of
the running program; `build`: it only took part in making it) and `root` for the program itself.
Format: cargo-auditable's page PARSING.md and its JSON schema, version 0.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from catalog.errors import ParseError
from catalog.limits import MIB, Limits
from catalog.packages import PackageFacts
from tasks.analyzers.binaries.elf import MAGIC, ElfFile, is_program
from tasks.analyzers.documents import load_json, mapping
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted, at_most

SECTION = b".dep-v0"
MOST_BYTES = 4 * MIB
"""Uncompressed bytes of the document; that of a large program has some hundred KiB."""


class RustBinary(Analyser):
    """Crates that are linked into a program."""

    name = "rust-binary"
    version = 1
    wanted = Wanted(magics=(MAGIC,))

    def confirm(self, path: str) -> bool:  # noqa: ARG002
        """Any place."""
        return True

    def looks_right(self, path: str, head: Data) -> bool:
        """Programs; no shared libraries."""
        return is_program(path, head)

    def size_cap(self, limits: Limits) -> int:
        """A program."""
        return limits.binary_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read the section, where there is one.

        Raises:
            ParseError: it cannot be read.
        """
        try:
            elf = ElfFile(data)
        except ParseError:
            return Findings()  # a file that only begins like a program
        place = elf.section(SECTION)
        if place is None:
            return Findings()
        findings = Findings()
        broken = 0
        for row in at_most(_rows(data[place[0] : min(place[1], place[0] + MOST_BYTES)]), findings):
            package = _package(row)
            if package is None:
                broken += 1
            elif row.get("kind") != "build":
                findings.packages.append(package)
        if broken:
            findings.remarks.append(Remark("parse-error", f"{broken} crates without a name or version"))
        return findings


def _rows(packed: Data) -> Iterator[dict[str, object]]:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MOST_BYTES)
        if not unpacker.eof:
            raise ParseError("the list of crates is cut off, or too long")
    except zlib.error as error:
        raise ParseError("the list of crates is no zlib stream") from error
    document = load_json(text, "the list of crates")
    rows = document.get("packages") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise ParseError("the list of crates holds no packages")
    return map(mapping, rows)


def _package(row: dict[str, object]) -> PackageFacts | None:
    name, version = row.get("name"), row.get("version")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        return None
    return PackageFacts(type="cargo", name=name, version=version)
