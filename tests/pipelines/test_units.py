"""Figures as people read them."""

from __future__ import annotations

import pytest

from pipelines.cli.units import count_text, duration_text, share_text, size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_449_999, "1.4 MB"), (99_960_000, "100 MB"), (3.5e11, "350 GB")],
)
def test_sizes_have_two_or_three_digits(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_carry_over(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "<1 %"), (0.29, "29 %"), (0.5, "50 %"), (0.999999, "99 %"), (1, "100 %")],
)
def test_a_share_never_claims_more_than_is_true(share: float, text: str) -> None:
    assert share_text(share) == text


def test_counts_agree_with_their_noun() -> None:
    assert count_text(1, "image") == "1 image"
    assert count_text(12_400, "image") == "12,400 images"
    assert count_text(2, "registry", "registries") == "2 registries"
