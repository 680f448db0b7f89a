"""Versions as byte strings: for each scheme a function whose results, compared byte by byte, stand in the scheme's order.

So a range of versions is an interval of byte strings, and comparing versions is a join (see tasks.matching) instead of a
loop around a version library. One module a scheme, named after it, with its source cited.
"""

from tasks.versions.interface import MINUS_INFINITY, PLUS_INFINITY, just_after
from tasks.versions.schemes import SCHEMES, version_key

__all__ = ["MINUS_INFINITY", "PLUS_INFINITY", "SCHEMES", "just_after", "version_key"]
