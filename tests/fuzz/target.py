"""What a fuzz target is: bytes in, and whatever is not the parser's own error is a bug."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from catalog.limits import KIB, MIB, Limits

LIMITS = Limits(
    layer_bytes=4 * MIB,
    layer_entries=5_000,
    layer_links=500,
    layer_ratio=200,
    ratio_from_bytes=MIB,
    header_bytes=8 * KIB,
    headers_in_a_row=6,
    path_bytes=512,
    path_depth=40,
    archive_depth=3,
    archive_members=200,
    archive_member_bytes=256 * KIB,
    archive_unpacked_bytes=MIB,
    packages=2_000,
    evidence_bytes=MIB,
    problems=50,
    row_bytes=4 * MIB,
    spool_bytes=64 * KIB,
    zstd_window_bytes=8 * MIB,
    xz_bytes=32 * MIB,
)
"""The caps of a layer, so low that inputs of some kilobytes reach them and none of them costs a second."""


@dataclass(frozen=True)
class Target:
    """A group of parsers under attack.

    Args:
        name: by which the command knows it; its folder below `corpus`.
        read: reads one input, and raises nothing where the parsers do as they should.
        seeds: small valid inputs, made by the writers that the tests have.
        words: texts that the formats are made of, for the mutations.
        longest: bytes of the largest input.
        mend: makes a mutated input pass the format's own checks (sums, packing), so that what lies behind them is reached too;
            takes the input, the bytes it may have, a number to decide by, and the mutation of plain bytes.
    """

    name: str
    read: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...]
    longest: int = 16 * KIB
    mend: Callable[[bytes, int, int, Callable[[bytes, int], bytes]], bytes] | None = None
