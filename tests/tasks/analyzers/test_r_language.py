from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from tasks.analyzers.r_language import RLanguage
from tests.tasks.analyzers.hostile import survive, survive_truncation

PATH = "usr/lib/R/site-library/ggplot2/DESCRIPTION"
DESCRIPTION = b"""Package: ggplot2
Version: 3.4.1
Title: Create Elegant Data Visualisations
  Version: 9
License: MIT +
    file LICENSE
Built: R 4.2.2; ; 2023-02-14 09:51:08 UTC; unix
"""


def test_an_installed_package_has_name_version_and_licence() -> None:
    (package,) = RLanguage().analyse(PATH, DESCRIPTION).packages
    assert (package.type, package.name, package.version) == ("cran", "ggplot2", "3.4.1")
    assert package.licences == ("MIT + file LICENSE",)


@pytest.mark.parametrize("built", [b"", b"Built: 2023\n"])
def test_a_source_is_no_package(built: bytes) -> None:
    assert RLanguage().analyse(PATH, DESCRIPTION[: DESCRIPTION.index(b"Built")] + built).packages == []


def test_an_installed_package_without_a_name_is_a_failure() -> None:
    with pytest.raises(ParseError):
        RLanguage().analyse(PATH, DESCRIPTION.replace(b"Package:", b"Packet:"))


def test_a_licences_whole_text_is_no_name() -> None:
    (package,) = RLanguage().analyse(PATH, DESCRIPTION.replace(b"MIT", b"x" * 300)).packages
    assert package.licences == ()


def test_every_beginning_is_survived() -> None:
    survive_truncation(RLanguage(), PATH, DESCRIPTION)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    survive(RLanguage(), PATH, data)
    survive(RLanguage(), PATH, b"Built: R 4\nPackage: " + data)
