from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import MalformedLayer
from tasks.layers.arena import Arena

PIECE = 64


def filled(arena: Arena, content: bytes, begin: int) -> bytearray:
    rest = io.BytesIO(content[begin:])
    return arena.fill(len(content), memoryview(content[:begin]), rest.readinto)


@given(st.lists(st.tuples(st.binary(max_size=1_000), st.integers(0, 100)), max_size=12))
def test_every_member_is_as_it_was_whatever_came_before_it(members: list[tuple[bytes, int]]) -> None:
    arena = Arena(memoryview(bytearray(PIECE)))
    for content, begin in members:
        assert filled(arena, content, min(begin, len(content))) == content


def test_a_member_may_begin_in_the_very_buffer_that_pieces_are_read_into() -> None:
    piece = memoryview(bytearray(b"a" * PIECE))
    assert Arena(piece).fill(200, piece[10:], io.BytesIO(b"b" * 500).readinto) == b"a" * 54 + b"b" * 146


def test_memory_is_used_again_for_a_member_of_about_the_same_size() -> None:
    arena = Arena(memoryview(bytearray(PIECE)))
    first = filled(arena, b"x" * 1_000, 10)
    assert filled(arena, b"y" * 900, 10) is first


def test_a_member_that_somebody_still_looks_at_is_left_alone() -> None:
    arena = Arena(memoryview(bytearray(PIECE)))
    with memoryview(filled(arena, b"x" * 1_000, 10)) as held:
        assert filled(arena, b"y" * 900, 10) == b"y" * 900
        assert held == b"x" * 1_000


def test_a_member_that_ends_too_early_is_malformed_and_takes_no_more_memory_than_came() -> None:
    arena = Arena(memoryview(bytearray(PIECE)))
    with pytest.raises(MalformedLayer):
        arena.fill(1 << 40, memoryview(b"begin"), io.BytesIO(b"x" * 100).readinto)
