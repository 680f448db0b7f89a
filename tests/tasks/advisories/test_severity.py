from __future__ import annotations

import pytest

from catalog.states import Severity
from tasks.advisories.severity import UNRATED, Rating, rate

CRITICAL_V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
HIGH_V4 = "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N"
HIGH_V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"


@pytest.mark.parametrize(
    ("kind", "vector", "severity", "score"),
    [
        ("CVSS_V3", CRITICAL_V3, Severity.CRITICAL, 9.8),
        ("CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Severity.MEDIUM, 6.1),
        ("CVSS_V3", "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:L/A:N", Severity.LOW, 3.3),
        ("CVSS_V3", "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N", Severity.NEGLIGIBLE, 0.0),
        ("CVSS_V4", HIGH_V4, Severity.HIGH, 8.2),
        ("CVSS_V2", HIGH_V2, Severity.HIGH, 7.5),
        ("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C", Severity.HIGH, 10.0),
    ],
)
def test_a_vector_has_the_score_of_its_specification(kind: str, vector: str, severity: Severity, score: float) -> None:
    assert rate(((kind, vector),), ()) == Rating(severity, score, vector)


def test_the_newest_version_of_cvss_is_preferred() -> None:
    assert rate((("CVSS_V2", HIGH_V2), ("CVSS_V3", CRITICAL_V3), ("CVSS_V4", HIGH_V4)), ()).vector == HIGH_V4


def test_a_vector_outweighs_words() -> None:
    assert rate((("Ubuntu", "low"), ("CVSS_V3", CRITICAL_V3)), ("medium",)).severity is Severity.CRITICAL


def test_the_database_s_word_outweighs_the_distribution_s() -> None:
    assert rate((("Ubuntu", "low"),), ("", "Important")) == Rating(Severity.HIGH)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("MODERATE", Severity.MEDIUM),
        ("negligible", Severity.NEGLIGIBLE),
        ("unimportant", Severity.NEGLIGIBLE),
        ("untriaged", Severity.UNKNOWN),
        ("not yet assigned", Severity.UNKNOWN),
        ("", Severity.UNKNOWN),
    ],
)
def test_words(word: str, severity: Severity) -> None:
    assert rate((("Ubuntu", word),), ()) == Rating(severity)


@pytest.mark.parametrize("vector", ["", "CVSS:3.1/AV:N", "high", CRITICAL_V3 + "/", "CVSS:3.1/" + "A" * 10_000, "\0"])
def test_a_broken_vector_is_passed_over(vector: str) -> None:
    assert rate((("CVSS_V3", vector),), ()) == UNRATED
    assert rate((("CVSS_V3", vector),), ("high",)) == Rating(Severity.HIGH)
