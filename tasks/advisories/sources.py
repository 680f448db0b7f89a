"""Where advisories are read from: directories and zip files of OSV records, in whatever nesting.

Source: osv.dev's data exports, `<Ecosystem>/all.zip` with one JSON file a record. An export of one ecosystem also holds records
that speak of others too, and is complete for its own alone: the directory's name goes along, so that the reader can tell.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catalog.errors import AdvisoryError

LARGEST_RECORD = 64 << 20
"""Bytes of one record; the largest real ones have a few."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One file that should be a record.

    Args:
        name: file, or archive and member, relative to what was imported.
        directory: name of the directory it lies in, which in OSV's layout is its ecosystem; may be empty.
        data: its bytes; empty where it is larger than `LARGEST_RECORD`.
        size: its size in bytes.
    """

    name: str
    directory: str
    data: bytes
    size: int


def read_records(path: Path) -> Iterator[RawRecord]:
    """All records below a path, in a stable order, one in memory at a time.

    Args:
        path: a JSON file, a zip file, or a directory that holds such, nested at will.

    Raises:
        AdvisoryError: there is nothing at the path, or a file or archive cannot be read; a record that is merely
            wrong is yielded, and judged by whoever parses it.
    """
    path = path.absolute()
    if path.is_dir():
        for directory, below, names in os.walk(path, onerror=_refuse):
            below.sort()
            for name in sorted(names):
                yield from _read_file(Path(directory, name), path)
    elif path.is_file():
        yield from _read_file(path, path.parent)
    else:
        raise AdvisoryError(
            "no such file or directory",
            where=str(path),
            advice="name a zip file or a directory of OSV records, as osv.dev exports them",
        )


def _refuse(error: OSError) -> None:
    raise AdvisoryError(f"cannot be read ({error.strerror})", where=str(error.filename)) from error


def _read_file(file: Path, root: Path) -> Iterator[RawRecord]:
    name = str(file.relative_to(root))
    try:
        if file.suffix == ".zip":
            yield from _read_zip(file, name)
        elif file.suffix == ".json":
            size = file.stat().st_size
            data = file.read_bytes() if size <= LARGEST_RECORD else b""
            yield RawRecord(name, file.parent.name, data, size)
    except OSError as error:
        raise AdvisoryError(f"cannot be read ({error.strerror})", where=str(file)) from error


def _read_zip(file: Path, name: str) -> Iterator[RawRecord]:
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".json"):
                    continue
                directory = PurePosixPath(member.filename).parent.name or file.parent.name
                # zipfile never yields more than the size that the directory declares.
                data = archive.read(member) if member.file_size <= LARGEST_RECORD else b""
                yield RawRecord(f"{name}:{member.filename}", directory, data, member.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError is what zipfile raises for encrypted members.
        raise AdvisoryError(f"is no readable zip file ({error})", where=str(file), advice="fetch it again") from error
