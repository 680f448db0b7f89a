from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.purls import render_purl
from tasks.analyzers import wants
from tasks.analyzers.jvm import Jvm


def purl(text: str, path: str = "opt/java/openjdk/release") -> str:
    (package,) = Jvm().analyse(path, text.encode()).packages
    return render_purl(package)


TEMURIN = """IMPLEMENTOR="Eclipse Adoptium"
JAVA_RUNTIME_VERSION="21.0.4+7-LTS"
JAVA_VERSION="21.0.4"
MODULES="java.base jdk.compiler"
SOURCE_REPO="https://github.com/adoptium/jdk21u.git"
IMAGE_TYPE="JDK"
"""


def test_a_build_of_openjdk_has_its_exact_version_and_where_it_comes_from() -> None:
    assert purl(TEMURIN) == (
        "pkg:generic/oracle/openjdk@21.0.4%2B7-LTS?repository_url=https://github.com/adoptium/jdk21u.git"
    )


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('JAVA_VERSION="1.8.0_422"\nFULL_VERSION="1.8.0_422-b05"\n', "a/release", "pkg:generic/oracle/openjdk@1.8.0_422-b05"),
        ('JAVA_VERSION="1.8.0_422"\nFULL_VERSION="8.80.0.17"\n', "a/release", "pkg:generic/oracle/openjdk@1.8.0_422"),
        ("JAVA_VERSION=11.0.2\n", "a/release", "pkg:generic/oracle/openjdk@11.0.2"),
        ('IMPLEMENTOR="Azul Systems, Inc."\nJAVA_VERSION="17"\n', "a/release", "pkg:generic/azul/zulu@17"),
        ('JAVA_VERSION="17"\n', "usr/lib/jvm/zulu17/release", "pkg:generic/azul/zulu@17"),
        ('IMPLEMENTOR="Oracle Corporation"\nJAVA_VERSION="22"\nMODULES="java.base"\n', "a/release", "pkg:generic/oracle/jre@22"),
        ('IMPLEMENTOR="Oracle Corporation"\nJAVA_VERSION="22"\n', "a/release", "pkg:generic/oracle/jdk@22"),
        ('IMPLEMENTOR="Sun Microsystems"\nJAVA_VERSION="1.7"\nIMAGE_TYPE="JRE"\n', "a/release", "pkg:generic/sun/jre@1.7"),
        ('JAVA_VERSION="17"\nSOURCE_REPO="https://x.example/?a=b&c"\n', "a/release", "pkg:generic/oracle/openjdk@17"),
    ],
)  # fmt: skip
def test_vendors_are_told_apart_as_the_cpe_dictionary_does(text: str, path: str, expected: str) -> None:
    assert purl(text, path) == expected


@pytest.mark.parametrize("text", ["", "VERSION=1\n", 'JAVA_VERSION=""\n', f'JAVA_VERSION="{"9" * 300}"\n', "\0"])
def test_another_file_of_this_name_has_no_package(text: str) -> None:
    assert Jvm().analyse("a/release", text.encode()).packages == []


def test_the_first_of_repeated_fields_counts() -> None:
    assert purl('JAVA_VERSION="17"\nJAVA_VERSION="18"\n') == "pkg:generic/oracle/openjdk@17"


def test_the_file_is_wanted_in_any_folder() -> None:
    assert wants("opt/jdk/release")
    assert not wants("release")


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    Jvm().analyse("a/release", b"JAVA_VERSION=" + data)
