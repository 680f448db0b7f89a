"""The columns that the active set's tables are made of."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from catalog.states import Severity

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)
"""Every table of the active set; constraints are named as Postgres itself would."""


def dense_id() -> sa.Column[int]:
    """The dense integer that the committer gives on first sight."""
    return sa.Column("id", sa.Integer, sa.Identity(), primary_key=True)


def text(name: str) -> sa.Column[str]:
    """A text that is empty where there is nothing to say."""
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def count(name: str, kind: type[sa.Integer] = sa.Integer) -> sa.Column[int]:
    """A number, 0 by default."""
    return sa.Column(name, kind, nullable=False, server_default="0")


def flag(name: str, *, default: bool) -> sa.Column[bool]:
    """Yes or no."""
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text("true" if default else "false"))


def integers(name: str) -> sa.Column[list[int]]:
    """An array of dense integers."""
    return sa.Column(name, ARRAY(sa.Integer), nullable=False, server_default="{}")


def texts(name: str) -> sa.Column[list[str]]:
    """An array of texts."""
    return sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}")


def time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """A moment."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def content_id() -> sa.Column[bytes]:
    """The identity that content gives, stored once."""
    return sa.Column("content_id", sa.LargeBinary, nullable=False, unique=True)


def one_of(column: str, words: type[StrEnum] | Iterable[str]) -> sa.CheckConstraint:
    """A check that a column holds one of some words, or null."""
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def severities() -> list[sa.Column[int]]:
    """Columns of a summary: findings by severity, packages by coverage."""
    return [count(word) for word in (*Severity, "fixable", "packages", "covered", "not_covered", "not_comparable")]
