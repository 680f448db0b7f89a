from __future__ import annotations

import dataclasses

import pytest

from catalog.limits import Limits
from tasks.analyzers import DEFAULT, Selection, wants
from tasks.analyzers.dpkg import Dpkg
from tasks.analyzers.interface import Wanted
from tasks.analyzers.npm import Npm
from tasks.analyzers.python import Python
from tasks.layers.analysis import READER_VERSION, fingerprints


@pytest.mark.parametrize(
    "path",
    [
        "etc/os-release",
        "usr/lib/os-release",
        "etc/redhat-release",
        "usr/lib/fedora-release",
        "etc/debian_version",
        "var/lib/dpkg/status",
        "var/lib/dpkg/status.d/tzdata",
        "var/lib/dpkg/status.d/tzdata.md5sums",
        "var/lib/dpkg/info/libc6:amd64.list",
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
        "var/lib/rpm/Packages",
        "var/lib/rpm/rpmdb.sqlite",
        "var/lib/rpm/rpmdb.sqlite-wal",
        "usr/lib/sysimage/rpm/Packages.db",
        "usr/share/rpm/rpmdb.sqlite",
        "var/lib/rpmmanifest/container-manifest-2",
        "var/lib/pacman/local/zlib-1:1.3.1-1/desc",
        "var/lib/pacman/local/zlib-1:1.3.1-1/files",
        "var/db/pkg/sys-libs/zlib-1.3.1/PF",
        "var/db/pkg/sys-libs/zlib-1.3.1/CONTENTS",
        "usr/lib/opkg/info/zlib.list",
        "usr/lib/opkg/status",
        "var/lib/opkg/status",
        "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA",
        "usr/lib/python3/dist-packages/six.egg-info",
        "usr/lib/python3/dist-packages/six.egg-info/PKG-INFO",
        "opt/six.egg/EGG-INFO/PKG-INFO",
        "EGG-INFO/PKG-INFO",
        "app/package.json",
        "package.json",
        "usr/share/rubygems-integration/all/specifications/rake-13.0.6.gemspec",
        "usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec",
        "app/vendor/composer/installed.json",
        "app/App.deps.json",
        "root/.nuget/packages/serilog/2.10.0/serilog.nuspec",
        "opt/conda/conda-meta/numpy-1.26.4-py312_0.json",
        "opt/bitnami/redis/.spdx-redis.spdx",
        "usr/lib/R/library/base/DESCRIPTION",
        "usr/local/lib/luarocks/rocks-5.1/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec",
        "opt/app/lib/cowboy-2.9.0/ebin/cowboy.app",
        "var/www/html/wp-content/plugins/akismet/akismet.php",
        "var/www/html/wp-content/plugins/hello.php",
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
        "usr/lib/debian_version",
        "opt/redhat-release",
        "status",
        "opt/dpkg/status",
        "var/lib/dpkg/status-old",
        "var/lib/dpkg/status.d",
        "var/lib/dpkg/status.d/tzdata.postinst",
        "var/lib/dpkg/status.d/deeper/file",
        "var/lib/dpkg/info/libc6:amd64.md5sums",
        "var/lib/dpkg/info/deeper/libc6.list",
        "usr/share/doc/dpkg/info/example.list",
        "usr/share/doc/x/var/lib/dpkg/info/example.list",
        "etc/apt/sources.list",
        "opt/opkg/info/zlib.list",
        "srv/installed",
        "srv/rpm/Packages",
        "var/lib/rpm/Name",
        "var/lib/rpmmanifest/container-manifest-1",
        "var/lib/pacman/local/zlib-1:1.3.1-1/mtree",
        "var/lib/pacman/local/files",
        "usr/share/doc/pacman/files",
        "var/db/pkg/sys-libs/zlib-1.3.1/CATEGORY",
        "usr/share/doc/portage/CONTENTS",
        "METADATA",
        "x.dist-info/RECORD",
        "x/PKG-INFO",
        "app/package.json.bak",
        "egg-info",
        "x/~ip-23.0.dist-info/METADATA",
        "src/rake.gemspec",
        "usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/rake.gemspec",
        "app/installed.json",
        "app/deps.json",
        "src/serilog.nuspec",
        "opt/conda/pkgs/numpy-1.26.4-py312_0/info/index.json",
        "opt/redis/.spdx-redis.spdx",
        "opt/bitnami/redis/redis.spdx",
        "src/lpeg-1.0.2-1.rockspec",
        "Applications/Safari.app",
        "var/www/html/wp-content/plugins/akismet/views/get.php",
        "var/www/html/wp-content/themes/x/functions.php",
    ],
)
def test_other_files_are_not_wanted(path: str) -> None:
    assert not wants(path)


def test_fingerprints_name_analyser_version_and_behaviour() -> None:
    names = [tuple(name.split("/")) for name in fingerprints().names]
    analysers = [(analyser.name, str(analyser.version)) for analyser in DEFAULT.analysers]
    assert sorted((name, version) for name, version, _ in names) == sorted(
        [*analysers, ("layers", str(READER_VERSION))]
    )
    assert {len(digest) for _, _, digest in names} == {32}


def test_fingerprints_are_stable() -> None:
    assert fingerprints() == fingerprints(Limits())


def test_a_new_version_or_cap_is_a_new_fingerprint() -> None:
    class Newer(Dpkg):
        version = Dpkg.version + 1

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


def test_a_common_suffix_is_looked_at_only_within_its_places() -> None:
    php, egg = type("Php", (Dpkg,), {"wanted": Wanted(suffixes=(".php",), within=("plugins/",))}), Python()
    selection = Selection((php(), egg))
    assert selection.plausible(b"./srv/plugins/a/b.php")
    assert not selection.plausible(b"srv/www/b.php")
    assert selection.plausible(b"lib/six.egg-info")


@pytest.mark.parametrize("wanted", [Wanted(suffixes=(".so",)), Wanted(magics=(b"PK",))])
def test_a_rule_that_cannot_be_looked_up_is_refused(wanted: Wanted) -> None:
    odd = type("Odd", (Dpkg,), {"wanted": wanted})
    with pytest.raises(ValueError, match="too short"):
        Selection((odd(),))
