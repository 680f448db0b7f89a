from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.packages import PackageFacts
from tasks.analyzers.alpm import Alpm

PATH = "var/lib/pacman/local/gcc-libs-1:13.2.1-3/desc"
DESC = """\
%NAME%
gcc-libs

%VERSION%
1:13.2.1-3

%BASE%
gcc

%DESC%
Runtime libraries

%ARCH%
x86_64

%LICENSE%
GPL-3.0-with-GCC-exception
GFDL-1.3-or-later

%DEPENDS%
glibc>=2.27
"""


def analyse(text: str) -> list[PackageFacts]:
    return Alpm().analyse(PATH, text.encode()).packages


def test_a_package_has_name_version_architecture_source_and_licences() -> None:
    (found,) = analyse(DESC)
    assert found == PackageFacts("alpm", "gcc-libs", "1:13.2.1-3", architecture="x86_64", source_name="gcc")
    assert found.licences == ("GPL-3.0-with-GCC-exception", "GFDL-1.3-or-later")


def test_a_value_that_looks_like_a_field_is_a_value() -> None:
    (found,) = analyse("%NAME%\na\n\n%DESC%\n%VERSION%\n9\n\n%VERSION%\n1-1\n")
    assert found.version == "1-1"


def test_a_field_that_comes_twice_is_what_it_was_first() -> None:
    assert analyse(DESC + "\n%VERSION%\n9\n") == analyse(DESC)


def test_a_package_without_a_version_is_refused() -> None:
    with pytest.raises(ParseError):
        analyse("%NAME%\na\n")


def test_an_emptied_file_has_no_package() -> None:
    assert analyse("\n") == []


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (PATH, True),
        ("var/lib/pacman/local/desc", False),
        ("var/lib/pacman/local/a/b/desc", False),
        ("opt/var/lib/pacman/local/a-1-1/desc", False),
    ],
)
def test_only_files_of_the_local_database_are_wanted(path: str, wanted: bool) -> None:
    assert Alpm().confirm(path) == wanted


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ParseError):
        Alpm().analyse(PATH, data)
