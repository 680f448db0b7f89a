"""The active set's tables: those of `inventory` and `findings`, and here the commit log and the runs.

The migrations make them; a test holds the two together.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from catalog.active import findings, inventory
from catalog.active.columns import count, dense_id, integers, metadata, one_of, text, time

__all__ = ["findings", "inventory", "metadata"]

archive_file = sa.Table(
    "archive_file",
    metadata,
    dense_id(),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    text("dataset"),
    text("content_hash"),
    count("rows", sa.BigInteger),
    count("size", sa.BigInteger),
    sa.Column("state", sa.Text, nullable=False, server_default="live"),
    sa.Column("generation", sa.BigInteger, nullable=False),
    one_of("state", ("live", "removed", "deleting")),
)

archive_commit = sa.Table(
    "archive_commit",
    metadata,
    sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
    text("run"),
    text("kind"),
    time("at"),
    integers("objects"),
    sa.Column("undoes", sa.BigInteger),  # the generation that this commit takes back
    one_of("kind", ("layers", "images", "advisories", "undo")),
)

archive_counter = sa.Table(
    "archive_counter",
    metadata,
    sa.Column("single", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    count("generation", sa.BigInteger),
    sa.CheckConstraint("single", name="single"),
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text("verb"),
    time("started"),
    time("ended"),
    text("outcome"),
    text("arguments"),
    sa.Column("summary", JSONB, nullable=False, server_default="{}"),
    sa.Index(None, "started"),
)
