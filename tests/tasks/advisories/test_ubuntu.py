from __future__ import annotations

from catalog.states import FixState
from tasks.advisories.compilation import RangeRow, compile_record, rate_record
from tasks.advisories.records import parse_record
from tasks.versions import PLUS_INFINITY, version_key
from tests.tasks.advisories import made

PLAIN, PRO = "Ubuntu:18.04:LTS", "Ubuntu:Pro:18.04:LTS"
ESM = "2.0-1ubuntu1+esm1"


def _rows(*entries: made.Record) -> dict[str, RangeRow]:
    record = parse_record(made.data(made.record("UBUNTU-CVE-2024-1", *entries)))
    return {row.ecosystem: row for row in compile_record(record, record.affected, rate_record(record))}


def test_a_fix_in_pro_alone_leaves_the_plain_release_open() -> None:
    rows = _rows(made.affected(PRO, "a", made.span(fixed=ESM)))
    assert rows[PRO].fix_state is FixState.FIXED
    assert rows[PLAIN].fix_state is FixState.NOT_FIXED
    assert rows[PLAIN].fixed == ESM


def test_who_has_installed_the_fix_of_pro_is_not_affected() -> None:
    status = {"ubuntu_status": "ignored:end of standard support"}
    rows = _rows(
        made.affected(PLAIN, "a", made.span(), ecosystem_specific=status), made.affected(PRO, "a", made.span(fixed=ESM))
    )
    assert rows[PLAIN].hi == version_key("dpkg", ESM)
    assert rows[PLAIN].fix_state is FixState.WONT_FIX


def test_a_fix_of_the_plain_release_counts_as_it_is() -> None:
    rows = _rows(made.affected(PLAIN, "a", made.span(fixed="1.9")), made.affected(PRO, "a", made.span(fixed=ESM)))
    assert (rows[PLAIN].fixed, rows[PLAIN].fix_state) == ("1.9", FixState.FIXED)


def test_what_is_open_in_both_stays_open() -> None:
    rows = _rows(made.affected(PLAIN, "a", made.span()), made.affected(PRO, "a", made.span()))
    assert rows[PLAIN].hi == rows[PRO].hi == PLUS_INFINITY


def test_other_parts_of_pro_say_nothing_of_plain_images() -> None:
    assert set(_rows(made.affected("Ubuntu:Pro:FIPS:18.04:LTS", "a", made.span()))) == {"Ubuntu:Pro:FIPS:18.04:LTS"}
