"""How far a phase is, how fast it goes and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.cli.units import duration_text, size_text
from pipelines.observer import Phase


@dataclass(slots=True)
class Meter:
    """One running phase.

    Args:
        phase: which.
        began: when, in seconds of a clock that never goes back.
        total: items, where known.
        total_bytes: bytes to read, where known.
    """

    phase: Phase
    began: float
    total: int | None = None
    total_bytes: int | None = None
    items: int = 0
    bytes_done: int = 0

    def advance(self, items: int, bytes_done: int, total: int | None) -> None:
        """Count what was done since."""
        self.items += items
        self.bytes_done += bytes_done
        if total is not None:
            self.total = total

    @property
    def share(self) -> float | None:
        """The share done, 0 to 1; None where no total is known.

        Halfway between the share of bytes and that of items: one large item at the end, or many small ones, mislead either.
        """
        pairs = ((self.bytes_done, self.total_bytes), (self.items, self.total))
        shares = [min(1.0, done / total) for done, total in pairs if total]
        return sum(shares) / len(shares) if shares else None

    def count_text(self) -> str:
        """`12 of 34`, or `12` where the total is not known."""
        return f"{self.items:,}" if self.total is None else f"{self.items:,} of {self.total:,}"

    def rate_text(self, now: float) -> str:
        """`55.2 MB/s` where bytes are read, else `12/s`; empty in the first moment."""
        seconds = now - self.began
        if seconds < 0.05 or not (self.items or self.bytes_done):
            return ""
        if self.bytes_done:
            return f"{size_text(self.bytes_done / seconds)}/s"
        rate = self.items / seconds
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"

    def remaining_text(self, now: float) -> str:
        """`ETA 12 s`; empty while it cannot be told."""
        share = self.share
        seconds = now - self.began
        if not share or share >= 1 or seconds < 1:
            return ""
        return f"ETA {duration_text(seconds * (1 - share) / share)}"
