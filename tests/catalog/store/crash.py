"""Kills a writer at every step of its way, and looks at what is left each time. Prints: kills, objects absent, objects whole.

The steps are the calls that the interpreter makes into C (every system call of the store is one): the writer dies by
SIGKILL before the n-th or after it, for every n there is.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from catalog.store.local import LocalStore

KEY = "v1/entries/retention=warm/month=2026-11/part-1.parquet"
DATA = b"facts" * 50_000


def write(root: Path, handed: Path | None, die_at: int) -> None:
    steps = count(1)

    def step(_frame: object, kind: str, _argument: object) -> None:
        if kind in ("c_call", "c_return") and next(steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(step)
    LocalStore(root).put_if_absent(KEY, DATA if handed is None else handed)
    sys.setprofile(None)


def killed(root: Path, handed: Path | None, die_at: int) -> bool:
    child = os.fork()
    if child == 0:
        write(root, handed, die_at)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return True
    if status:
        raise SystemExit(f"the writer failed: {status}")
    return False


def look(root: Path) -> bool:
    """Whether the object was there; that it was whole, and what comes after, is checked."""
    store = LocalStore(root)
    left = list(store.scratch.iterdir()) if store.scratch.is_dir() else []
    if left:
        raise SystemExit(f"left behind: {left}")
    there = [(found.key, found.size) for found in store.list()]
    if there not in ([], [(KEY, len(DATA))]):
        raise SystemExit(f"half an object: {there}")
    if store.put_if_absent(KEY, DATA) is bool(there) or store.get(KEY) != DATA:
        raise SystemExit("the next one could not complete it")
    return bool(there)


def main(base: Path) -> None:
    found = [0, 0]
    for kind in ("bytes", "file"):
        for die_at in count(1):
            root = base / f"{kind}-{die_at}"
            handed = None
            if kind == "file":
                handed = base / f"handed-{die_at}"
                handed.write_bytes(DATA)
            if not killed(root, handed, die_at):
                break
            found[look(root)] += 1
    sys.stdout.write(f"{sum(found)} {found[0]} {found[1]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
