from __future__ import annotations

import importlib.metadata
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.analyzers import wants
from tasks.analyzers.python import Python, normalised_name
from tests.tasks.analyzers.hostile import survive_truncation


def package(text: str):
    (found,) = Python().analyse("x.dist-info/METADATA", text.encode()).packages
    return found


def test_a_distribution_has_a_normalised_name_and_its_version() -> None:
    found = package("Metadata-Version: 2.1\nName: Zope.Interface_x\nVersion: 5.4.0\nSummary: s\n\nVersion: 9\n")
    assert (found.type, found.name, found.version) == ("pypi", "zope-interface-x", "5.4.0")


def test_only_the_headers_count() -> None:
    with pytest.raises(ParseError):
        Python().analyse("x", b"Metadata-Version: 2.1\nName: a\n\nVersion: 1\n")


def test_the_first_of_repeated_fields_counts() -> None:
    assert package("Name: a\nVersion: 1\nVersion: 2\n").version == "1"


@pytest.mark.parametrize(
    ("line", "licences"),
    [
        ("License: MIT", ("MIT",)),
        ("License: UNKNOWN", ()),
        ("License-Expression: MIT OR Apache-2.0", ("MIT OR Apache-2.0",)),
        ("License-Expression: MIT\nLicense: the long story", ("MIT",)),
        ("License: " + "x" * 500, ()),
        ("Author: x", ()),
    ],
)
def test_licences_are_as_declared(line: str, licences: tuple[str, ...]) -> None:
    assert package(f"Name: a\nVersion: 1\n{line}\n").licences == licences


def test_windows_line_ends_are_read() -> None:
    assert package("Name: a\r\nVersion: 1\r\n\r\nName: b\r\n").name == "a"


@pytest.mark.parametrize("text", ["Name: a\n", "Version: 1\n", "garbage"])
def test_metadata_without_name_or_version_is_a_failure(text: str) -> None:
    with pytest.raises(ParseError):
        Python().analyse("x", text.encode())


def test_an_emptied_file_has_no_package() -> None:
    assert Python().analyse("x", b" \n").packages == []


@pytest.mark.parametrize(
    ("name", "normal"), [("A.b_C--d", "a-b-c-d"), ("six", "six"), ("ruamel.yaml.clib", "ruamel-yaml-clib")]
)
def test_names_are_compared_as_pep_503_says(name: str, normal: str) -> None:
    assert normalised_name(name) == normal


def egg(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_zipped_egg_is_read() -> None:
    data = egg(
        {"x.py": b"", "EGG-INFO/PKG-INFO": b"Name: X\nVersion: 1\n", "y/EGG-INFO/PKG-INFO": b"Name: y\nVersion: 2\n"}
    )
    (found,) = Python().analyse("lib/X-1-py3.egg", data).packages
    assert (found.name, found.version) == ("x", "1")


@pytest.mark.parametrize("data", [b"", b"<CoordinateSystem> { Z-up }", egg({"x.py": b""})])
def test_other_things_called_egg_are_no_packages(data: bytes) -> None:
    assert Python().analyse("models/panda.egg", data).packages == []


def test_a_broken_egg_is_a_failure() -> None:
    with pytest.raises(ParseError):
        Python().analyse("x.egg", egg({"EGG-INFO/PKG-INFO": b"Name: X\nVersion: 1\n"})[:-30])


def test_every_beginning_of_an_egg_is_survived() -> None:
    survive_truncation(Python(), "x.egg", egg({"EGG-INFO/PKG-INFO": b"Name: X\nVersion: 1\n"}))


def test_licences_are_those_of_the_classifiers_where_nothing_else_says_one() -> None:
    classifiers = "Classifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: x\nClassifier: License :: Public Domain\n"
    assert package(f"Name: a\nVersion: 1\nLicense: UNKNOWN\n{classifiers}").licences == ("MIT License", "Public Domain")
    assert package(f"Name: a\nVersion: 1\nLicense: MIT\n{classifiers}").licences == ("MIT",)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_fail_by_name(data: bytes) -> None:
    try:
        Python().analyse("x", data)
    except ParseError:
        return


def test_the_distributions_of_this_environment_are_those_of_importlib() -> None:
    compared = 0
    for distribution in importlib.metadata.distributions():
        folder = Path(str(distribution._path))  # type: ignore[attr-defined]
        file = folder / "METADATA" if folder.suffix == ".dist-info" else folder / "PKG-INFO"
        if not file.is_file() or not wants(f"x/{folder.name}/{file.name}"):
            continue
        (found,) = Python().analyse(str(file), file.read_bytes()).packages
        assert (found.name, found.version) == (normalised_name(distribution.name), distribution.version)
        compared += 1
    assert compared > 10
