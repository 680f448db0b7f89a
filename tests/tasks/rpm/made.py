"""Small writers of rpm's formats, from the same descriptions that the readers follow, and real databases made by rpm itself."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.rpm.header import Tag
from tests.servers.missing import missing

INT32, STRING, BINARY, STRINGS, LOCAL_STRING = 4, 6, 7, 8, 9
Value = str | bytes | int | Sequence[str] | Sequence[int]


def header(values: dict[Tag, Value]) -> bytes:
    """A header blob: texts, binaries, one or more numbers, lists of texts."""
    index, store = b"", b""
    for tag, value in values.items():
        kind, count, data = encode(value)
        if kind == INT32:
            store += bytes(-len(store) % 4)
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    return struct.pack(">II", len(values), len(store)) + index + store


def encode(value: Value) -> tuple[int, int, bytes]:
    if isinstance(value, str):
        return STRING, 1, value.encode() + b"\0"
    if isinstance(value, bytes):
        return BINARY, len(value), value
    if isinstance(value, int):
        return INT32, 1, struct.pack(">I", value)
    if value and isinstance(value[0], int):
        return INT32, len(value), struct.pack(f">{len(value)}I", *value)
    return STRINGS, len(value), b"".join(str(text).encode() + b"\0" for text in value)


def package(name: str, version: str = "1.0", release: str = "1", **more: Value) -> bytes:
    """The header of a package; further tags by their names."""
    values: dict[Tag, Value] = {Tag.NAME: name, Tag.VERSION: version, Tag.RELEASE: release, Tag.ARCH: "x86_64"}
    return header(values | {Tag[tag]: value for tag, value in more.items()})


def ndb(blobs: Iterable[bytes]) -> bytes:
    """An NDB database of one page of slots."""
    slots, body = b"", b""
    for number, blob in enumerate(blobs, start=1):
        head = struct.pack("<4sIII", b"BlbS", number, 1, len(blob))
        padding = bytes(-(16 + len(blob) + 12) % 16)
        content = head + blob + padding
        whole = content + struct.pack("<II4s", zlib.adler32(content), len(blob), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(body)) // 16, len(whole) // 16)
        body += whole
    first = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, 99, 0, 0, 0) + slots
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    return first + free * ((4096 - len(first)) // 16) + body


def berkeley(blobs: Iterable[bytes], *, order: str = "<", page_size: int = 512) -> bytes:
    """A Berkeley DB hash: values in overflow pages where they fit no page, pairs on as many hash pages as they need."""
    pages: list[bytes] = [b""]
    pairs: list[tuple[bytes, bytes]] = [(bytes(4), struct.pack(f"{order}I", 99))]
    room = page_size - 26
    for number, blob in enumerate(blobs, start=1):
        key = struct.pack(f"{order}I", number)
        if len(blob) <= page_size // 4:
            pairs.append((key, b"\1" + blob))
            continue
        pairs.append((key, b"\3\0\0\0" + struct.pack(f"{order}II", len(pages), len(blob))))
        for at in range(0, len(blob), room):
            part = blob[at : at + room]
            following = len(pages) + 1 if at + room < len(blob) else 0
            head = struct.pack(f"{order}QIIIHHBB", 0, len(pages), 0, following, 1, len(part), 0, 7)
            pages.append((head + part).ljust(page_size, b"\0"))
    for pair in pairs:
        pages.append(hash_page(order, page_size, len(pages), [pair]))
    metadata = struct.pack(
        f"{order}QIIIIBBBBIIIIIII", 0, 0, 0x061561, 9, page_size, 0, 8, 0, 0, 0, len(pages) - 1, 0, 0, 0, 0, 0
    )
    pages[0] = metadata.ljust(page_size, b"\0")
    return b"".join(pages)


def hash_page(order: str, page_size: int, number: int, pairs: list[tuple[bytes, bytes]]) -> bytes:
    index, content = b"", b""
    for key, value in pairs:
        for item in (b"\1" + key, value):
            content = item + content
            index += struct.pack(f"{order}H", page_size - len(content))
    head = struct.pack(f"{order}QIIIHHBB", 0, number, 0, 0, 2 * len(pairs), page_size - len(content), 0, 13)
    return (head + index).ljust(page_size - len(content), b"\0") + content


SPECIFICATION = """\
Name: made
Version: 1.0
Release: 1%{?dist}
Summary: Made for a test
License: MIT
Vendor: A vendor
BuildArch: noarch
%description
Made.
%files
%prep
%build
%install
"""


def real_database(folder: Path, packages: int = 250, files: int = 40, removed: int = 10) -> Path:
    """An SQLite database that rpm filled with packages it built itself; the folder holds it as `db/rpmdb.sqlite`."""
    if shutil.which("rpmbuild") is None:
        missing("rpmbuild", "apt-get install rpm")
    text = [SPECIFICATION]
    for number in range(packages):
        text.append(
            f"%package part{number}\nSummary: Part {number}\nVersion: {number}.2\nRelease: {number % 7}.el9\nLicense: GPL-{number % 3}"
        )
        if number % 3 == 0:
            text.append(f"Epoch: {number % 5}")
        if number % 4 == 0:
            text.append(f"ModularityLabel: stream{number}:{number % 9}:8030020200:abcdef")
        text.append(f"%description part{number}\nA part.\n%files part{number}")
        text.extend(
            f"%ghost /opt/part{number}/folder{file % 3}/file-with-a-rather-long-name-{file}"
            for file in range(number % files)
        )
    specification = folder / "made.spec"
    specification.write_text("\n".join(text) + "\n")
    database = folder / "db"
    run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}", "--define", "_build_id_links none",
        "--define", "_binary_payload w0.ufdio", str(specification))  # fmt: skip
    database.mkdir()
    files_made = sorted(map(str, (folder / "RPMS").rglob("*.rpm")))
    run("rpm", "--dbpath", str(database), "--define", "_db_backend sqlite", "--initdb")
    run("rpm", "--dbpath", str(database), "-i", "--justdb", "--nodeps", "--noscripts", *files_made)
    run("rpm", "--dbpath", str(database), "-e", "--justdb", "--nodeps", *(f"made-part{n * 11}" for n in range(removed)))
    return database / "rpmdb.sqlite"


def ask_rpm(database: Path, shape: str, *more: str) -> list[list[str]]:
    """What `rpm -qa` says of a database's folder, a line for each package or file."""
    out = run("rpm", "--dbpath", str(database), *more, "-qa", "--qf", shape)
    return [line.split("\t") for line in out.splitlines()]


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
