"""A document's packages as a canonical tar stream: the one synthetic layer of a `sbom:` source.

First, as in a tree's stream, a pax global header that lists what could not be read; then an os-release where the platform is
known, and a file for each type of package, a line a package, sorted. Two documents that list the same packages for the same
platform give the same bytes, whatever their format and order.
"""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from catalog.distributions import Distribution, parse_os_release, plain_text
from catalog.errors import LimitExceeded, ParseError, SourceChanged
from catalog.problems import Problem
from tasks.analyzers.sbom import FOLDER, SUFFIX
from tasks.sbom.inventory import Inventory
from tasks.sbom.packages import package_line
from tasks.sbom.reading import read_inventory

_OS_RELEASE = "etc/os-release"


@dataclass(frozen=True, slots=True)
class DocumentEvidence:
    """The synthetic layer of a document.

    Args:
        data: the stream.
        digest: `sha256:<hex>` of it.
        problems: what of the document could not be read.
    """

    data: bytes = field(repr=False)
    digest: str
    problems: tuple[Problem, ...]


def document_evidence(path: Path) -> DocumentEvidence:
    """Read a document and make its layer.

    Args:
        path: of the document.

    Raises:
        SourceError, LimitExceeded, ParseError: see `reading.read_inventory`.
    """
    return make_evidence(read_inventory(path))


def make_evidence(inventory: Inventory) -> DocumentEvidence:
    """The layer of some packages.

    Args:
        inventory: of a document.
    """
    files: dict[str, bytes] = {}
    if data := os_release(inventory.distribution):
        files[_OS_RELEASE] = data
    lines: dict[str, list[bytes]] = {}
    for package in inventory.packages:
        lines.setdefault(package.type, []).append(package_line(package) + b"\n")
    files |= {f"{FOLDER}/{kind}{SUFFIX}": b"".join(sorted(found)) for kind, found in lines.items()}
    data = _archive(files, inventory.problems)
    return DocumentEvidence(data, f"sha256:{hashlib.sha256(data).hexdigest()}", inventory.problems)


def os_release(distribution: Distribution) -> bytes:
    """An os-release file that names a distribution; empty where none can."""
    fields = {"ID": distribution.id, "VERSION_ID": distribution.version, "PRETTY_NAME": distribution.name}
    plain = {key: plain_text(value) for key, value in fields.items()}
    data = "".join(f"{key}={shlex.quote(value)}\n" for key, value in plain.items() if value).encode()
    return data if distribution.id and parse_os_release(data).id == distribution.id else b""


class DocumentStream:
    """A document's layer as a blob stream (see `tasks.blobs.BlobStream`).

    Args:
        path: of the document.
        digest: what the layer had when the document was listed.

    Raises:
        SourceError: the document cannot be read any more.
        SourceChanged: it is not what it was.
    """

    def __init__(self, path: Path, digest: str) -> None:
        try:
            evidence = document_evidence(path)
        except (LimitExceeded, ParseError) as error:
            raise SourceChanged(f"was read when it was listed, and now {error.what}", where=str(path)) from error
        if evidence.digest != digest:
            raise SourceChanged("has changed since it was listed", where=str(path), advice="scan it again")
        self._stream = io.BytesIO(evidence.data)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end."""
        return self._stream.read(size)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end."""
        return self._stream.readinto(buffer)

    def close(self) -> None:
        """Let go of the bytes."""
        self._stream.close()

    def __enter__(self) -> DocumentStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _archive(files: dict[str, bytes], problems: tuple[Problem, ...]) -> bytes:
    buffer = io.BytesIO()
    if problems:
        unread = "\n".join(f"{problem.reason} {problem.detail}" for problem in problems)
        buffer.write(tarfile.TarInfo.create_pax_global_header({"comment": unread}))
    for path, data in sorted(files.items()):
        info = tarfile.TarInfo(path)
        info.size, info.mode = len(data), 0o644
        buffer.write(info.tobuf(tarfile.GNU_FORMAT))
        buffer.write(data)
        buffer.write(bytes(-len(data) % tarfile.BLOCKSIZE))
    buffer.write(bytes(2 * tarfile.BLOCKSIZE))
    return buffer.getvalue()
