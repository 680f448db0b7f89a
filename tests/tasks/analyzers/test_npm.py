from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.packages import Role
from tasks.analyzers.npm import Npm


def analyse(document: object, path: str = "app/node_modules/x/package.json"):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Npm().analyse(path, data)


def test_a_package_has_name_version_and_licence() -> None:
    (package,) = analyse({"name": "left-pad", "version": "1.3.0", "license": "WTFPL"}).packages
    assert (package.type, package.namespace, package.name, package.version) == ("npm", "", "left-pad", "1.3.0")
    assert package.licences == ("WTFPL",)


def test_a_scope_is_the_namespace() -> None:
    (package,) = analyse({"name": "@babel/core", "version": "7.0.0"}).packages
    assert (package.namespace, package.name) == ("@babel", "core")


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("usr/lib/node_modules/npm/package.json", Role.INSTALLED),
        ("node_modules/a/package.json", Role.INSTALLED),
        ("app/package.json", Role.APPLICATION),
        ("package.json", Role.APPLICATION),
        ("my_node_modules/a/package.json", Role.APPLICATION),
    ],
)
def test_outside_node_modules_it_is_the_applications_own(path: str, role: Role) -> None:
    (package,) = analyse({"name": "a", "version": "1"}, path).packages
    assert package.role == role


@pytest.mark.parametrize(
    "document",
    [{"name": "a"}, {"version": "1"}, {"name": "", "version": "1"}, {"name": 1, "version": "1"}, [], 3, None, "x"],
)
def test_without_name_and_version_there_is_no_package(document: object) -> None:
    findings = analyse(document)
    assert (findings.packages, findings.remarks) == ([], [])


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ({"license": {"type": "MIT", "url": "x"}}, ("MIT",)),
        ({"licenses": [{"type": "MIT"}, {"type": "BSD"}]}, ("MIT", "BSD")),
        ({"license": ["MIT", 3, None]}, ("MIT",)),
        ({"license": "", "licenses": [{"name": "ISC"}]}, ("ISC",)),
        ({"licenses": "MIT"}, ("MIT",)),
        ({}, ()),
    ],
)
def test_old_ways_to_declare_a_licence_are_read(licence: dict, expected: tuple[str, ...]) -> None:
    (package,) = analyse({"name": "a", "version": "1", **licence}).packages
    assert package.licences == expected


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("a b", "1"),
        ("<%= name %>", "1.0.0"),
        ("a", "{{version}}"),
        ("a", "latest"),
        ("@a/b/c", "1"),
        (".a", "1"),
        ("a", "1 2"),
    ],
)
def test_what_npm_would_refuse_is_noted_and_no_package(name: str, version: str) -> None:
    findings = analyse({"name": name, "version": version})
    assert (findings.packages, [remark.partial for remark in findings.remarks]) == ([], [False])


@pytest.mark.parametrize("version", ["1.0.0-rc.1+b", "v1.2", "0.0.0-development", " 1.0.0 "])
def test_versions_as_npm_takes_them_are_kept(version: str) -> None:
    (package,) = analyse({"name": "JSONStream", "version": version}).packages
    assert (package.name, package.version) == ("JSONStream", version.strip())


def test_a_byte_order_mark_and_odd_utf_8_are_read_as_node_reads_them() -> None:
    (package,) = analyse(b'\xef\xbb\xbf{"name": "a", "version": "1", "author": "\xff", "x": "\\ud800"}').packages
    assert package.name == "a"


@pytest.mark.parametrize("place", ["node_modules/a/package.json", "x/node_modules/@s/a/package.json"])
def test_broken_json_fails_where_npm_would_read_it(place: str) -> None:
    with pytest.raises(ParseError):
        analyse(b"{", place)


@pytest.mark.parametrize("place", ["node_modules/a/test/bad/package.json", "app/package.json"])
def test_broken_json_elsewhere_is_a_note(place: str) -> None:
    (remark,) = analyse(b"{", place).remarks
    assert not remark.partial


def test_an_emptied_file_has_no_package() -> None:
    assert analyse(b"").packages == []


def test_deep_nesting_is_broken_json() -> None:
    with pytest.raises(ParseError):
        analyse(b"[" * 100_000)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_fail_by_name(data: bytes) -> None:
    try:
        analyse(data)
    except ParseError:
        return


json_values = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["name", "version", "license", "licenses"]), json_values))
def test_any_document_is_read(document: dict) -> None:
    analyse(document)
