"""A small writer of ELF files: any class and byte order, sections by name, one segment for all of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

BASE = 0x400000
"""Where the file is loaded."""


@dataclass
class Program:
    """What the file says it is.

    Args:
        wide: 64 bit.
        big: most significant byte first.
        type: 2 executable, 3 shared.
        entry: the entry point.
        interpreter: has a segment that names one.
        sections: name → bytes, each aligned to 16.
        section_table: whether the sections can be found by name.
        writable: whether the one segment is.
    """

    wide: bool = True
    big: bool = False
    type: int = 2
    entry: int = BASE
    interpreter: bool = False
    sections: dict[bytes, bytes] = field(default_factory=dict)
    section_table: bool = True
    writable: bool = True

    def place(self, name: bytes) -> int:
        """The offset of a section's bytes."""
        at = 512
        for other, data in self.sections.items():
            if other == name:
                return at
            at += len(data) + 15 & -16
        raise KeyError(name)

    def pack(self) -> bytes:
        """The file."""
        order = ">" if self.big else "<"
        names = b"\0" + b"".join(name + b"\0" for name in self.sections) + b".shstrtab\0"
        body = b""
        rows = [(0, 0, 0, 0)]
        for name, data in self.sections.items():
            rows.append((names.index(b"\0" + name + b"\0") + 1, 1, 512 + len(body), len(data)))
            body += data + bytes(-len(data) % 16)
        rows.append((names.index(b"\0.shstrtab\0") + 1, 3, 512 + len(body), len(names)))
        body += names + bytes(-len(names) % 16)
        table_at = 512 + len(body)
        size = table_at + len(rows) * (64 if self.wide else 40)
        segments = [(3, 4, 0, 0)] if self.interpreter else []
        segments.append((1, 6 if self.writable else 5, 0, size))
        header = struct.pack(
            order + ("HHIQQQIHHHHHH" if self.wide else "HHIIIIIHHHHHH"),
            self.type, 62, 1, self.entry, 64 if self.wide else 52, table_at if self.section_table else 0, 0,
            64 if self.wide else 52, 56 if self.wide else 32, len(segments),
            64 if self.wide else 40, len(rows) if self.section_table else 0, len(rows) - 1 if self.section_table else 0,
        )  # fmt: skip
        head = b"\x7fELF" + bytes([2 if self.wide else 1, 2 if self.big else 1, 1]) + bytes(9) + header
        for kind, flags, offset, length in segments:
            if self.wide:
                head += struct.pack(order + "IIQQQQQQ", kind, flags, offset, BASE + offset, 0, length, length, 16)
            else:
                head += struct.pack(order + "8I", kind, offset, BASE + offset, 0, length, length, flags, 16)
        for name, kind, offset, length in rows:
            form = "IIQQQQIIQQ" if self.wide else "10I"
            body += struct.pack(order + form, name, kind, 0, BASE + offset, offset, length, 0, 0, 16, 0)
        return head.ljust(512, b"\0") + body
