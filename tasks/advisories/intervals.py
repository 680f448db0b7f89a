"""From the events of a range to half-open intervals of version keys.

Source: OSV schema, "Evaluation". Events are sorted by the scheme; `introduced` opens, `fixed` closes before its version,
`last_affected` after it; `introduced: "0"` lies before every version; a `limit` ends everything. Events at the same place
count in the order written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter

from tasks.advisories.records import Event
from tasks.versions import MINUS_INFINITY, PLUS_INFINITY, just_after


@dataclass(frozen=True, slots=True)
class Interval:
    """Affected versions: those whose key is at least `lo` and less than `hi`.

    Args:
        lo: where it begins.
        hi: where it ends.
        introduced: the version that opened it, as written.
        fixed: the version that closed it, as written; empty where none did.
        last_affected: the version after which it was closed, as written; empty where none did.
    """

    lo: bytes
    hi: bytes
    introduced: str
    fixed: str = ""
    last_affected: str = ""

    def holds(self, key: bytes) -> bool:
        """Whether a version's key lies inside."""
        return self.lo <= key < self.hi


def compile_events(events: Iterable[Event], key: Callable[[str], bytes | None]) -> tuple[Interval, ...] | None:
    """The disjoint intervals that a range's events describe, in order.

    Args:
        events: in the order written.
        key: the scheme.

    Returns:
        The intervals; None where the scheme cannot parse one of the versions: the range cannot be compared.
    """
    placed: list[tuple[bytes, str, str]] = []
    limit = MINUS_INFINITY
    for kind, version in events:
        if kind == "introduced" and version == "0":
            placed.append((MINUS_INFINITY, kind, version))
            continue
        place = PLUS_INFINITY if kind == "limit" and version == "*" else key(version)
        if place is None:
            return None
        if kind == "limit":
            limit = max(limit, place)
        else:
            placed.append((just_after(place) if kind == "last_affected" else place, kind, version))
    placed.sort(key=itemgetter(0))
    return tuple(_walk(placed, limit or PLUS_INFINITY))


def _walk(placed: Iterable[tuple[bytes, str, str]], limit: bytes) -> Iterable[Interval]:
    opened: tuple[bytes, str] | None = None
    for place, kind, version in placed:
        if kind == "introduced":
            opened = opened or (place, version)
        elif opened is not None:
            lo, introduced = opened
            opened = None
            if place > lo and lo < limit:
                yield Interval(lo, min(place, limit), introduced, **{kind: version})
    if opened is not None and opened[0] < limit:
        yield Interval(opened[0], limit, opened[1])
