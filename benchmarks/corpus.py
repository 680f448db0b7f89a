"""Real layers, made from real packages: a Debian base, Python, node_modules, Java, Go, Ruby, nginx, Postgres.

They are written as image builders write them: one folder after the other, pax headers for long names, gzip at its usual level
(every fourth layer as zstd). A corpus is kept in a directory: only making it needs the network, and some minutes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import zstandard

from benchmarks.package_trees import Tree, package_trees

CORPUS_VERSION = 2
LAYER_TREE_BYTES = 96 << 20
"""Uncompressed bytes of one layer, about."""
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3
_PLENTY = 12
"""Uncompressed bytes for a compressed one that no tree of programs and libraries comes near."""


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


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer to be written.

    Args:
        kind: of layer.
        root: the folder that holds its files.
        paths: of them, relative, in the order of the archive.
    """

    kind: str
    root: Path
    paths: tuple[str, ...]


def make_corpus(directory: Path, size: int) -> list[CorpusLayer]:
    """Make the corpus, or find it made.

    Args:
        directory: where corpora are kept, each in a folder of its own.
        size: compressed bytes wanted; fewer clients of package managers on a machine give less.
    """
    directory = directory / f"{CORPUS_VERSION}-{size}"
    index = directory / "corpus.json"
    if index.exists():
        layers = [CorpusLayer(**entry) for entry in json.loads(index.read_text())]
        if all(Path(layer.path).is_file() and Path(layer.path).stat().st_size == layer.size for layer in layers):
            return layers
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as staging:
        layers = _written(directory, _interleaved(_kinds(Path(staging), size)), size)
    index.write_text(json.dumps([asdict(layer) for layer in layers]))
    return layers


def _kinds(staging: Path, size: int) -> list[list[LayerPlan]]:
    """The layers of each kind of tree; no more kinds are fetched than surely give a corpus of that many compressed bytes."""
    kinds: list[list[LayerPlan]] = []
    for tree in package_trees(staging):
        kinds.append(list(_plans(tree)))
        if sum(map(len, kinds)) * LAYER_TREE_BYTES >= _PLENTY * size:
            break
    return kinds


def _written(directory: Path, plans: list[LayerPlan], size: int) -> list[CorpusLayer]:
    layers: list[CorpusLayer] = []
    targets = [
        directory / f"{plan.kind}-{number}.{'zstd' if number % 4 == 3 else 'gzip'}" for number, plan in enumerate(plans)
    ]
    with ProcessPoolExecutor() as pool:
        for layer in pool.map(_write_layer, targets, plans, chunksize=1):
            print(f"layer {len(layers)}: {layer.kind}, {layer.size / 1e6:.1f} MB {layer.compression}", flush=True)
            layers.append(layer)
            if sum(made.size for made in layers) >= size:
                pool.shutdown(cancel_futures=True)
                break
    return layers


def _interleaved(kinds: list[list[LayerPlan]]) -> list[LayerPlan]:
    longest = max(map(len, kinds), default=0)
    return [plans[i] for i in range(longest) for plans in kinds if i < len(plans)]


def _plans(tree: Tree) -> Iterator[LayerPlan]:
    """The layers of a tree, which is cut where one would be larger than builders like them to be."""
    group, size = list(tree.first), 0
    for path in _files(tree.root):
        if path in tree.first:
            continue
        group.append(path)
        size += os.lstat(tree.root / path).st_size + 512
        if size >= LAYER_TREE_BYTES:
            yield LayerPlan(tree.kind, tree.root, tuple(group))
            group, size = [], 0
    if size > LAYER_TREE_BYTES // 16:
        yield LayerPlan(tree.kind, tree.root, tuple(group))


def _files(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        folders[:] = [name for name in folders if name != "__pycache__"]
        within = os.path.relpath(folder, root)
        if within != ".":
            yield within
        for name in sorted(files + [name for name in folders if Path(folder, name).is_symlink()]):
            yield os.path.normpath(f"{within}/{name}")


def _write_layer(target: Path, plan: LayerPlan) -> CorpusLayer:
    part = target.with_suffix(".part")
    compression = target.suffix[1:]
    with part.open("wb") as file:
        packed = _Packed(file, compression)
        with tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 18) as archive:  # type: ignore[call-overload]
            for path in plan.paths:
                _add(archive, plan.root / path, path)
        packed.finish()
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    part.rename(target)
    return CorpusLayer(plan.kind, str(target), f"sha256:{digest}", target.stat().st_size, compression)


def _add(archive: tarfile.TarFile, file: Path, name: str) -> None:
    information = archive.gettarinfo(file, arcname=name)
    information.mtime = int(information.mtime)
    if information.isreg():
        with file.open("rb") as content:
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
