from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.purls import render_purl
from tasks.analyzers.bitnami import Bitnami
from tests.tasks.analyzers.hostile import json_values, survive, survive_truncation

PATH = "opt/bitnami/postgresql/.spdx-postgresql.spdx"


def entry(name: str, version: str, purl: str, **more: object) -> dict[str, object]:
    references = [
        {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": f"cpe:2.3:*:{name}:*"},
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl},
    ]
    return {"SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": version, "externalRefs": references, **more}


DOCUMENT = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "packages": [
        entry(
            "postgresql",
            "16.1.0-3",
            "pkg:bitnami/postgresql@16.1.0-3?arch=amd64&distro=debian-11",
            licenseDeclared="PostgreSQL",
        ),
        entry("geos", "3.8.3", "pkg:bitnami/GEOS?arch=amd64&distro=debian-11", licenseDeclared="NOASSERTION"),
        entry("pljava", "1.6", "pkg:maven/org.postgresql/pljava@1.6"),
        {"name": "unnamed"},
    ],
}


def test_bitnamis_own_components_are_packages() -> None:
    postgresql, geos = Bitnami().analyse(PATH, json.dumps(DOCUMENT).encode()).packages
    assert render_purl(postgresql) == "pkg:bitnami/postgresql@16.1.0-3?arch=amd64&distro=debian-11"
    assert (geos.name, geos.version, geos.licences) == ("geos", "3.8.3", ())
    assert postgresql.licences == ("PostgreSQL",)


@pytest.mark.parametrize("purl", ["pkg:bitnami/", "pkg:bitnami/x"])
def test_a_component_without_name_or_version_is_remarked(purl: str) -> None:
    findings = Bitnami().analyse(PATH, json.dumps({"packages": [entry("x", "", purl), *DOCUMENT["packages"]]}).encode())
    assert (len(findings.packages), len(findings.remarks)) == (2, 1)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"packages": 3}'])
def test_what_is_no_document_is_a_failure(data: bytes) -> None:
    with pytest.raises(ParseError):
        Bitnami().analyse(PATH, data)


def test_an_emptied_file_has_no_package() -> None:
    assert Bitnami().analyse(PATH, b"").packages == []


def test_every_beginning_is_survived() -> None:
    survive_truncation(Bitnami(), PATH, json.dumps(DOCUMENT).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(Bitnami(), PATH, data)


@given(st.text(), json_values)
def test_any_package_is_survived(purl: str, value: object) -> None:
    entries = [entry("x", "1", f"pkg:bitnami/{purl}", licenseDeclared=value), {"externalRefs": value}, value]
    survive(Bitnami(), PATH, json.dumps({"packages": entries}).encode())
