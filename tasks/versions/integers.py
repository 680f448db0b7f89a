"""Integers of any size as bytes that order as the numbers do, and that end themselves.

    0..31        one byte, 0x08 + n
    up to 2^184  a byte 0x27 + count of the bytes that follow (0x28..0x3e), then the number, big-endian
    above        0x3f, the count as four bytes, then the number, big-endian

So the bytes 0x00..0x07 stay free for what a scheme orders below every number, and 0x40 and up for what it orders above.
"""

from __future__ import annotations

_SMALL = 32
_SHORT_BYTES = 23


def encode_integer(number: int) -> bytes:
    """The ordered bytes of a number that is not negative."""
    if number < _SMALL:
        return bytes((0x08 + number,))
    length = (number.bit_length() + 7) // 8
    if length <= _SHORT_BYTES:
        return bytes((0x27 + length,)) + number.to_bytes(length, "big")
    return b"\x3f" + length.to_bytes(4, "big") + number.to_bytes(length, "big")


_FREQUENT = {str(number): encode_integer(number) for number in range(10_000)}

ZERO = encode_integer(0)
"""The number 0, which is what most schemes take for a number that is missing."""


def encode_digits(digits: str) -> bytes:
    """The ordered bytes of a number written in ASCII digits, leading zeros allowed; no digits at all are 0."""
    frequent = _FREQUENT.get(digits)
    if frequent is not None:
        return frequent
    return encode_integer(int(digits)) if digits else ZERO
