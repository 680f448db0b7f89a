"""What a running verb tells whoever watches: phases that start, advance and finish, and events in between.

A verb is given an observer and calls it from its driver thread; it neither knows nor cares whether a person sees bars, a log
gets one line an event, or nobody listens. The implementations that write are in `pipelines.cli.progress`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """The parts of a run, in the order they begin; the value is what a person reads."""

    LIST = "listing references"
    RESOLVE = "resolving images"
    ANALYSE = "analysing layers"
    COMPOSE = "composing images"
    MATCH = "matching packages"
    IMPORT = "importing advisories"


class Level(StrEnum):
    """How much an event matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Sharing:
    """What planning found shared, known before the first layer is read.

    Args:
        named: layers that the images name, each as often as it is named.
        unique: distinct layers among them.
        to_read: distinct layers without a result.
        bytes_named: compressed bytes of `named`.
        bytes_to_read: compressed bytes of `to_read`.
    """

    named: int
    unique: int
    to_read: int
    bytes_named: int
    bytes_to_read: int

    @property
    def share(self) -> float:
        """Share of the bytes named that needs no reading, 0 to 1."""
        return 1 - self.bytes_to_read / self.bytes_named if self.bytes_named else 0.0


class Observer(Protocol):
    """Watches one run. Calls come from one thread, and none of them raises."""

    def started(self, phase: Phase, total: int | None = None, *, total_bytes: int | None = None) -> None:
        """A phase begins.

        Args:
            phase: which.
            total: items it will have, None where that is not known yet.
            total_bytes: bytes it will read, None where it reads none or that is not known.
        """

    def advanced(self, phase: Phase, items: int = 1, *, bytes_done: int = 0, total: int | None = None) -> None:
        """A phase got on.

        Args:
            phase: which.
            items: items that ended since the last call, however they ended.
            bytes_done: bytes read since the last call.
            total: the new total, where it has become known or has grown.
        """

    def finished(self, phase: Phase, outcome: str = "") -> None:
        """A phase ended; `outcome` is a few words about it, plain text."""

    def shared(self, sharing: Sharing) -> None:
        """Planning knows what is shared."""

    def event(self, what: str, *, where: str = "", level: Level = Level.INFO) -> None:
        """Something happened that is worth a line: a failed image, a lost worker, a retry. Plain text, trusted or not."""


class SilentObserver:
    """Nobody listens."""

    def started(self, phase: Phase, total: int | None = None, *, total_bytes: int | None = None) -> None:
        """See `Observer`."""

    def advanced(self, phase: Phase, items: int = 1, *, bytes_done: int = 0, total: int | None = None) -> None:
        """See `Observer`."""

    def finished(self, phase: Phase, outcome: str = "") -> None:
        """See `Observer`."""

    def shared(self, sharing: Sharing) -> None:
        """See `Observer`."""

    def event(self, what: str, *, where: str = "", level: Level = Level.INFO) -> None:
        """See `Observer`."""
