"""What the tests give the cluster to do: plain functions, sent to workers by value because tests are not installed."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def double(number: int) -> int:
    return 2 * number


def where(_: int) -> tuple[str, int]:
    import ray

    return ray.get_runtime_context().get_node_id(), os.getpid()


def slowly(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def misbehave(word: str) -> str:
    """Does what the word says."""
    if word == "exit":
        os._exit(3)
    if word == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "hang":
        time.sleep(600)
    if word == "memory":
        raise MemoryError
    if word == "bug":
        raise ZeroDivisionError("a mistake of ours")
    return word


def misbehave_in_batch(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(misbehave(word) for word in words)


def fail_with_ours(where: str) -> str:
    from catalog.errors import StoreFull

    raise StoreFull("no space is left", where=where, advice="free some")


def mark_and_wait(mark: str) -> str:
    """Says in a file which process and node it is, then waits until the file `go` lies beside it."""
    import ray

    path = Path(mark)
    me = f"{os.getpid()} {ray.get_runtime_context().get_node_id()}"
    with path.open("a") as file:
        file.write(me + "\n")
    while not (path.parent / "go").exists():
        time.sleep(0.02)
    return me


def eat_memory(mark: str) -> str:
    """Takes memory, 128 MiB at a time and 6 GiB at most, until it is stopped; `mark` is written at the first bite."""
    taken = []
    for _ in range(48):
        taken.append(b"\1" * (128 << 20))
        Path(mark).touch()
        time.sleep(0.05)
    return "ate it all"


def eat_or_double(word: str) -> str | int:
    return 2 * int(word) if word.isdigit() else eat_memory(word)


def log_and_print(word: str) -> str:
    import logging

    sys.stdout.write(f"printed {word}\n")
    sys.stdout.flush()
    logging.getLogger("work").info("logged %s", word)
    return word
