"""A layer's claims, as composition asks for them: thousands of paths, of which a handful are ever looked at."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from typing import NamedTuple

import pyarrow as pa


class Claim(NamedTuple):
    """What a package database says of one path.

    Args:
        database: the database's path in its layer's archive.
        owner: `<purl type>/<package name>`.
        package: the owner's id where the same database lists it, else empty.
    """

    database: str
    owner: str
    package: bytes


class Claims:
    """The claims of one layer, by the path that is owned, as its databases write it.

    Only the paths become Python's; the rest of a row is read when somebody asks for it.

    Args:
        rows: of `catalog.schemas.OWNED_PATHS`, of this layer alone.
    """

    __slots__ = ("_further", "_made", "_numbers", "_rows")

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows
        owned = rows.column("owned").to_pylist()
        self._numbers: dict[str, int] = dict(zip(owned, range(len(owned)), strict=True))
        self._made: dict[int, Claim] = {}
        self._further: dict[str, list[int]] = {}
        if len(self._numbers) < len(owned):
            for number, path in enumerate(owned):
                if self._numbers[path] != number:
                    self._further.setdefault(path, []).append(number)

    def __len__(self) -> int:
        return len(self._numbers)

    def paths(self) -> KeysView[str]:
        """The paths that are owned."""
        return self._numbers.keys()

    def of(self, path: str) -> Iterator[Claim]:
        """The claims of one of the paths."""
        for number in (*self._further.get(path, ()), self._numbers[path]):
            claim = self._made.get(number)
            if claim is None:
                values = (self._rows.column(name)[number].as_py() for name in ("path", "owner", "package"))
                claim = self._made[number] = Claim(*values)
            yield claim


NO_CLAIMS = Claims(pa.table({"owned": pa.array([], pa.string())}))
"""A layer whose databases claim nothing."""
