"""The headers of a central directory, found in bulk and verified exactly.

An archive has thousands of headers, and hardly any is of interest; a loop over them would cost as much as decompressing the
archive did. So their signatures are searched for with numpy, and each must begin where the one before it ends (APPNOTE.TXT
6.3, section 4.3.12): a signature inside a name or comment breaks that chain, and that stretch is walked one by one instead.
"""

from __future__ import annotations

from struct import Struct

import numpy as np
import numpy.typing as npt

from tasks.analyzers.interface import Data
from tasks.analyzers.zip.location import HEADER

HEADER_BYTES = 46
_STRETCH = 1 << 18
"""Bytes that are searched at a time: what a search allocates is a small multiple of it."""
_lengths_at = Struct("<28x3H").unpack_from
_NAME_LENGTH = 28

Positions = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]


def header_positions(data: Data, start: int, end: int) -> tuple[Positions, int]:
    """The positions of a directory's headers, each beginning where the one before ends.

    Args:
        data: the archive.
        start: of the first header.
        end: behind the last.

    Returns:
        Positions in `data`, and where the chain ends: at `end`, or where no whole header lies.
    """
    view = np.frombuffer(data, np.uint8)
    pieces: list[Positions] = []
    at = start
    while at + HEADER_BYTES <= end:
        candidates = _signatures(view, at, min(at + _STRETCH, end), end)
        ends = candidates + HEADER_BYTES + _variable_lengths(view, candidates)
        begins = np.concatenate((np.array([at]), ends[:-1]))[: len(candidates)]
        if not len(candidates) or (begins != candidates).any() or ends[-1] > end:
            found, behind = _walked(data, at, min(at + _STRETCH, end), end)
        else:
            found, behind = candidates, int(ends[-1])
        if behind == at:
            break
        pieces.append(found)
        at = behind
    return np.concatenate([*pieces, np.zeros(0, np.int64)]), at


def name_lengths(data: Data, positions: Positions) -> Positions:
    """Bytes of each header's name."""
    return _shorts(np.frombuffer(data, np.uint8), positions + _NAME_LENGTH)


def _signatures(view: _Bytes, start: int, stop: int, end: int) -> Positions:
    """Where header signatures stand that begin before `stop`, with a whole header before `end`."""
    found = np.flatnonzero(view[start:stop] == HEADER[0]) + start
    found = found[found <= end - HEADER_BYTES]
    for number in (1, 2, 3):
        found = found[view[found + number] == HEADER[number]]
    return found


def _variable_lengths(view: _Bytes, positions: Positions) -> Positions:
    return (
        _shorts(view, positions + _NAME_LENGTH)
        + _shorts(view, positions + _NAME_LENGTH + 2)
        + _shorts(view, positions + _NAME_LENGTH + 4)
    )


def _shorts(view: _Bytes, positions: Positions) -> Positions:
    numbers: Positions = view[positions].astype(np.int64) | view[positions + 1].astype(np.int64) << 8
    return numbers


def _walked(data: Data, start: int, stop: int, end: int) -> tuple[Positions, int]:
    """The headers that begin before `stop`, one after the other."""
    found: list[int] = []
    at = start
    while at < stop and at + HEADER_BYTES <= end and data[at : at + 4] == HEADER:
        behind = at + HEADER_BYTES + sum(_lengths_at(data, at))
        if behind > end:
            break
        found.append(at)
        at = behind
    return np.array(found, np.int64), at
