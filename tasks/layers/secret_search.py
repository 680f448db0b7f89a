"""The search for secrets in one layer: every text file in it, those included that the layers above delete.

Files are gathered until they are worth a pass of the search engine, so memory follows that and one file's cap. A file's
beginning tells whether it is text: a NUL byte in it means that it is not.
"""

from __future__ import annotations

import pyarrow as pa

from catalog.limits import MIB, Limits
from catalog.problems import Problem
from catalog.schemas import SECRETS
from tasks.analyzers.interface import Data
from tasks.analyzers.secrets import HEAD_BYTES, MOST_IN_FILE, Secrets, find_secrets, is_searched, is_special, suspicious
from tasks.layers.evidence import without_layer

BATCH_BYTES = 2 * MIB
"""Bytes of files that are gathered before they are searched."""
_FILE_OVERHEAD = 500
"""What a gathered file takes beside its bytes, about: a million empty ones must not wait in memory."""


class SecretSearch:
    """Searches the text files of one layer.

    Args:
        limits: caps on the bytes of a file that are searched, and on what is found.
    """

    def __init__(self, limits: Limits) -> None:
        self.file_bytes = limits.secret_bytes
        self._most = limits.secrets
        self._waiting: list[tuple[str, Data]] = []
        self._waiting_bytes = 0
        self._found: list[tuple[str, str, int]] = []
        self._cut = 0
        self._crowded = 0
        self._full = False

    def wants(self, path: str, head: Data) -> bool:
        """Whether a file is text and lies where secrets are looked for.

        Args:
            path: where it lies.
            head: its first `HEAD_BYTES` at most.
        """
        return not self._full and bool(head) and b"\0" not in head[:HEAD_BYTES] and is_searched(path)

    def add(self, path: str, data: Data, size: int) -> None:
        """Search a file.

        Args:
            path: where it lies.
            data: its bytes, up to `file_bytes` of them.
            size: of the whole file.
        """
        self._cut += size > len(data)
        self._waiting.append((path, data))
        self._waiting_bytes += len(data) + len(path) + _FILE_OVERHEAD
        if self._waiting_bytes >= BATCH_BYTES:
            self._search()

    def table(self) -> pa.Table:
        """What was found, as `catalog.schemas.SECRETS` has it, without the layer's digest."""
        self._search()
        # A path may come twice in an archive: what the first file held was written into the layer all the same.
        found = sorted(self._found)
        ordinals = [0] * len(found)
        for index in range(1, len(found)):
            if found[index][0] == found[index - 1][0]:
                ordinals[index] = ordinals[index - 1] + 1
        return pa.table(
            {
                "path": [path for path, _, _ in found],
                "ordinal": ordinals,
                "rule": [rule for _, rule, _ in found],
                "line": [line for _, _, line in found],
            },
            schema=without_layer(SECRETS),
        )

    def problems(self) -> list[Problem]:
        """What was not searched, after `table`; notes, because no package is missing for it."""
        counts = (
            (self._cut, f"{self._cut} text files were searched in their first {self.file_bytes} bytes only"),
            (
                self._crowded,
                f"{self._crowded} files have more than {MOST_IN_FILE} secrets, of which the first are told",
            ),
            (self._full, f"more than {self._most} secrets; what lies behind them was not searched"),
        )
        return [Problem("", Secrets.name, "limit-exceeded", detail, False) for count, detail in counts if count]

    def _search(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not waiting or self._full:
            return
        for (path, data), hit in zip(waiting, suspicious([data for _, data in waiting]), strict=True):
            if hit or is_special(path):
                found = find_secrets(data, path, most=MOST_IN_FILE + 1)
                self._crowded += len(found) > MOST_IN_FILE
                self._found += [(path, place.rule, place.line) for place in found[:MOST_IN_FILE]]
        if len(self._found) > self._most:
            self._full = True
            del self._found[self._most :]
