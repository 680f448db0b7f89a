"""Nouns: what is known. Value types, identities, the archive, the active set in Postgres, and DuckDB over both.

Imports nothing else of ours.
"""
