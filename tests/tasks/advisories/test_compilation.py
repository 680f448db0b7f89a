from __future__ import annotations

from catalog.states import FixState, Severity
from tasks.advisories.compilation import RangeRow, compile_record, rate_record
from tasks.advisories.records import parse_record
from tasks.versions import just_after, version_key
from tests.tasks.advisories import made


def _rows(*entries: made.Record, **more: object) -> list[RangeRow]:
    record = parse_record(made.data(made.record("X-1", *entries, **more)))
    return compile_record(record, record.affected, rate_record(record))


def test_a_range_becomes_an_interval_of_keys() -> None:
    (row,) = _rows(made.affected("Debian:12", "zlib", made.span("1.2", fixed="1:1.3")))
    assert row == RangeRow(
        "Debian:12",
        "zlib",
        "dpkg",
        version_key("dpkg", "1.2"),
        version_key("dpkg", "1:1.3"),
        None,
        "1.2",
        "1:1.3",
        "",
        FixState.FIXED,
        Severity.UNKNOWN,
        None,
    )


def test_git_ranges_speak_of_source_trees() -> None:
    assert _rows(made.affected("PyPI", "a", made.span(fixed="abc123"), kind="GIT")) == []


def test_python_names_are_normalised() -> None:
    assert _rows(made.affected("PyPI", "Py_YAML.x", made.span()))[0].name == "py-yaml-x"
    assert _rows(made.affected("npm", "Base_64.js", made.span()))[0].name == "Base_64.js"


def test_a_listed_version_inside_a_range_adds_nothing() -> None:
    rows = _rows(made.affected("PyPI", "a", made.span(fixed="2.0"), versions=["1.0", "1.9", "1.0"]))
    assert [row.exact for row in rows] == [None]


def test_a_listed_version_outside_is_an_interval_of_its_own() -> None:
    rows = _rows(made.affected("PyPI", "a", made.span(fixed="2.0"), versions=["1.0", "3.0"]))
    key = version_key("pep440", "3.0")
    assert key is not None
    assert [(row.lo, row.hi, row.exact) for row in rows[1:]] == [(key, just_after(key), "3.0")]


def test_a_listed_version_that_cannot_be_parsed_matches_as_text() -> None:
    (row,) = _rows(made.affected("PyPI", "a", versions=["0.1-bulbasaur"]))
    assert (row.lo, row.hi, row.exact, row.comparable) == (None, None, "0.1-bulbasaur", True)


def test_a_range_that_cannot_be_compared_is_kept_as_text() -> None:
    (row,) = _rows(made.affected("Alpine:v3.11", "uwsgi", made.span(fixed="0.8.21.r2")))
    assert (row.lo, row.hi, row.exact, row.fixed, row.comparable) == (None, None, None, "0.8.21.r2", False)


def test_an_unknown_ecosystem_is_kept() -> None:
    (row,) = _rows(made.affected("Plan 9", "rc", made.span(fixed="2.0")))
    assert (row.ecosystem, row.scheme, row.comparable) == ("Plan 9", "", False)


def test_a_semver_range_is_semver_in_any_ecosystem() -> None:
    (row,) = _rows(made.affected("Plan 9", "rc", made.span(fixed="2.0.0"), kind="SEMVER"))
    assert row.hi == version_key("semver", "2.0.0")


def test_the_same_said_twice_is_one_row() -> None:
    assert (
        len(_rows(made.affected("PyPI", "a", made.span(), made.span()), made.affected("PyPI", "A", made.span()))) == 1
    )


def test_fix_states() -> None:
    def state(entry: made.Record) -> FixState:
        return _rows(entry)[0].fix_state

    def ubuntu(status: str) -> made.Record:
        return made.affected("Ubuntu:22.04:LTS", "a", made.span(), ecosystem_specific={"ubuntu_status": status})

    assert state(made.affected("PyPI", "a", made.span(fixed="1"))) is FixState.FIXED
    assert state(made.affected("PyPI", "a", made.span())) is FixState.NOT_FIXED
    assert state(made.affected("PyPI", "a", made.span(last_affected="1"))) is FixState.UNKNOWN
    assert state(ubuntu("needed")) is FixState.NOT_FIXED
    assert state(ubuntu("deferred:2024-01-01")) is FixState.NOT_FIXED
    assert state(ubuntu("needs-triage")) is FixState.UNKNOWN
    assert state(ubuntu("ignored:end of standard support")) is FixState.WONT_FIX
    assert (
        state(made.affected("Debian:12", "a", made.span(), ecosystem_specific={"urgency": "end-of-life"}))
        is FixState.WONT_FIX
    )


def test_a_severity_of_one_package_is_that_package_s_alone() -> None:
    low = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:L/A:N"}]
    rows = _rows(
        made.affected("PyPI", "a", made.span(), severity=low),
        made.affected("PyPI", "b", made.span()),
        database_specific={"severity": "CRITICAL"},
    )
    assert [(row.name, row.severity) for row in rows] == [("a", Severity.LOW), ("b", Severity.CRITICAL)]


def test_debian_s_urgency_is_a_severity() -> None:
    (row,) = _rows(made.affected("Debian:12", "a", made.span(), ecosystem_specific={"urgency": "unimportant"}))
    assert row.severity is Severity.NEGLIGIBLE


def test_almalinux_s_word_stands_before_the_summary() -> None:
    entry = made.affected("AlmaLinux:9", "a", made.span())
    assert _rows(entry, summary="Important: a security update")[0].severity is Severity.HIGH
    assert (
        _rows(made.affected("PyPI", "a", made.span()), summary="Important: not a word of ours")[0].severity
        is Severity.UNKNOWN
    )
