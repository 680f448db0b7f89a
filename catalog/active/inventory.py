"""Tables of what is there: references, images, layers and their results, chains, packages and their sets.

Content ids, digests and texts are stored once; everything else refers to them by dense integers, which are never an identity
outside Postgres. A chain or package set without a generation is a name kept for its integer only: its commit was undone.
"""

from __future__ import annotations

import sqlalchemy as sa

from catalog.active.columns import content_id, count, dense_id, flag, integers, metadata, one_of, text, texts, time
from catalog.errors import Retry
from catalog.states import LayerOutcome, Outcome, Residence

registry = sa.Table("registry", metadata, dense_id(), sa.Column("host", sa.Text, nullable=False, unique=True))

reference = sa.Table(
    "reference",
    metadata,
    dense_id(),
    sa.Column(
        "key", sa.LargeBinary, nullable=False, unique=True
    ),  # hash of the text, which may be longer than an index row
    text("text"),
    sa.Column("registry", sa.ForeignKey("registry.id")),
    text("repository"),
    text("name"),
    text("kind"),
    sa.Column("target", sa.Text),
    sa.Column("outcome", sa.Text),  # of the reference as a whole; null: see its images
    text("reason"),
    text("detail"),
    sa.Column("retry", sa.Text),
    text("wanted_platforms"),
    flag("present", default=True),
    text("first_seen_run"),
    text("run"),
    count("attempts"),
    one_of("outcome", Outcome),
    one_of("retry", Retry),
    sa.Index(None, "registry", "repository"),
    sa.Index(None, "target"),
)

platform = sa.Table(
    "platform", metadata, dense_id(), content_id(), text("distribution"), text("version"), text("name"), texts("cpes")
)

fingerprint_set = sa.Table("fingerprint_set", metadata, dense_id(), content_id(), texts("members"))

layer = sa.Table(
    "layer",
    metadata,
    dense_id(),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("size", sa.BigInteger, nullable=False, server_default="-1"),
    flag("unserved", default=False),  # a foreign layer, named by URLs
    sa.Column("outcome", sa.Text),  # failed, or null: see its results
    text("reason"),
    text("detail"),
    sa.Column("retry", sa.Text),
    flag("verified", default=False),
    flag("final", default=False),  # the failure is the layer's own: not tried again
    sa.Column("fingerprint_set", sa.ForeignKey("fingerprint_set.id")),
    sa.Column("generation", sa.BigInteger),
    count("attempts"),
    text("run"),
    one_of("outcome", [LayerOutcome.FAILED]),
    one_of("retry", Retry),
)

layer_result = sa.Table(
    "layer_result",
    metadata,
    sa.Column("layer", sa.ForeignKey("layer.id"), primary_key=True),
    sa.Column("fingerprint_set", sa.ForeignKey("fingerprint_set.id"), primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    text("reason"),
    text("detail"),
    sa.Column("composition_hash", sa.LargeBinary, nullable=False),
    count("entries", sa.BigInteger),
    count("packages"),
    count("problems"),
    count("tar_size", sa.BigInteger),
    integers("objects"),
    sa.Column("generation", sa.BigInteger, nullable=False),
    one_of("outcome", [LayerOutcome.COMPLETE, LayerOutcome.PARTIAL]),
    sa.Index(None, "generation"),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("layer", sa.Text, primary_key=True),
    text("run"),
    time("expires_at"),
    sa.Index(None, "run"),
)

chain = sa.Table(
    "chain",
    metadata,
    dense_id(),
    content_id(),
    sa.Column("parent", sa.ForeignKey("chain.id")),
    sa.Column("layer", sa.ForeignKey("layer.id"), nullable=False),
    sa.Column("platform", sa.ForeignKey("platform.id")),
    sa.Column("packages", sa.Integer),  # null: only the lower part of other chains, its sets are not known
    integers("sets"),
    integers("owned_sets"),  # of language packages that the operating system's own: never judged, in no image_set
    integers("objects"),
    sa.Column("generation", sa.BigInteger),
    sa.Index(None, "generation"),
)

image = sa.Table(
    "image",
    metadata,
    dense_id(),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    text("media_type"),
    text("os"),
    text("architecture"),
    text("variant"),
    text("created"),
    integers("layers"),
    sa.Column("chain", sa.ForeignKey("chain.id")),
    sa.Column("platform", sa.ForeignKey("platform.id")),
    count("packages"),
    sa.Column("outcome", sa.Text, nullable=False, server_default=Outcome.PENDING),
    text("reason"),
    text("detail"),
    sa.Column("residence", sa.Text, nullable=False, server_default=Residence.ACTIVE),
    sa.Column("fingerprint_set", sa.ForeignKey("fingerprint_set.id")),
    sa.Column("generation", sa.BigInteger),
    text("run"),
    count("attempts"),
    time("first_analysed", nullable=True),
    one_of("outcome", Outcome),
    one_of("residence", Residence),
    sa.Index(None, "chain"),
    sa.Index(None, "generation"),
)

reference_image = sa.Table(
    "reference_image",
    metadata,
    sa.Column("reference", sa.ForeignKey("reference.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    text("os"),
    text("architecture"),
    text("variant"),
    text("digest"),
    sa.Column("image", sa.ForeignKey("image.id")),  # null where the platform was skipped or failed before
    sa.Column("outcome", sa.Text),  # null: the image's own
    text("reason"),
    text("detail"),
    sa.Column("retry", sa.Text),
    one_of("outcome", Outcome),
    one_of("retry", Retry),
    sa.Index(None, "image"),
)

package = sa.Table(
    "package",
    metadata,
    dense_id(),
    content_id(),
    text("type"),
    text("namespace"),
    text("name"),
    text("version"),
    sa.Column("epoch", sa.Integer),
    text("architecture"),
    text("source_name"),
    text("source_version"),
    text("module"),
    text("qualifiers"),
    texts("licences"),
    text("role"),
    sa.Index("package_name_ix", sa.text("md5(name)")),  # a hostile name may be longer than an index row
)

package_set = sa.Table(
    "package_set",
    metadata,
    dense_id(),
    content_id(),
    text("type"),
    sa.Column("platform", sa.ForeignKey("platform.id")),
    integers("members"),
    sa.Column("generation", sa.BigInteger),
    sa.Index(None, "members", postgresql_using="gin"),
    sa.Index(None, "generation"),
)

image_set = sa.Table(
    "image_set",
    metadata,
    sa.Column("image", sa.ForeignKey("image.id"), primary_key=True),
    sa.Column("package_set", sa.ForeignKey("package_set.id"), primary_key=True),
    sa.Index(None, "package_set"),
)
