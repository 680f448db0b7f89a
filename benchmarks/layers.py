"""What layer analysis costs beyond what cannot be avoided: `python -m benchmarks.layers`.

The floor is sha256 of the blob plus the fastest decompression known (isal for gzip, zstandard for zstd), measured in the same
process and run, on the same bytes in memory. The last line is one JSON object:

    ratio                  CPU with entries, attributes and packages written to Parquet, over the floor
    ratio_without_writing  the same without writing
    worst_layer_ratio      the dearest single layer, without writing
    floor_cpu_s, cpu_s     CPU seconds of one pass over the corpus
    mb_per_cpu_s           compressed MB per CPU second, with writing
    bytes                  compressed bytes of the corpus
    rss_growth_bytes       peak resident memory over that of the freshly imported process, in a run of its own from files
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import platformdirs
import zstandard
from isal import isal_zlib

from benchmarks.corpus import CorpusLayer, make_corpus
from catalog.images import FileBlob
from catalog.limits import Limits
from catalog.settings import ArchiveLocation
from catalog.store import LocalStore
from tasks.analyzers import DEFAULT
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers, fingerprints
from tasks.layers.compression import READ_BYTES
from tasks.layers.layer import LayerRecords, analyse_stream
from tasks.layers.records import RecordWriter
from tasks.layers.window import WINDOW_BYTES
from tasks.transport import RegistryAccess

T = TypeVar("T")

BATCH_BYTES, BATCH_LAYERS = 256 << 20, 64
MONTH = "2026-01"
WORKERS_ALLOCATOR = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""As workers have it (see `cluster.connection`); Arrow looks at it once, when it is imported."""


class Unpacked(Protocol):
    """What both decoders are."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer's beginning."""


@dataclass(slots=True)
class Costs:
    """CPU seconds of one pass."""

    floor: float = 0.0
    reading: float = 0.0
    writing: float = 0.0
    worst: float = 0.0
    entries: int = 0
    packages: int = 0


def main() -> None:
    """Make the corpus, measure, print."""
    options = _options()
    if WORKERS_ALLOCATOR.items() - os.environ.items():
        os.execve(
            sys.executable, [sys.executable, "-m", "benchmarks.layers", *sys.argv[1:]], os.environ | WORKERS_ALLOCATOR
        )
    layers = make_corpus(options.corpus, options.megabytes * 1_000_000)
    if options.memory:
        print(json.dumps(measure_memory(layers)))
        return
    rounds = [measure(layers) for _ in range(options.rounds)]
    floor = min(costs.floor for costs in rounds)
    reading = min(costs.reading for costs in rounds)
    total = min(costs.reading + costs.writing for costs in rounds)
    size = sum(layer.size for layer in layers)
    for number, costs in enumerate(rounds):
        print(f"round {number}: {asdict(costs)}")
    result = {
        "ratio": round(total / floor, 3),
        "ratio_without_writing": round(reading / floor, 3),
        "worst_layer_ratio": round(min(costs.worst for costs in rounds), 3),
        "floor_cpu_s": round(floor, 3),
        "cpu_s": round(total, 3),
        "mb_per_cpu_s": round(size / total / 1e6, 1),
        "bytes": size,
        "layers": len(layers),
        "entries": rounds[0].entries,
        "packages": rounds[0].packages,
        "rss_growth_bytes": _memory_of_a_fresh_process(options),
    }
    print(json.dumps(result))


def measure(layers: list[CorpusLayer]) -> Costs:
    """One pass: each layer's floor, then its analysis, then (batch by batch) the writing of its records."""
    costs = Costs()
    with tempfile.TemporaryDirectory(prefix="longshore-benchmark-") as home:
        store = LocalStore(Path(home))
        for batch in _batches(layers):
            writer = RecordWriter(store, MONTH, store.scratch)
            with writer:
                for layer in batch:
                    _measure_layer(layer, writer, store, costs)
                costs.writing += _timed(writer.close)[0]
    return costs


def _measure_layer(layer: CorpusLayer, writer: RecordWriter, store: LocalStore, costs: Costs) -> None:
    data = Path(layer.path).read_bytes()
    floor, _ = _timed(lambda: _floor(data, layer.compression))
    reading, records = _timed(lambda: _analyse(data, layer, store))
    with closing(records):
        writing, _ = _timed(lambda: writer.append(records, fingerprints()))
        costs.entries += records.entries.rows
        costs.packages += records.evidence.packages.num_rows
    costs.floor += floor
    costs.reading += reading
    costs.writing += writing
    costs.worst = max(costs.worst, reading / floor)


def _analyse(data: bytes, layer: CorpusLayer, store: LocalStore) -> LayerRecords:
    return analyse_stream(
        io.BytesIO(data), layer.digest, layer.size, selection=DEFAULT, limits=Limits(), scratch=store.scratch
    )


def _floor(data: bytes, compression: str) -> None:
    hashlib.sha256(data).hexdigest()
    source = io.BytesIO(data)
    buffer = memoryview(bytearray(WINDOW_BYTES))
    if compression == "gzip":
        unpacked: Unpacked = isal_zlib._GzipReader(source, READ_BYTES)
    else:
        unpacked = zstandard.ZstdDecompressor().stream_reader(source, read_size=READ_BYTES)
    while unpacked.readinto(buffer):
        pass


def measure_memory(layers: list[CorpusLayer]) -> int:
    """Bytes by which the process grows over the whole corpus, read from files as a worker reads them."""
    before = _memory("VmRSS")
    with tempfile.TemporaryDirectory(prefix="longshore-benchmark-") as home:
        for batch in _batches(layers):
            tasks = tuple(LayerTask(item.digest, item.size, FileBlob(item.path, 0, item.size)) for item in batch)
            analyse_layers(LayerBatch(tasks, MONTH, Limits(), RegistryAccess()), ArchiveLocation(home))
    return _memory("VmHWM") - before


def _memory_of_a_fresh_process(options: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "benchmarks.layers", "--memory", "--megabytes", str(options.megabytes)]
    done = subprocess.run([*command, "--corpus", str(options.corpus)], check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])


def _memory(field: str) -> int:
    """A figure of proc_pid_status(5) in bytes; getrusage(2) would give the parent's peak where that is higher."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024


def _batches(layers: list[CorpusLayer]) -> Iterator[list[CorpusLayer]]:
    batch: list[CorpusLayer] = []
    for layer in layers:
        batch.append(layer)
        if len(batch) == BATCH_LAYERS or sum(item.size for item in batch) >= BATCH_BYTES:
            yield sorted(batch, key=lambda item: item.digest)
            batch = []
    if batch:
        yield sorted(batch, key=lambda item: item.digest)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers", description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=320, help="compressed megabytes of the corpus (320)")
    parser.add_argument("--rounds", type=int, default=3, help="passes, of which the best counts (3)")
    parser.add_argument("--memory", action="store_true", help="measure only memory, and print only that")
    default = platformdirs.user_cache_path("longshore") / "benchmark-layers"
    parser.add_argument("--corpus", type=Path, default=default, help=f"where the layers are kept ({default})")
    return parser.parse_args()


if __name__ == "__main__":
    main()
