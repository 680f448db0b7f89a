"""Real layers, made from what is installed on this machine: Debian packages, Python distributions, node_modules trees.

They are written as image builders write them: one folder after the other, pax headers for long names, gzip at its usual level
(every fourth layer as zstd). A corpus is kept in a directory, so that the next run need not make it again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import zstandard

CORPUS_VERSION = 1
LAYER_TREE_BYTES = 96 << 20
"""Uncompressed bytes of one layer, about."""
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3


@dataclass(frozen=True, slots=True)
class CorpusLayer:
    """One layer of the corpus.

    Args:
        kind: what it was made from.
        path: its file.
        digest: of the file.
        size: bytes of the file.
        compression: gzip or zstd.
    """

    kind: str
    path: str
    digest: str
    size: int
    compression: str


def make_corpus(directory: Path, size: int) -> list[CorpusLayer]:
    """Make the corpus, or find it made.

    Args:
        directory: where corpora are kept, each in a folder of its own.
        size: compressed bytes wanted; a machine with little installed gives less.
    """
    directory = directory / f"{CORPUS_VERSION}-{size}"
    index = directory / "corpus.json"
    if index.exists():
        layers = [CorpusLayer(**entry) for entry in json.loads(index.read_text())]
        if all(Path(layer.path).is_file() and Path(layer.path).stat().st_size == layer.size for layer in layers):
            return layers
    directory.mkdir(parents=True, exist_ok=True)
    layers = []
    with ProcessPoolExecutor() as pool:
        plans = _interleaved(
            [
                list(_groups("node", _node_files())),
                list(_groups("python", _python_files())),
                list(_groups("debian", _debian_files())),
            ]
        )
        for number, layer in enumerate(pool.map(_write_layer, *_arguments(directory, plans), chunksize=1)):
            print(f"layer {number}: {layer.kind}, {layer.size / 1e6:.1f} MB {layer.compression}", flush=True)
            layers.append(layer)
            if sum(made.size for made in layers) >= size:
                pool.shutdown(cancel_futures=True)
                break
    index.write_text(json.dumps([asdict(layer) for layer in layers]))
    return layers


def _arguments(directory: Path, plans: list[tuple[str, list[str]]]) -> tuple[list[Path], list[str], list[list[str]]]:
    numbered = list(enumerate(plans))
    targets = [directory / f"{kind}-{number}.{'zstd' if number % 4 == 3 else 'gzip'}" for number, (kind, _) in numbered]
    return targets, [kind for kind, _ in plans], [paths for _, paths in plans]


def _interleaved(kinds: list[list[tuple[str, list[str]]]]) -> list[tuple[str, list[str]]]:
    longest = max(len(plans) for plans in kinds)
    return [plans[i] for i in range(longest) for plans in kinds if i < len(plans)]


def _groups(kind: str, paths: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    group: list[str] = []
    size = 0
    for path in paths:
        group.append(path)
        size += os.lstat(path).st_size + 512
        if size >= LAYER_TREE_BYTES:
            yield kind, group
            group, size = [], 0
    if size > LAYER_TREE_BYTES // 16:
        yield kind, group


def _tree(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield folder
        for name in sorted(files):
            path = f"{folder}/{name}"
            if os.access(path, os.R_OK) and (Path(path).is_symlink() or Path(path).is_file()):
                yield path


def _node_files() -> Iterator[str]:
    for root in ("/usr/lib/node_modules", "/usr/local/lib/node_modules", "/usr/share/nodejs"):
        if Path(root).is_dir():
            yield from _tree(Path(root))


def _python_files() -> Iterator[str]:
    for root in dict.fromkeys(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))):
        if Path(root).is_dir():
            yield from _tree(Path(root))


def _debian_files() -> Iterator[str]:
    """Files of the installed Debian packages, package by package, and their status file first."""
    if Path("/var/lib/dpkg/status").exists():
        yield "/var/lib/dpkg/status"
    seen: set[str] = set()
    for listing in sorted(Path("/var/lib/dpkg/info").glob("*.list")):
        for path in listing.read_text(errors="surrogateescape").splitlines():
            if path not in seen and path != "/." and os.path.lexists(path) and os.access(path, os.R_OK):
                seen.add(path)
                yield path


def _write_layer(target: Path, kind: str, paths: list[str]) -> CorpusLayer:
    part = target.with_suffix(".part")
    compression = target.suffix[1:]
    with part.open("wb") as file:
        packed = _Packed(file, compression)
        with tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 18) as archive:  # type: ignore[call-overload]
            for path in paths:
                _add(archive, path)
        packed.finish()
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    part.rename(target)
    return CorpusLayer(kind, str(target), f"sha256:{digest}", target.stat().st_size, compression)


def _add(archive: tarfile.TarFile, path: str) -> None:
    information = archive.gettarinfo(path, arcname=path.lstrip("/"))
    information.mtime = int(information.mtime)
    if information.isreg():
        with Path(path).open("rb") as content:
            archive.addfile(information, content)
    else:
        archive.addfile(information)


class _Packed:
    """A file that compresses what is written to it."""

    def __init__(self, file: io.BufferedWriter, compression: str) -> None:
        self._file = file
        if compression == "gzip":
            self._packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        else:
            self._packer = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()  # type: ignore[assignment]

    def write(self, data: bytes) -> int:
        self._file.write(self._packer.compress(data))
        return len(data)

    def finish(self) -> None:
        self._file.write(self._packer.flush())
