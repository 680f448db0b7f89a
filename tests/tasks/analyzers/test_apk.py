from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.packages import PackageFacts
from tasks.analyzers.apk import Apk

INSTALLED = b"""\
C:Q1xkL/5WIdyf4X9v0ZKKWjzVbJq6I=
P:musl
V:1.2.4-r2
A:x86_64
S:383459
I:622592
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1mBJTEUZ0QvNp5ZkPzMuuwjU+YYM=

P:libcrypto3
V:3.1.4-r5
A:x86_64
L:Apache-2.0
o:openssl

P:.build-deps
V:20240101.000000
A:noarch
"""


def test_packages_have_name_version_architecture_origin_and_licence() -> None:
    packages = Apk().analyse("lib/apk/db/installed", INSTALLED).packages
    assert packages == [
        PackageFacts("apk", "musl", "1.2.4-r2", architecture="x86_64", source_name="musl"),
        PackageFacts("apk", "libcrypto3", "3.1.4-r5", architecture="x86_64", source_name="openssl"),
        PackageFacts("apk", ".build-deps", "20240101.000000", architecture="noarch"),
    ]
    assert packages[1].licences == ("Apache-2.0",)


def test_a_broken_stanza_costs_its_neighbours_nothing() -> None:
    findings = Apk().analyse("x", b"P:a\nV:1\n\nP:b\n\nP:c\nV:2\n\n\n")
    assert [package.name for package in findings.packages] == ["a", "c"]
    assert len(findings.remarks) == 1


def test_an_emptied_database_has_no_packages_and_no_problem() -> None:
    findings = Apk().analyse("x", b"")
    assert (findings.packages, findings.remarks) == ([], [])


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    Apk().analyse("x", data)
