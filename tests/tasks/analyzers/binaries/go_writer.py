"""Go's build information as the linkers of Go 1.13 to 1.17, and from 1.18 on, write it."""

from __future__ import annotations

import struct

from tests.tasks.analyzers.binaries.elf_writer import BASE, Program

MAGIC = b"\xff Go buildinf:"
START = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")
END = bytes.fromhex("f932433186182072008242104116d8f2")


def modules(*lines: str) -> bytes:
    """Module information with its marks."""
    return START + "".join(f"{line}\n" for line in lines).encode() + END if lines else b""


def varint(number: int) -> bytes:
    """A number as encoding/binary writes it."""
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def inline(version: str, info: bytes) -> bytes:
    """The section's bytes since Go 1.18."""
    text = version.encode()
    return MAGIC + b"\x08\x02" + bytes(16) + varint(len(text)) + text + varint(len(info)) + info


def with_addresses(version: str, info: bytes, program: Program) -> Program:
    """A program with the section as Go 1.13 to 1.17 wrote it, and its strings elsewhere."""
    size = 8 if program.wide else 4
    word = (">" if program.big else "<") + ("Q" if program.wide else "I")
    text = version.encode()
    header_bytes, strings = 32, 4 * size
    program.sections[b".go.buildinfo"] = bytes(header_bytes)
    program.sections[b".data"] = bytes(strings)
    program.sections[b".rodata"] = text + info
    data, rodata = BASE + program.place(b".data"), BASE + program.place(b".rodata")
    pointers = (rodata, len(text), rodata + len(text), len(info))
    program.sections[b".data"] = b"".join(struct.pack(word, number) for number in pointers)
    head = MAGIC + bytes([size, 1 if program.big else 0])
    head += struct.pack(word, data) + struct.pack(word, data + 2 * size if info else 0)
    program.sections[b".go.buildinfo"] = head.ljust(header_bytes, b"\0")
    return program
