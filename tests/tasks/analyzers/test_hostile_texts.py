"""What texts made to cost much cost the analysers: time that grows with their bytes, memory that does not outgrow them."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from tasks.analyzers.apk import Apk
from tasks.analyzers.dpkg import Dpkg
from tasks.analyzers.interface import MOST_PACKAGES, Analyser
from tasks.analyzers.python import Python

BLANKS = b" " * 1_000_000
TEXTS: list[tuple[Analyser, bytes]] = [
    (Dpkg(), b"Package: a\r\nVersion: 1\nDescription:" + BLANKS + b"x\n"),
    (Dpkg(), b"Package: a\nVersion: 1\nStatus: install" + BLANKS + b"installed\n \n"),
    (Apk(), b"V:1\nP:a" + BLANKS + b"b\n"),
    (Python(), b"Version: 1\nName: a" + BLANKS + b"b\n\n"),
    (Python(), b"Name: a\nVersion: 1\nLicense" + BLANKS + b"b\n\n"),
]
LISTS: list[tuple[Analyser, bytes]] = [
    (Dpkg(), b"Package: a\nVersion: 1\n\n" * (MOST_PACKAGES + 5)),
    (Apk(), b"P:a\nV:1\n\n" * (MOST_PACKAGES + 5)),
]
WASTEFUL: list[tuple[Analyser, bytes]] = [
    (Dpkg(), b"Package: a\nVersion: 1\nStatus:" + b" aa" * 200_000 + b" installed\n"),
    (Dpkg(), b"\n\n" * 200_000 + b"Package: a\nVersion: 1\n"),
    (Apk(), b"P:a\nV:1\n" + b"A:x\n" * 200_000),
    (Python(), b"Name: a\nVersion: 1\n" * 50_000),
]


@pytest.mark.parametrize(("analyser", "text"), TEXTS)
def test_a_million_blanks_cost_no_more_than_other_bytes(analyser: Analyser, text: bytes) -> None:
    started = time.process_time()
    assert len(analyser.analyse("x", text).packages) == 1
    assert time.process_time() - started < 2


@pytest.mark.parametrize(("analyser", "text"), LISTS)
def test_a_list_without_end_is_cut_off_and_says_so(analyser: Analyser, text: bytes) -> None:
    findings = analyser.analyse("x", text)
    assert len(findings.packages) == MOST_PACKAGES
    assert [(remark.reason, remark.partial) for remark in findings.remarks] == [("limit-exceeded", True)]


@pytest.mark.parametrize(("analyser", "text"), WASTEFUL)
def test_reading_takes_no_more_memory_than_a_few_copies_of_the_text(analyser: Analyser, text: bytes) -> None:
    tracemalloc.start()
    try:
        assert len(analyser.analyse("x", text).packages) == 1
        assert tracemalloc.get_traced_memory()[1] < 4 * len(text) + (1 << 20)
    finally:
        tracemalloc.stop()
