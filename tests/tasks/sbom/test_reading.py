"""Documents of other tools, odd ones, and hostile ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.distributions import NO_DISTRIBUTION, Distribution
from catalog.errors import LimitExceeded, NotFound, ParseError, SourceError
from catalog.packages import PackageFacts
from tasks.sbom import reading
from tasks.sbom.evidence import make_evidence
from tasks.sbom.inventory import Inventory, take_stock
from tasks.sbom.packages import is_storable
from tasks.sbom.reading import parse_document, read_inventory


def read(document: object) -> Inventory:
    return take_stock(parse_document(json.dumps(document).encode()))


def cyclonedx(*components: object, version: str = "1.5", **more: object) -> Inventory:
    return read({"bomFormat": "CycloneDX", "specVersion": version, "components": list(components), **more})


def spdx(*packages: object, version: str = "SPDX-2.3", **more: object) -> Inventory:
    return read({"spdxVersion": version, "packages": list(packages), **more})


def library(purl: str, **more: object) -> dict[str, object]:
    return {"type": "library", "name": "x", "version": "1", "purl": purl, **more}


def properties(**values: str) -> list[dict[str, str]]:
    return [{"name": name.replace("__", ":"), "value": value} for name, value in values.items()]


def trivys(**values: str) -> list[dict[str, str]]:
    return properties(**{f"aquasecurity__trivy__{name}": value for name, value in values.items()})


def package(purl: str, **more: object) -> dict[str, object]:
    reference = {"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": purl}
    return {"SPDXID": "SPDXRef-1", "name": "x", "versionInfo": "1", "externalRefs": [reference], **more}


BASH = PackageFacts("deb", "bash", "5.2-2", architecture="amd64")
BASH_PURL = "pkg:deb/debian/bash@5.2-2?arch=amd64&distro=debian-12"


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6"])
def test_every_cyclonedx_since_1_2_is_read(version: str) -> None:
    assert cyclonedx(library(BASH_PURL), version=version).packages == (BASH,)


@pytest.mark.parametrize("version", ["SPDX-2.2", "SPDX-2.3"])
def test_both_spdx_are_read(version: str) -> None:
    assert spdx(package(BASH_PURL), version=version).packages == (BASH,)


def test_components_within_components_are_read() -> None:
    inner = library("pkg:npm/b@2")
    found = cyclonedx(
        library("pkg:npm/a@1", components=[inner]), metadata={"component": {"components": [library("pkg:npm/c@3")]}}
    )
    assert sorted(one.name for one in found.packages) == ["a", "b", "c"]


def test_a_component_that_comes_twice_is_one_package() -> None:
    assert len(cyclonedx(library(BASH_PURL), library(BASH_PURL, **{"bom-ref": "2"})).packages) == 1


def test_what_syft_writes_is_read() -> None:
    found = cyclonedx(
        {"type": "operating-system", "name": "CentOS", "properties": properties(syft__distro__id="centos", syft__distro__versionID="8")},
        library(
            "pkg:rpm/centos/nodejs@18.1-1.el8?arch=x86_64&distro=centos-8&epoch=1&upstream=nodejs-18.1-1.el8.src.rpm",
            properties=properties(syft__metadata__modularityLabel="nodejs:18:8080020231:63b34585"),
        ),
        library("pkg:deb/debian/libc6@2.36-9?arch=amd64&upstream=glibc"),
        library("pkg:golang/github.com/BurntSushi/toml@v1.3.2", name="github.com/BurntSushi/toml"),
        {"type": "file", "name": "/etc/passwd"},
    )  # fmt: skip
    assert found.distribution == Distribution("centos", "8")
    assert not [problem for problem in found.problems if problem.reason != "other-platform"]
    by_name = {one.name: one for one in found.packages}
    assert by_name["nodejs"] == PackageFacts("rpm", "nodejs", "18.1-1.el8", epoch=1, architecture="x86_64", source_name="nodejs",
        source_version="18.1-1.el8", module="nodejs:18")  # fmt: skip
    assert by_name["toml"].namespace == "github.com/BurntSushi"


def test_what_trivy_writes_is_read() -> None:
    found = cyclonedx(
        {"type": "operating-system", "name": "debian", "version": "11.5", "properties": trivys(Class="os-pkgs")},
        library(
            "pkg:deb/debian/bsdutils@2.36.1-8%2Bdeb11u1?arch=amd64&distro=debian-11.5&epoch=1",
            properties=trivys(SrcName="util-linux", SrcVersion="2.36.1", SrcRelease="8+deb11u1"),
        ),
        library("pkg:deb/debian/tar@1.34-1?arch=amd64&distro=debian-11.5",
                properties=trivys(SrcName="tar", SrcVersion="1.34", SrcRelease="1")),
        {"type": "application", "name": "app/package-lock.json", "properties": trivys(Class="lang-pkgs")},
        library("pkg:npm/%40babel/core@7.0.0"),
    )  # fmt: skip
    assert found.distribution == Distribution("debian", "11.5")
    assert not found.problems
    by_name = {one.name: one for one in found.packages}
    assert by_name["bsdutils"].version == "1:2.36.1-8+deb11u1"
    assert (by_name["bsdutils"].source_name, by_name["bsdutils"].source_version) == ("util-linux", "2.36.1-8+deb11u1")
    assert by_name["tar"] == PackageFacts("deb", "tar", "1.34-1", architecture="amd64")
    assert by_name["core"].namespace == "@babel"


def test_trivys_spdx_is_read() -> None:
    found = spdx(
        {"SPDXID": "SPDXRef-OperatingSystem-1", "name": "redhat", "versionInfo": "8.5"},
        {"SPDXID": "SPDXRef-ContainerImage-1", "name": "image"},
        {"SPDXID": "SPDXRef-Application-1", "name": "node-pkg"},
        package("pkg:rpm/redhat/bash@4.4-1?arch=x86_64&distro=redhat-8.5", sourceInfo="built package from: bash 4.4-1",
                attributionTexts=["PkgType: redhat", "Modularitylabel: a:b:c:d"]),
    )  # fmt: skip
    assert found.distribution == Distribution("rhel", "8.5")
    assert not found.problems
    (bash,) = found.packages
    assert (bash.source_name, bash.source_version, bash.module) == ("bash", "4.4-1", "a:b")


def test_without_an_operating_system_the_purls_say_which() -> None:
    assert cyclonedx(library(BASH_PURL)).distribution == Distribution("debian", "12")
    found = cyclonedx(
        library("pkg:apk/alpine/musl@1.2?distro=3.14.2"), library("pkg:apk/alpine/zlib@1.2?distro=3.14.2")
    )
    assert found.distribution == Distribution("alpine", "3.14.2")


def test_two_operating_systems_are_none() -> None:
    found = cyclonedx(library(BASH_PURL), library("pkg:apk/alpine/musl@1.2?distro=alpine-3.14.2"))
    assert found.distribution == NO_DISTRIBUTION
    assert [problem.reason for problem in found.problems] == ["several-platforms"]


def test_a_package_of_another_distribution_is_left_out_and_named() -> None:
    found = cyclonedx(
        {"type": "operating-system", "name": "ubuntu", "version": "22.04"}, library(BASH_PURL), library("pkg:npm/a@1")
    )
    assert [one.name for one in found.packages] == ["a"]
    assert [(problem.reason, problem.detail) for problem in found.problems] == [
        ("other-platform", "bash 5.2-2: is of debian 12, not of ubuntu")
    ]


@pytest.mark.parametrize(
    ("component", "why"),
    [
        ({"type": "library", "name": "lodash", "version": "4"}, "lodash 4: has no package URL"),
        ({"type": "library"}, "a component without a name: has no package URL"),
        (library("npm/a@1"), "x 1: no package URL"),
        (library("pkg:npm/a", version=""), "x: a package URL without a version"),
        (library("pkg:rpm/a@1?epoch=99999999999"), "x 1: an epoch that is no number"),
        (library("pkg:npm/" + "a" * 300_000 + "@1"), "x 1: a package URL longer than any real one"),
        (library("pkg:npm/" + "a" * 20_000 + "@1"), "x 1: holds texts that no package has"),
        (library("pkg:npm/a%00b@1"), "x 1: holds texts that no package has"),
        (
            {**library("pkg:npm/a@1"), "licenses": [{"license": {"name": "\ud800"}}]},
            "x 1: holds texts that no package has",
        ),
        ({"type": "library", "name": "a\x1b[31m\nb\ud800"}, "a[31mb: has no package URL"),
    ],
)
def test_a_component_that_cannot_be_read_is_named_and_makes_the_image_partial(component: object, why: str) -> None:
    found = cyclonedx(component, library("pkg:npm/neighbour@1"))
    assert [one.name for one in found.packages] == ["neighbour"]
    assert [(problem.reason, problem.detail, problem.partial) for problem in found.problems] == [
        ("unread-component", why, True)
    ]


def test_many_unread_components_are_counted_and_the_first_named() -> None:
    found = cyclonedx(*({"type": "library", "name": f"n{number:04}"} for number in range(1_500)))
    assert len(found.problems) == 21
    assert found.problems[0].detail == "n0000: has no package URL"
    assert found.problems[-1].detail == "1,480 more, 1,500 in all"


def test_a_version_beside_the_purl_is_taken_where_it_has_none() -> None:
    (found,) = cyclonedx(library("pkg:npm/a", version="3")).packages
    assert found.version == "3"


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}, [[]], [None, 3, {"components": 7}], {"a": "b"}])
def test_values_of_the_wrong_type_are_problems_or_nothing(odd: Any) -> None:
    for key in ("components", "metadata", "compositions"):
        read({"bomFormat": "CycloneDX", "specVersion": "1.6", key: odd})
    for key in ("type", "name", "version", "purl", "properties", "licenses", "components", "group"):
        cyclonedx({**library("pkg:npm/a@1"), key: odd})
    for key in ("packages", "relationships", "documentDescribes", "hasExtractedLicensingInfos"):
        read({"spdxVersion": "SPDX-2.3", key: odd})
    for key in (
        "SPDXID",
        "name",
        "versionInfo",
        "externalRefs",
        "annotations",
        "attributionTexts",
        "sourceInfo",
        "licenseDeclared",
    ):
        spdx({**package("pkg:npm/a@1"), key: odd})
    assert [problem.reason for problem in cyclonedx(odd).problems] in (["wrong-type"], ["unread-component"])


def test_an_incomplete_document_is_a_partial_image() -> None:
    found = cyclonedx(library(BASH_PURL), compositions=[{"aggregate": "incomplete_third_party_only"}])
    assert [(problem.reason, problem.partial) for problem in found.problems] == [("incomplete", True)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no JSON"),
        (b"\xff\xfe\xfa", "is no JSON"),
        (b'{"bomFormat":"CycloneDX","specVersion":"1.6","version":NaN}', "is no JSON"),
        (b'{"bomFormat":"CycloneDX","specVersion":"1.6","version":1' + b"0" * 5000 + b"}", "is no JSON"),
        (
            b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"components":[]}',
            "has a key twice in one object",
        ),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"a":' * 200_000, "is nested too deeply"),
        (b"<?xml version='1.0'?><bom/>", "is XML; CycloneDX 1.2 to 1.6 and SPDX 2.2 and 2.3 are read, as JSON"),
        (b"[]", "is no bill of materials"),
        (b'{"artifacts":[],"descriptor":{"name":"syft"}}', "is no bill of materials"),
        (b'{"bomFormat":"CycloneDX","specVersion":"2.0"}', "is CycloneDX 2.0;"),
        (b'{"bomFormat":"CycloneDX","specVersion":["1.6"]}', "is CycloneDX of no version;"),
        (b'{"spdxVersion":"SPDX-3.0"}', "is SPDX-3.0;"),
        (b'{"spdxVersion":{}}', "is of no version;"),
    ],
)
def test_what_is_no_document_is_refused_in_a_line(data: bytes, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_document(data)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_document_of_more_values_than_any_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_VALUES", 100)
    with pytest.raises(LimitExceeded):
        parse_document(b'{"a":[' + b"[]," * 200 + b"1]}")


def test_many_values_of_one_property_are_taken_in_one_go() -> None:
    # Each added to a copy of those before it, they would take hours.
    told = [{"name": "x", "value": "y"}] * 300_000
    assert cyclonedx(library("pkg:npm/a@1", properties=told)).packages == (PackageFacts("npm", "a", "1"),)
    lines = ["PkgID: x"] * 300_000
    assert spdx(package("pkg:npm/a@1", attributionTexts=lines)).packages == (PackageFacts("npm", "a", "1"),)


def test_releases_without_number_are_counted_and_none_is_taken() -> None:
    # Each compared with every other, they would take hours.
    systems = [{"type": "operating-system", "name": f"x{number}", "version": "1"} for number in range(100_000)]
    found = cyclonedx(library("pkg:npm/a@1"), *systems)
    assert found.distribution == NO_DISTRIBUTION
    assert [(problem.reason, problem.detail) for problem in found.problems] == [
        ("several-platforms", "names 100,000 releases of distributions")
    ]


def test_a_document_in_utf_16_is_read() -> None:
    text = json.dumps({"spdxVersion": "SPDX-2.3", "packages": [package(BASH_PURL)]})
    assert len(take_stock(parse_document(text.encode("utf-16"))).packages) == 1


def test_a_file_that_is_too_large_none_or_no_file_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, 1 << 30)
    with pytest.raises(LimitExceeded, match=r"1,073,741,824 bytes, and 268,435,456 are read at most"):
        read_inventory(large)
    with pytest.raises(NotFound):
        read_inventory(tmp_path / "none")
    with pytest.raises(SourceError):
        read_inventory(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError):
        read_inventory(tmp_path / "pipe")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([BASH_PURL, "pkg:npm/a@1", "library"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["components", "packages", "purl", "name", "type", "properties", "value", "externalRefs", "referenceType",
                         "referenceLocator", "licenses", "license", "annotations", "comment", "metadata", "component"]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(_JSON, st.sampled_from([{"bomFormat": "CycloneDX", "specVersion": "1.6"}, {"spdxVersion": "SPDX-2.3"}]))
def test_whatever_a_document_holds_it_makes_a_layer(value: Any, head: dict[str, str]) -> None:
    body = value if isinstance(value, dict) else {"components": value, "packages": value}
    assert make_evidence(read({**body, **head})).data


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_document(data)


@pytest.mark.parametrize("facts", [
    PackageFacts("", "a", "1"), PackageFacts("Npm", "a", "1"), PackageFacts("../x", "a", "1"), PackageFacts("npm", "", "1"),
    PackageFacts("npm", "a", ""), PackageFacts("npm", "a", "1", epoch=-1), PackageFacts("npm", "a", "1", epoch=2**31),
    PackageFacts("npm", "a", "1", qualifiers=(("A B", "c"),)), PackageFacts("npm", "a", "1", qualifiers=(("a", "\0"),)),
    PackageFacts("npm", "a", "1", qualifiers=(("a", "x" * 5_000),)), PackageFacts("npm", "a\0", "1"), PackageFacts("npm", "a\udc00", "1"),
])  # fmt: skip
def test_what_no_database_holds_is_not_storable(facts: PackageFacts) -> None:
    assert not is_storable(facts)
