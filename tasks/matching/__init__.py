"""Packages against advisories: each distinct package version once for the whole fleet, as a join over byte strings.

The only other place than catalog.duck that speaks to DuckDB.
"""

from tasks.matching.judging import JUDGEMENT_SCHEMA, MATCH_SCHEMA, Judgement, judge_packages, range_files
from tasks.matching.products import PACKAGE_COLUMNS

__all__ = ["JUDGEMENT_SCHEMA", "MATCH_SCHEMA", "PACKAGE_COLUMNS", "Judgement", "judge_packages", "range_files"]
