"""Alembic migrations of the active set, run by catalog.active.schema."""
