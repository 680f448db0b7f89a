"""Alembic's environment: it runs on the connection that catalog.active.schema brings, inside that one's transaction."""

from alembic import context

from catalog.active.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
