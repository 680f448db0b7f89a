from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.advisories.records import AdvisoryRecord, Affected, AffectedRange, parse_record
from tests.tasks.advisories import made

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["package", "ranges", "events", "type", "name", "ecosystem", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def test_a_record_is_read_whole() -> None:
    raw = made.record(
        "DEBIAN-CVE-2024-1",
        made.affected(
            "Debian:12", "zlib", made.span(fixed="1.2"), ecosystem_specific={"urgency": "low"}, versions=["1.0"]
        ),
        published="2024-01-01T00:00:00Z",
        aliases=["A-1"],
        upstream=["CVE-2024-1"],
        related=["R-1"],
        summary="what",
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/…"}],
        database_specific={"severity": "HIGH"},
    )
    assert parse_record(made.data(raw)) == AdvisoryRecord(
        id="DEBIAN-CVE-2024-1",
        modified="2024-05-01T00:00:00Z",
        published="2024-01-01T00:00:00Z",
        withdrawn="",
        summary="what",
        aliases=("A-1",),
        upstream=("CVE-2024-1",),
        related=("R-1",),
        severities=(("CVSS_V3", "CVSS:3.1/…"),),
        word="HIGH",
        urgency="",
        affected=(
            Affected(
                "Debian:12",
                "zlib",
                (AffectedRange("ECOSYSTEM", (("introduced", "0"), ("fixed", "1.2"))),),
                versions=("1.0",),
                urgency="low",
            ),
        ),
    )


def test_unknown_fields_are_passed_over() -> None:
    raw = made.record("X-1", made.affected("PyPI", "a", credits=[1]), references=[{"type": "WEB"}], details={"odd": 1})
    assert parse_record(made.data(raw)).id == "X-1"


def test_an_entry_without_a_package_speaks_of_commits_alone() -> None:
    raw = made.record("X-1", {"ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}]})
    assert parse_record(made.data(raw)).affected == ()


@pytest.mark.parametrize(("key", "most"), [("aliases", 256), ("upstream", 1024), ("related", 1024)])
def test_a_record_that_names_more_ids_than_any_real_one_is_refused(key: str, most: int) -> None:
    ids = [f"CVE-2024-{number}" for number in range(most + 1)]
    assert len(getattr(parse_record(made.data(made.record("X", **{key: ids[:most]}))), key)) == most
    with pytest.raises(ParseError, match=rf"{key} holds {most + 1} ids"):
        parse_record(made.data(made.record("X", **{key: ids})))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"id": "X"}',
        b'{"id": 5, "modified": "2024"}',
        b'{"id": "", "modified": "2024"}',
        b'{"id": "\\ud800", "modified": "2024"}',
        made.data(made.record("X", aliases="CVE-2024-1")),
        made.data(made.record("X", aliases=[1])),
        made.data(made.record("X", affected={})),
        made.data(made.record("X", {"package": {"name": "a"}})),
        made.data(made.record("X", made.affected("PyPI", "a", [{"introduced": 0}]))),
        made.data(made.record("X", made.affected("PyPI", "a", [{"repaired": "1"}]))),
        made.data(made.record("X", severity=["high"])),
        # What no database, terminal or index takes as a name.
        made.data(made.record("X\0")),
        made.data(made.record("X" * 513)),
        made.data(made.record("X\x1b[31m")),
        made.data(made.record("X", aliases=["CVE-2024-1\n"])),
        made.data(made.record("X", made.affected("Py\0PI", "a", [{"introduced": "0"}]))),
        made.data(made.record("X", made.affected("PyPI", "a" * 513, [{"introduced": "0"}]))),
        b'{"id": "X", "modified": "2024\\u0000"}',
    ],
)
def test_what_is_no_record_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse_record(raw)


@given(
    st.dictionaries(
        st.sampled_from(["affected", "aliases", "severity", "database_specific", "withdrawn", "summary"]), json_values
    )
)
def test_no_json_gives_another_error(fields: dict[str, object]) -> None:
    with contextlib.suppress(ParseError):
        parse_record(json.dumps({"id": "X-1", "modified": "2024"} | fields).encode())


@given(st.binary(max_size=40))
def test_no_bytes_give_another_error(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_record(data)
