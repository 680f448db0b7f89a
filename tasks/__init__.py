"""One unit of work each: plain functions on plain values, without Ray and without Postgres.

Imports `catalog` and nothing else of ours.
"""
