from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.purls import render_purl
from tasks.analyzers.php import Php
from tests.tasks.analyzers.hostile import json_values, survive, survive_truncation

PATH = "app/vendor/composer/installed.json"
PACKAGES = [
    {"name": "Symfony/HTTP-Kernel", "version": "v4.4.7", "version_normalized": "4.4.7.0", "license": ["MIT"]},
    {"name": "acme/tool", "version": "dev-main", "license": "GPL-2.0-only"},
]


def packages(document: object):
    return Php().analyse(PATH, json.dumps(document).encode()).packages


@pytest.mark.parametrize("document", [PACKAGES, {"packages": PACKAGES, "dev": True, "dev-package-names": []}])
def test_both_versions_of_the_file_are_read(document: object) -> None:
    first, second = packages(document)
    assert render_purl(first) == "pkg:composer/symfony/http-kernel@v4.4.7"
    assert (second.namespace, second.name, second.version) == ("acme", "tool", "dev-main")
    assert (first.licences, second.licences) == (("MIT",), ("GPL-2.0-only",))


def test_a_broken_package_costs_its_neighbours_nothing() -> None:
    findings = Php().analyse(PATH, json.dumps([3, {"name": "a/b"}, *PACKAGES]).encode())
    assert (len(findings.packages), len(findings.remarks)) == (2, 1)


@pytest.mark.parametrize("data", [b"{", b"{}", b"3", b'"x"', b'{"packages": {}}'])
def test_what_is_no_list_of_packages_is_a_failure(data: bytes) -> None:
    with pytest.raises(ParseError):
        Php().analyse(PATH, data)


def test_an_emptied_file_has_no_package() -> None:
    assert Php().analyse(PATH, b"").packages == []


def test_every_beginning_is_survived() -> None:
    survive_truncation(Php(), PATH, json.dumps(PACKAGES).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(Php(), PATH, data)


@given(json_values | st.lists(st.dictionaries(st.sampled_from(["name", "version", "license"]), json_values)))
def test_any_document_is_survived(document: object) -> None:
    survive(Php(), PATH, json.dumps(document).encode())
