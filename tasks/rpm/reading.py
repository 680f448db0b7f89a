"""The account of one database while it is read: what is broken in it, and how much was taken out of it."""

from __future__ import annotations

from catalog.errors import ParseError

Data = bytes | bytearray
"""A database's bytes, complete."""

_KEPT = 3
_MOST = 50_000
"""Broken parts after which the rest is not looked at: more than any real database has parts."""


class Reading:
    """Counts damage and the bytes given out.

    No two blobs of a sound database share bytes, so all of them together are no longer than the database. Cells, slots or
    pages that point at the same bytes again and again would make much work of a small file: they end the reading instead.

    Args:
        size: bytes of the database.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._damage: list[str] = []
        self._count = 0

    def spend(self, size: int) -> None:
        """Account for bytes about to be taken out.

        Raises:
            ParseError: more than the database has.
        """
        self._left -= size
        if self._left < 0:
            raise ParseError("parts of the database overlap")

    def damaged(self, what: str) -> None:
        """Note a part that cannot be read, while its neighbours can.

        Args:
            what: a few words, without the database's content.

        Raises:
            ParseError: so much is broken that it is no accident.
        """
        self._count += 1
        if self._count > _MOST:
            raise ParseError("too much of the database is broken")
        if self._count <= _KEPT:
            self._damage.append(what)

    @property
    def damage(self) -> str:
        """What was broken, on one line; empty for nothing."""
        more = f" and {self._count - _KEPT} more" if self._count > _KEPT else ""
        return "; ".join(self._damage) + more
