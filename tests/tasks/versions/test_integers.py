from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.versions.integers import encode_digits, encode_integer

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**64), st.integers(2**180, 2**190), st.integers(0, 10**300))


@given(numbers, numbers)
def test_bytes_order_as_the_numbers_do(a: int, b: int) -> None:
    assert (encode_integer(a) < encode_integer(b)) == (a < b)
    assert (encode_integer(a) == encode_integer(b)) == (a == b)


@given(numbers, numbers, st.binary(max_size=3), st.binary(max_size=3))
def test_what_follows_a_number_never_outweighs_it(a: int, b: int, after_a: bytes, after_b: bytes) -> None:
    if a < b:
        assert encode_integer(a) + after_a < encode_integer(b) + after_b


@given(numbers)
def test_the_bytes_below_and_above_stay_free(number: int) -> None:
    assert 0x08 <= encode_integer(number)[0] <= 0x3F


@given(numbers, st.integers(0, 5))
def test_leading_zeros_mean_nothing(number: int, zeros: int) -> None:
    assert encode_digits("0" * zeros + str(number)) == encode_integer(number)


def test_no_digits_are_zero() -> None:
    assert encode_digits("") == encode_integer(0)
