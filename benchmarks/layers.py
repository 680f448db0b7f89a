"""What layer analysis costs beyond what cannot be avoided: `python -m benchmarks.layers`.

The floor is sha256 of the blob plus the fastest decompression known (isal for gzip, zstandard for zstd), measured in the same
process and run, on the same bytes in memory. Each layer has a line, and the last line is one JSON object:

    ratio                  CPU with entries, attributes and packages written to Parquet, over the floor
    ratio_without_writing  the same without writing
    worst_layer_ratio      the dearest single layer, without writing
    two_threads            how many times as fast two threads of one process read two halves of the corpus, as one reads them
    floor_cpu_s, cpu_s     CPU seconds of one pass over the corpus
    mb_per_cpu_s           compressed MB per CPU second, with writing
    bytes                  compressed bytes of the corpus
    rss_growth_bytes       peak resident memory over that of the freshly imported process, in a run of its own from files
    largest_member_bytes   the largest file that an analyser was given
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
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
from tasks.analyzers.interface import Analyser, Data
from tasks.layers import layer as layer_module
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers, fingerprints
from tasks.layers.compression import READ_BYTES
from tasks.layers.evidence import EvidenceBook
from tasks.layers.layer import LayerRecords, analyse_stream
from tasks.layers.records import RecordWriter
from tasks.layers.window import WINDOW_BYTES
from tasks.transport import RegistryAccess

T = TypeVar("T")

BATCH_BYTES, BATCH_LAYERS = 256 << 20, 64
MONTH = "2026-01"
WORKERS_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 20),
    "OMP_NUM_THREADS": "1",
}
"""As workers have it (`cluster.connection`; the last is Ray's own), and as libraries look at it when they are loaded."""


class Unpacked(Protocol):
    """What both decoders are."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer's beginning."""


@dataclass(slots=True)
class Costs:
    """CPU seconds of one layer, the best of all rounds, and what was found in it."""

    floor: float = math.inf
    reading: float = math.inf
    writing: float = math.inf
    entries: int = 0
    packages: int = 0
    composition_hash: bytes = b""


def main() -> None:
    """Make the corpus, measure, print."""
    options = _options()
    if WORKERS_ENVIRONMENT.items() - os.environ.items():
        os.execve(
            sys.executable, [sys.executable, "-m", "benchmarks.layers", *sys.argv[1:]], os.environ | WORKERS_ENVIRONMENT
        )
    layers = make_corpus(options.corpus, options.megabytes * 1_000_000)
    if options.memory:
        print(json.dumps(measure_memory(layers)))
        return
    costs = [Costs() for _ in layers]
    for number in range(options.rounds):
        measure(layers, costs)
        print(f"round {number} of {options.rounds} is done", flush=True)
    for layer, cost in zip(layers, costs, strict=True):
        print(_line(layer, cost))
    floor, reading, writing = (sum(getattr(cost, name) for cost in costs) for name in ("floor", "reading", "writing"))
    size = sum(layer.size for layer in layers)
    result = {
        "ratio": round((reading + writing) / floor, 3),
        "ratio_without_writing": round(reading / floor, 3),
        "worst_layer_ratio": round(max(cost.reading / cost.floor for cost in costs), 3),
        "two_threads": round(measure_threads(layers), 2),
        "floor_cpu_s": round(floor, 3),
        "cpu_s": round(reading + writing, 3),
        "mb_per_cpu_s": round(size / (reading + writing) / 1e6, 1),
        "bytes": size,
        "layers": len(layers),
        "entries": sum(cost.entries for cost in costs),
        "packages": sum(cost.packages for cost in costs),
        "composition": hashlib.sha256(b"".join(cost.composition_hash for cost in costs)).hexdigest(),
        **_memory_of_a_fresh_process(options),
    }
    print(json.dumps(result))


def _line(layer: CorpusLayer, cost: Costs) -> str:
    return (
        f"{Path(layer.path).name:20} {layer.size / 1e6:7.1f} MB {cost.entries:7} entries {cost.packages:6} packages "
        f"{cost.reading / cost.floor:6.3f}"
    )


def measure(layers: list[CorpusLayer], costs: list[Costs]) -> None:
    """One pass: each layer's floor, then its analysis, then (batch by batch) the writing of its records.

    Args:
        layers: of the corpus.
        costs: of each of them, which become what this pass took where it took less.
    """
    of = {layer.digest: cost for layer, cost in zip(layers, costs, strict=True)}
    with tempfile.TemporaryDirectory(prefix="longshore-benchmark-") as home:
        store = LocalStore(Path(home))
        for batch in _batches(layers):
            writer = RecordWriter(store, MONTH, store.scratch)
            written = {}
            with writer:
                for layer in batch:
                    written[layer.digest] = _measure_layer(layer, writer, store, of[layer.digest])
                closing_time = _timed(writer.close)[0]
            for layer in batch:
                # What a batch's last rows cost is shared by its layers.
                cost, total = of[layer.digest], written[layer.digest] + closing_time / len(batch)
                cost.writing = min(cost.writing, total)


def _measure_layer(layer: CorpusLayer, writer: RecordWriter, store: LocalStore, cost: Costs) -> float:
    data = Path(layer.path).read_bytes()
    cost.floor = min(cost.floor, _timed(lambda: _floor(data, layer.compression))[0])
    reading, records = _timed(lambda: _analyse(data, layer, store))
    cost.reading = min(cost.reading, reading)
    with closing(records):
        writing, _ = _timed(lambda: writer.append(records, fingerprints()))
        cost.entries, cost.packages = records.entries.rows, records.evidence.packages.num_rows
        cost.composition_hash = records.composition_hash
    return writing


def measure_threads(layers: list[CorpusLayer], rounds: int = 5) -> float:
    """How many times as fast two threads are as one, in time on the wall: the best of some pairs, the machine may have other work.

    Args:
        layers: of the corpus; enough of them for a second or so are taken.
        rounds: pairs.
    """
    chosen = [layer for batch in _batches(layers) for layer in batch][:8]
    contents = [Path(layer.path).read_bytes() for layer in chosen]
    with tempfile.TemporaryDirectory(prefix="longshore-benchmark-") as home:
        store = LocalStore(Path(home))

        def read(numbers: range) -> None:
            for number in numbers:
                _analyse(contents[number], chosen[number], store).close()

        def wall(threads: int) -> float:
            started = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(read, [range(start, len(chosen), threads) for start in range(threads)]))
            return time.perf_counter() - started

        one, two = zip(*[(wall(1), wall(2)) for _ in range(rounds)], strict=True)
    return float(min(one) / min(two))


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


