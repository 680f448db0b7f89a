"""Figures as people read them."""

from __future__ import annotations

_STEPS = ("B", "kB", "MB", "GB", "TB", "PB")


def size_text(size: float) -> str:
    """Bytes with three digits at most and a decimal unit: `999 B`, `1.4 MB`, `350 GB`."""
    step = 0
    while size >= 999.5 and step < len(_STEPS) - 1:
        size /= 1000
        step += 1
    return f"{size:.0f} {_STEPS[step]}" if step == 0 or size >= 99.95 else f"{size:.1f} {_STEPS[step]}"


def duration_text(seconds: float) -> str:
    """Seconds as `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count_text(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: `1 image`, `12,400 images`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def share_text(share: float) -> str:
    """A share as whole percents that never claims more than is true: 0.999 is `99 %`, 0.001 is `<1 %`."""
    if 0 < share < 0.01:
        return "<1 %"
    return f"{int(share * 100 + 1e-9)} %"
