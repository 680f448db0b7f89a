"""Declared licences as both formats take them: an SPDX expression where a text is one, else the text by a name."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_LONGEST_EXPRESSION = 512
_REFERENCES = ("licenseref-", "documentref-")
# What stands behind such a name is defined elsewhere: here it is only a text.


@lru_cache(maxsize=4096)
def expression_of(text: str) -> str:
    """The SPDX licence expression that a text is, in canonical letters; empty where it is none, or names licences of its own."""
    if not text.strip() or len(text) > _LONGEST_EXPRESSION or not text.isascii():
        return ""
    if any(reference in text.lower() for reference in _REFERENCES):
        return ""
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError, MemoryError):
        return ""


def reference_of(text: str) -> str:
    """The `LicenseRef-…` that stands for a text in an SPDX document: the same text has the same."""
    return f"LicenseRef-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}"
