"""What other processes do in tests: read at random through one cache, hold an arrival, die at a certain step.

python -m tests.tasks.layer_cache.work random DIRECTORY CAP SEED
python -m tests.tasks.layer_cache.work arrive DIRECTORY NUMBER SECONDS   (prints a line when half is there)
python -m tests.tasks.layer_cache.work die DIRECTORY                     (prints kills, names that came to be)
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from itertools import count
from pathlib import Path

from catalog.settings import LayerCacheLocation
from tasks.layer_cache.directory import LayerCache
from tasks.layer_cache.streams import KeptBlob
from tasks.layers.blob import BlobReader
from tests.tasks.layer_cache.blobs import blob, digest_of, kept_at, opened, read

ROUNDS = 300


def read_at_random(location: LayerCacheLocation, seed: int) -> None:
    choice = random.Random(seed)
    for _ in range(ROUNDS):
        number = choice.randrange(30)
        data = blob(number, 1_000 * (number % 7 + 1))
        with opened(location, data) as stream:
            if choice.random() < 0.2 and not isinstance(stream, KeptBlob):
                stream.read(500)
                continue  # the connection broke
            time.sleep(choice.random() / 2_000)
            BlobReader(stream, digest_of(data), len(data)).finish()


def arrive(location: LayerCacheLocation, number: int, seconds: float) -> None:
    data = blob(number)
    with opened(location, data) as stream:
        reader = BlobReader(stream, digest_of(data), len(data))
        reader.read(len(data) // 2)
        sys.stdout.write("half\n")
        sys.stdout.flush()
        time.sleep(seconds)
        reader.finish()


def killed(location: LayerCacheLocation, die_at: int) -> bool:
    child = os.fork()
    if child == 0:
        steps = count(1)

        def step(_frame: object, kind: str, _argument: object) -> None:
            if kind in ("c_call", "c_return") and next(steps) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(step)
        read(location, blob(2))
        sys.setprofile(None)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def die_everywhere(directory: Path) -> None:
    """Kill a reader at each of its steps, each time in a fresh cache that holds one blob and has room for no second."""
    kept = 0
    for die_at in count(1):
        location = LayerCacheLocation(str(directory / str(die_at)), 21_000)
        read(location, blob(1))
        if not killed(location, die_at):
            sys.stdout.write(f"{die_at - 1} {kept}\n")
            return
        there = kept_at(location, blob(2)).exists()
        kept += there
        assert not there or kept_at(location, blob(2)).read_bytes() == blob(2)
        after = read(location, blob(2))
        assert isinstance(after, KeptBlob) == there, die_at
        usage = LayerCache(location).usage()
        assert (usage.files, usage.bytes) == (1, 20_000), (die_at, usage)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["random", directory, cap, seed]:
            read_at_random(LayerCacheLocation(directory, int(cap)), int(seed))
        case ["arrive", directory, number, seconds]:
            arrive(LayerCacheLocation(directory, 1 << 20), int(number), float(seconds))
        case ["die", directory]:
            die_everywhere(Path(directory))
