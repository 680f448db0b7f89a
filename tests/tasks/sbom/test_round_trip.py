"""A document of ours, read again, gives the very packages and the platform it was written from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.distributions import NO_DISTRIBUTION, Distribution, parse_os_release
from catalog.packages import PackageFacts
from catalog.problems import Problem
from tasks.analyzers.sbom import Sbom
from tasks.sbom.cyclonedx import cyclonedx_text
from tasks.sbom.evidence import make_evidence, os_release
from tasks.sbom.inventory import Inventory, take_stock
from tasks.sbom.packages import is_storable, package_line, read_line
from tasks.sbom.reading import parse_document
from tasks.sbom.spdx import spdx_text
from tests.tasks.sbom.made import DEBIAN, PACKAGES, bill, hostile_facts

WRITERS = [cyclonedx_text, spdx_text]


def read(text: str) -> Inventory:
    return take_stock(parse_document(text.encode()))


def known(packages: Any) -> list[tuple[Any, ...]]:
    return sorted((one.package_id, one.licences, one.role, repr(one)) for one in packages)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("facts", PACKAGES, ids=lambda facts: f"{facts.type}-{facts.name}")
def test_a_package_of_every_type_comes_back_as_it_was(write: Any, facts: PackageFacts) -> None:
    found = read(write(bill(facts)))
    assert known(found.packages) == known([facts])
    assert not found.problems


@pytest.mark.parametrize("write", WRITERS)
def test_the_platform_comes_back(write: Any) -> None:
    assert read(write(bill())).distribution == DEBIAN
    assert read(write(bill(distribution=NO_DISTRIBUTION))).distribution == NO_DISTRIBUTION


@given(hostile_facts.filter(is_storable), st.sampled_from(WRITERS))
def test_whatever_a_package_is_called_it_comes_back(facts: PackageFacts, write: Any) -> None:
    (found,) = read(write(bill(facts))).packages
    assert found.package_id == facts.package_id
    assert (found.role, found.licences) == (facts.role, facts.licences)


@given(st.lists(hostile_facts.filter(is_storable), max_size=5, unique_by=lambda facts: facts.package_id), st.randoms())
def test_format_and_order_do_not_matter_to_the_image(packages: list[PackageFacts], chance: Any) -> None:
    mixed = list(packages)
    chance.shuffle(mixed)
    one, other = make_evidence(read(cyclonedx_text(bill(*packages)))), make_evidence(read(spdx_text(bill(*mixed))))
    assert one.digest == other.digest


@given(hostile_facts.filter(is_storable))
def test_a_line_of_the_layer_gives_the_package_back(facts: PackageFacts) -> None:
    assert known([read_line(package_line(facts))]) == known([facts])


def test_the_analyser_finds_what_the_layer_holds() -> None:
    lines = b"\n".join(map(package_line, PACKAGES)) + b"\n{}\nnonsense\n[]\n"
    found = Sbom().analyse(".longshore/sbom/deb.jsonl", lines)
    assert known(found.packages) == known(PACKAGES)
    assert [(remark.reason, remark.detail) for remark in found.remarks] == [
        ("parse-error", "3 lines that name no package")
    ]


@pytest.mark.parametrize("write", WRITERS)
def test_what_was_missing_is_missing_still(write: Any) -> None:
    found = read(write(bill(PACKAGES[0], outcome="partial", missing=("a/b: limit-exceeded",))))
    assert found.problems == (Problem("", "sbom", "incomplete", "not in the document: a/b: limit-exceeded"),)


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)


@given(st.from_regex(r"[a-z0-9._-]{1,20}", fullmatch=True), _WORDS, _WORDS)
def test_what_an_os_release_says_another_says_again(name: str, version: str, people: str) -> None:
    first = parse_os_release(os_release(Distribution(name, version, people)))
    assert first.id == name
    assert parse_os_release(os_release(first)) == first


@pytest.mark.parametrize("distribution", [Distribution("debian", "sid"), Distribution("alpine", "edge"), Distribution("arch", "rolling"),
    Distribution("fedora", "rawhide"), Distribution("ubuntu", "22.04", 'Jammy "J" \\ $(x) `y`')])  # fmt: skip
def test_releases_without_a_number_come_back(distribution: Distribution) -> None:
    found = parse_os_release(os_release(distribution))
    assert (found.id, found.version) == (distribution.id, distribution.version)


@pytest.mark.parametrize("name", ["", "Debian GNU/Linux", "a\nID=b"])
def test_a_name_that_no_os_release_allows_makes_none(name: str) -> None:
    assert os_release(Distribution(name, "1")) == b""
