"""Tables of what is known of packages: advisory snapshots, judgements, matches, and the summaries made of them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from catalog.active.columns import (
    content_id,
    count,
    dense_id,
    flag,
    metadata,
    one_of,
    severities,
    text,
    texts,
    time,
)
from catalog.states import Coverage, FixState, Severity

advisory_snapshot = sa.Table(
    "advisory_snapshot",
    metadata,
    dense_id(),
    content_id(),
    time("created"),
    text("run"),
    flag("current", default=False),
    sa.Column("generation", sa.BigInteger),
    sa.Index(None, "current", unique=True, postgresql_where=sa.text("current")),
)

advisory_feed = sa.Table(
    "advisory_feed",
    metadata,
    sa.Column("snapshot", sa.ForeignKey("advisory_snapshot.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("feed", sa.Text, primary_key=True),
    sa.Column("releases", JSONB, nullable=False, server_default="[]"),  # [[ecosystem, ranges], …]
    texts("complete"),
    text("as_of"),
    count("advisories", sa.BigInteger),
    count("withdrawn", sa.BigInteger),
    count("ranges", sa.BigInteger),
    count("not_comparable", sa.BigInteger),
    sa.Column("advisory_object", sa.ForeignKey("archive_file.id"), nullable=False),
    sa.Column("range_object", sa.ForeignKey("archive_file.id")),  # null: the feed has no range
)

judgement = sa.Table(
    "judgement",
    metadata,
    sa.Column("package", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("platform", sa.Integer, primary_key=True, autoincrement=False),  # 0 for packages of no distribution
    sa.Column("snapshot", sa.Integer, nullable=False),
    sa.Column("coverage", sa.Text, nullable=False),
    one_of("coverage", Coverage),
)

package_match = sa.Table(
    "package_match",
    metadata,
    sa.Column("package", sa.Integer, nullable=False),
    sa.Column("platform", sa.Integer, nullable=False),
    text("advisory"),
    text("vulnerability"),
    text("severity"),
    sa.Column("score", sa.REAL),
    text("fix_state"),
    text("fixed_version"),
    text("how"),
    text("compared_name"),
    text("compared_version"),
    text("range_text"),
    text("ecosystem"),
    one_of("severity", Severity),
    one_of("fix_state", FixState),
    sa.Index(None, "package", "platform"),
    sa.Index(None, "vulnerability"),
)

set_summary = sa.Table(
    "set_summary",
    metadata,
    sa.Column("package_set", sa.ForeignKey("package_set.id"), primary_key=True),
    count("snapshot"),  # 0: there was none
    *severities(),
    count("unjudged"),
)

image_summary = sa.Table(
    "image_summary",
    metadata,
    sa.Column("image", sa.ForeignKey("image.id"), primary_key=True),
    count("snapshot"),
    *severities(),
)
