"""What the documents say, judged by the formats' own libraries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from catalog.distributions import NO_DISTRIBUTION, Distribution
from catalog.packages import PackageFacts
from tasks.sbom.bill import Bill, Place
from tasks.sbom.cyclonedx import cyclonedx_text
from tasks.sbom.spdx import ANNOTATION, spdx_text
from tests.tasks.sbom.made import IMAGE, LOWER, PACKAGES, UPPER, bill, component, hostile_facts
from tests.tasks.sbom.validating import valid_cyclonedx, valid_spdx

WRITERS = [cyclonedx_text, spdx_text]
GLIBC = PackageFacts("deb", "libc6", "2.36-9", architecture="amd64", source_name="glibc")


def cyclonedx(made: Bill) -> dict[str, Any]:
    return valid_cyclonedx(cyclonedx_text(made))


def spdx(made: Bill) -> dict[str, Any]:
    return valid_spdx(spdx_text(made))


def told(node: dict[str, Any]) -> list[tuple[str, str]]:
    return [(pair["name"], pair["value"]) for pair in node.get("properties", ())]


def spdx_package(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [package for package in document["packages"] if package["name"] == name]
    return found


def test_every_kind_of_package_is_valid_in_both_formats() -> None:
    assert len(cyclonedx(bill(*PACKAGES))["components"]) == len(PACKAGES) + 1
    assert len(spdx(bill(*PACKAGES))["packages"]) == len(PACKAGES) + 2


def test_an_image_without_packages_and_without_a_distribution_is_valid_in_both_formats() -> None:
    assert cyclonedx(bill(distribution=NO_DISTRIBUTION))["components"] == []
    assert len(spdx(bill(distribution=NO_DISTRIBUTION))["packages"]) == 1


@pytest.mark.parametrize("reference", [IMAGE, "rootfs:/", "oci:/a:b", "registry.example/x@" + IMAGE, "sbom:/x\x07\ny"])
def test_however_the_image_was_named_the_documents_are_valid(reference: str) -> None:
    cyclonedx(bill(GLIBC, reference=reference))
    spdx(bill(GLIBC, reference=reference))


@pytest.mark.parametrize("write", WRITERS)
def test_the_same_bill_gives_the_same_bytes(write: Any) -> None:
    assert write(bill(*PACKAGES)) == write(bill(*PACKAGES))


def test_another_package_gives_another_serial_number_and_namespace() -> None:
    one, other = bill(GLIBC), bill(replace(GLIBC, version="2.36-10"))
    assert cyclonedx(one)["serialNumber"] != cyclonedx(other)["serialNumber"]
    assert spdx(one)["documentNamespace"] != spdx(other)["documentNamespace"]


def test_the_image_is_the_subject_with_its_digest() -> None:
    subject = cyclonedx(bill())["metadata"]["component"]
    assert (subject["type"], subject["name"], subject["version"]) == (
        "container",
        "registry.example:5000/shop/web",
        "1.4",
    )
    assert subject["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert subject["purl"].startswith("pkg:oci/web@sha256:")
    package = spdx_package(spdx(bill()), "registry.example:5000/shop/web")
    assert package["primaryPackagePurpose"] == "CONTAINER"
    assert package["checksums"] == [{"algorithm": "SHA256", "checksumValue": "c" * 64}]


def test_the_image_has_its_configuration_and_its_layers() -> None:
    properties = told(cyclonedx(bill())["metadata"]["component"])
    for pair in [
        ("longshore:image:user", "www"),
        ("longshore:image:entrypoint", '["/bin/web","--now"]'),
        ("longshore:image:environment_name", "PATH"),
        ("longshore:image:label:org.opencontainers.image.title", "Shop"),
        ("longshore:image:layer:1", UPPER),
        ("longshore:image:instruction:1", "RUN apt-get install web"),
    ]:
        assert pair in properties


def test_a_package_has_purl_layer_and_place() -> None:
    _, node = cyclonedx(bill(GLIBC))["components"]
    assert node["purl"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc"
    assert ("longshore:layer", LOWER) in told(node)
    assert ("longshore:evidence_layer", UPPER) in told(node)
    (place,) = node["evidence"]["occurrences"]
    assert place["location"] == "var/lib/dpkg/status"
    package = spdx_package(spdx(bill(GLIBC)), "libc6")
    (reference,) = package["externalRefs"]
    assert reference["referenceLocator"] == node["purl"]
    (annotation,) = package["annotations"]
    assert annotation["comment"].startswith(ANNOTATION)
    assert f'["longshore:layer","{LOWER}"]' in annotation["comment"]


def test_a_package_at_two_paths_is_one_component_with_two_places() -> None:
    made = replace(component(GLIBC), places=(Place("a", LOWER, LOWER), Place("b", UPPER, UPPER)))
    _, node = cyclonedx(replace(bill(), components=(made,)))["components"]
    assert [place["location"] for place in node["evidence"]["occurrences"]] == ["a", "b"]
    assert [value for name, value in told(node) if name == "longshore:path"] == ["a", "b"]


def test_what_an_operating_system_package_owns_says_so() -> None:
    six = replace(component(PackageFacts("pypi", "six", "1.16.0")), owner="deb/python3-six")
    made = replace(bill(), components=(six,))
    assert ("longshore:owned_by", "deb/python3-six") in told(cyclonedx(made)["components"][1])
    assert '["longshore:owned_by","deb/python3-six"]' in spdx_package(spdx(made), "six")["annotations"][0]["comment"]


def test_the_operating_system_is_a_component_that_holds_its_packages() -> None:
    document = cyclonedx(bill(GLIBC, PackageFacts("npm", "x", "1")))
    system, glibc, x = document["components"]
    assert (system["type"], system["name"], system["version"]) == ("operating-system", "debian", "12")
    assert document["dependencies"] == [
        {"ref": "image", "dependsOn": ["operating-system", x["bom-ref"]]},
        {"ref": "operating-system", "dependsOn": [glibc["bom-ref"]]},
    ]
    assert spdx_package(spdx(bill()), "debian")["primaryPackagePurpose"] == "OPERATING-SYSTEM"


def test_the_document_describes_the_image_which_contains_the_packages() -> None:
    document = spdx(bill(GLIBC))
    related = [tuple(one.values()) for one in document["relationships"]]
    identifier = spdx_package(document, "libc6")["SPDXID"]
    assert related == [
        ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image"),
        ("SPDXRef-Image", "CONTAINS", "SPDXRef-OperatingSystem"),
        ("SPDXRef-Image", "CONTAINS", identifier),
    ]


@pytest.mark.parametrize(
    ("declared", "in_cyclonedx", "in_spdx"),
    [
        (("MIT",), [{"expression": "MIT"}], "MIT"),
        (("mit or apache-2.0",), [{"expression": "MIT OR Apache-2.0"}], "MIT OR Apache-2.0"),
        (("Do what you like",), [{"license": {"name": "Do what you like"}}], "LicenseRef-"),
        (("MIT", "ISC OR Zlib"), [{"license": {"name": "MIT"}}, {"license": {"name": "ISC OR Zlib"}}], "MIT AND (ISC OR Zlib)"),
        (("LicenseRef-own",), [{"license": {"name": "LicenseRef-own"}}], "LicenseRef-"),
        (("(" * 150 + "MIT" + ")" * 150,), None, None),
        (("MIT AND " * 90 + "MIT",), None, "LicenseRef-"),
        ((" ", ""), None, "NOASSERTION"),
    ],
)  # fmt: skip
def test_licences_are_expressions_where_they_are_and_names_elsewhere(
    declared: tuple[str, ...], in_cyclonedx: list[Any] | None, in_spdx: str | None
) -> None:
    made = bill(replace(GLIBC, licences=declared))
    node, package = cyclonedx(made)["components"][1], spdx_package(spdx(made), "libc6")
    if in_cyclonedx is not None:
        assert node["licenses"] == in_cyclonedx
    if in_spdx is not None:
        assert package["licenseDeclared"].startswith(in_spdx)


def test_a_named_licence_is_there_with_its_text_once() -> None:
    made = bill(replace(GLIBC, licences=("Beer",)), PackageFacts("pypi", "x", "1", licences=("Beer",)))
    document = spdx(made)
    (extracted,) = document["hasExtractedLicensingInfos"]
    assert extracted["extractedText"] == "Beer"
    assert spdx_package(document, "x")["licenseDeclared"] == extracted["licenseId"]


def test_a_partial_image_says_what_is_missing() -> None:
    made = bill(GLIBC, outcome="partial", missing=("var/lib/rpm/Packages: limit-exceeded: too large",))
    document = cyclonedx(made)
    assert document["compositions"] == [{"aggregate": "incomplete", "assemblies": ["image"]}]
    assert ("longshore:missing", made.missing[0]) in told(document["metadata"]["component"])
    assert "incomplete" in spdx(made)["comment"]
    assert made.missing[0] in spdx(made)["comment"]
    assert "compositions" not in cyclonedx(bill(GLIBC))
    assert "comment" not in spdx(bill(GLIBC))


@pytest.mark.parametrize("write", WRITERS)
def test_a_document_is_ascii_whatever_the_image_holds(write: Any) -> None:
    text = write(bill(replace(GLIBC, version="1\x1b[31m\x7f\u009bé\U0001f600")))
    assert text.isascii()
    assert "\x1b" not in text
    assert "\x7f" not in text


def test_names_of_sixteen_thousand_characters_and_lone_surrogates_stay_valid() -> None:
    long = component(PackageFacts("npm", "x" * 16_000, "é" * 300))
    torn = replace(
        component(GLIBC),
        facts=replace(GLIBC, name="a\ud800b", licences=("\udfff",)),
        places=(Place("p\udc00", "l", "e"),),
    )
    made = replace(
        bill(reference="r\ud800"),
        components=(long, torn),
        missing=("\ud800",),
        distribution=Distribution("debian", "1\ud800", "\ud800"),
    )
    assert cyclonedx(made)["components"][2]["name"] == "a\ufffdb"
    spdx(made)


@settings(max_examples=40)
@given(hostile_facts)
def test_whatever_a_package_is_called_both_documents_are_valid(facts: PackageFacts) -> None:
    made = bill(facts)
    cyclonedx(made)
    spdx(made)