class _WatchedBook(EvidenceBook):
    """Evidence that remembers the largest file it was shown."""

    largest = 0

    def record(self, path: str, analyser: Analyser, data: Data, *, by_content: bool = False) -> None:
        _WatchedBook.largest = max(_WatchedBook.largest, len(data))
        super().record(path, analyser, data, by_content=by_content)


def measure_memory(layers: list[CorpusLayer]) -> dict[str, int]:
    """Bytes by which the process grows over the whole corpus, read from files as a worker reads them, and the largest member."""
    vars(layer_module)["EvidenceBook"] = _WatchedBook
    before = _memory("VmRSS")
    with tempfile.TemporaryDirectory(prefix="longshore-benchmark-") as home:
        for batch in _batches(layers):
            tasks = tuple(LayerTask(item.digest, item.size, FileBlob(item.path, 0, item.size)) for item in batch)
            analyse_layers(LayerBatch(tasks, MONTH, Limits(), RegistryAccess()), ArchiveLocation(home))
    return {"rss_growth_bytes": _memory("VmHWM") - before, "largest_member_bytes": _WatchedBook.largest}


def _memory_of_a_fresh_process(options: argparse.Namespace) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.layers", "--memory", "--megabytes", str(options.megabytes)]
    done = subprocess.run([*command, "--corpus", str(options.corpus)], check=True, capture_output=True, text=True)
    figures: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return figures


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
    parser.add_argument("--megabytes", type=int, default=1_050, help="compressed megabytes of the corpus (1050)")
    parser.add_argument("--rounds", type=int, default=3, help="passes, of which the best counts (3)")
    parser.add_argument("--memory", action="store_true", help="measure only memory, and print only that")
    default = platformdirs.user_cache_path("longshore") / "benchmark-layers"
    parser.add_argument("--corpus", type=Path, default=default, help=f"where the layers are kept ({default})")
    return parser.parse_args()


if __name__ == "__main__":
    main()
