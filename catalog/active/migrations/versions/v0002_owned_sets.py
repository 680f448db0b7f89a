"""Chains name the sets of packages that an operating system's packages own."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and believe no chain that was composed without it."""
    op.execute("ALTER TABLE chain ADD COLUMN owned_sets INTEGER[] DEFAULT '{}' NOT NULL")
    # Nobody looked yet what is owned in these. As lower parts of other chains they are as good as ever; an image that ends
    # with one is composed anew, if its layers' results still give it that name.
    op.execute("UPDATE chain SET packages = NULL WHERE packages IS NOT NULL")


def downgrade() -> None:
    """Drop the column: the older version composes such chains again too, and then counts what is owned."""
    op.execute("UPDATE chain SET packages = NULL WHERE packages IS NOT NULL")
    op.execute("ALTER TABLE chain DROP COLUMN owned_sets")
