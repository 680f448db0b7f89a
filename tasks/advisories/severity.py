"""How bad an advisory says a vulnerability is.

In this order: a CVSS vector, the newest version of CVSS first (FIRST's specifications v2.0, v3.0, v3.1 and v4.0, base
scores; the words of v3.0 section 5, and NVD's for v2, which knows no critical); then the database's own word; then the
distribution's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

from catalog.states import Severity
from tasks.advisories.records import Vector

_CALCULATORS = {"CVSS_V4": CVSS4, "CVSS_V3": CVSS3, "CVSS_V2": CVSS2}
"""By OSV's type, the one to be preferred first."""
_LONGEST_VECTOR = 512

_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "negligible": Severity.NEGLIGIBLE,
    "none": Severity.NEGLIGIBLE,
    "unimportant": Severity.NEGLIGIBLE,
}


@dataclass(frozen=True, slots=True)
class Rating:
    """A severity, with the base score and the vector behind it where there is one."""

    severity: Severity
    score: float | None = None
    vector: str = ""


UNRATED = Rating(Severity.UNKNOWN)
"""What an advisory without any severity gets."""


def rate(vectors: Sequence[Vector], words: Iterable[str]) -> Rating:
    """The rating of an advisory, or of one package in it.

    Args:
        vectors: OSV's `severity` entries; a broken vector is passed over.
        words: severity words, the one to be preferred first; empty and unknown ones are passed over.
    """
    for kind in _CALCULATORS:
        for found, vector in vectors:
            if found == kind and (rating := _rate_vector(kind, vector)) is not None:
                return rating
    for word in (*words, *(word for kind, word in vectors if kind not in _CALCULATORS)):
        severity = _WORDS.get(word.lower())
        if severity is not None:
            return Rating(severity)
    return UNRATED


@lru_cache(maxsize=1 << 14)
def _rate_vector(kind: str, vector: str) -> Rating | None:
    if len(vector) > _LONGEST_VECTOR:
        return None
    try:
        score = float(_CALCULATORS[kind](vector).base_score)
    except CVSSError:
        return None
    return Rating(_severity_of_score(score, critical=kind != "CVSS_V2"), score, vector)


def _severity_of_score(score: float, *, critical: bool) -> Severity:
    if score >= 9 and critical:
        return Severity.CRITICAL
    if score >= 7:
        return Severity.HIGH
    if score >= 4:
        return Severity.MEDIUM
    return Severity.LOW if score > 0 else Severity.NEGLIGIBLE
