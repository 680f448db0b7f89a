from __future__ import annotations

import dataclasses

import pytest

from catalog.limits import Limits
from tasks.analyzers import DEFAULT, Selection, wants
from tasks.analyzers.dpkg import Dpkg
from tasks.analyzers.interface import Wanted
from tasks.analyzers.npm import Npm
from tasks.layers.analysis import fingerprints


@pytest.mark.parametrize(
    "path",
    [
        "etc/os-release",
        "usr/lib/os-release",
        "var/lib/dpkg/status",
        "var/lib/dpkg/status.d/tzdata",
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
        "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA",
        "usr/lib/python3/dist-packages/six.egg-info",
        "usr/lib/python3/dist-packages/six.egg-info/PKG-INFO",
        "opt/six.egg/EGG-INFO/PKG-INFO",
        "EGG-INFO/PKG-INFO",
        "app/package.json",
        "package.json",
    ],
)
def test_evidence_is_wanted(path: str) -> None:
    assert wants(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "etc/os-release.d/x",
        "home/etc/os-release",
        "status",
        "opt/dpkg/status",
        "var/lib/dpkg/status-old",
        "var/lib/dpkg/status.d",
        "var/lib/dpkg/status.d/tzdata.md5sums",
        "var/lib/dpkg/status.d/deeper/file",
        "srv/installed",
        "METADATA",
        "x.dist-info/RECORD",
        "x/PKG-INFO",
        "app/package.json.bak",
        "egg-info",
    ],
)
def test_other_files_are_not_wanted(path: str) -> None:
    assert not wants(path)


def test_fingerprints_name_analyser_version_and_behaviour() -> None:
    names = [tuple(name.split("/")) for name in fingerprints().names]
    assert [(name, version) for name, version, _ in names] == [
        ("apk", "1"), ("dpkg", "1"), ("layers", "1"), ("npm", "1"), ("os-release", "1"), ("python", "1"),
    ]  # fmt: skip
    assert {len(digest) for _, _, digest in names} == {32}


def test_fingerprints_are_stable() -> None:
    assert fingerprints() == fingerprints(Limits())


def test_a_new_version_or_cap_is_a_new_fingerprint() -> None:
    class Newer(Dpkg):
        version = 2

    old, limits = Selection((Dpkg(), Npm())), Limits()
    assert Selection((Newer(), Npm())).fingerprints(limits).id != old.fingerprints(limits).id
    assert old.fingerprints(dataclasses.replace(limits, text_bytes=1)).id != old.fingerprints(limits).id


def test_a_limit_that_decides_nothing_of_what_is_found_changes_no_fingerprint() -> None:
    assert fingerprints(Limits(spool_bytes=1)) == fingerprints()


def test_another_cap_of_the_reader_is_another_fingerprint() -> None:
    assert fingerprints(Limits(layer_bytes=1)) != fingerprints()


def test_an_analyser_can_be_asked_for_by_name() -> None:
    assert DEFAULT.analyser("npm").name == "npm"
    with pytest.raises(KeyError):
        DEFAULT.analyser("none")


def test_two_analysers_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        Selection((Dpkg(), Dpkg()))


@pytest.mark.parametrize("wanted", [Wanted(suffixes=(".so",)), Wanted(magics=(b"PK",))])
def test_a_rule_that_cannot_be_looked_up_is_refused(wanted: Wanted) -> None:
    odd = type("Odd", (Dpkg,), {"wanted": wanted})
    with pytest.raises(ValueError, match="too short"):
        Selection((odd(),))
