"""Package URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.distributions import Distribution
from catalog.packages import PackageFacts
from catalog.purls import render_purl

DEBIAN = Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)")


@pytest.mark.parametrize(
    ("package", "distribution", "purl"),
    [
        (
            PackageFacts("deb", "bash", "5.2-2", architecture="amd64"),
            DEBIAN,
            "pkg:deb/debian/bash@5.2-2?arch=amd64&distro=debian-12",
        ),
        (
            PackageFacts("deb", "libc6", "2.36-9", source_name="glibc"),
            DEBIAN,
            "pkg:deb/debian/libc6@2.36-9?distro=debian-12&upstream=glibc",
        ),
        (
            PackageFacts("deb", "x", "1:2", source_name="x", source_version="2"),
            DEBIAN,
            "pkg:deb/debian/x@1:2?distro=debian-12&upstream=x%402",
        ),
        (
            PackageFacts("deb", "x", "1", source_name="x", source_version="1"),
            Distribution("debian", "", ""),
            "pkg:deb/debian/x@1?distro=debian",
        ),
        (PackageFacts("deb", "x", "1"), Distribution(), "pkg:deb/x@1"),
        (
            PackageFacts("apk", "musl", "1.2-r1"),
            Distribution("alpine", "3.19.1", ""),
            "pkg:apk/alpine/musl@1.2-r1?distro=alpine-3.19.1",
        ),
        (
            PackageFacts("rpm", "bash", "5-1", epoch=1),
            Distribution("rhel", "9.2", ""),
            "pkg:rpm/redhat/bash@5-1?distro=rhel-9.2&epoch=1",
        ),
        (
            PackageFacts("rpm", "nodejs", "18-1", architecture="x86_64", source_name="nodejs", module="nodejs:18"),
            Distribution("almalinux", "8.9"),
            "pkg:rpm/almalinux/nodejs@18-1?arch=x86_64&distro=almalinux-8.9&rpmmod=nodejs:18",
        ),
        (
            PackageFacts("alpm", "gcc-libs", "1:13.2.1-3", architecture="x86_64", source_name="gcc"),
            Distribution("arch", "rolling"),
            "pkg:alpm/arch/gcc-libs@1:13.2.1-3?arch=x86_64&distro=arch-rolling&upstream=gcc",
        ),
        (
            PackageFacts("portage", "dev-libs/openssl", "3.0.9-r2"),
            Distribution("gentoo", "2.14"),
            "pkg:ebuild/dev-libs/openssl@3.0.9-r2?distro=gentoo-2.14",
        ),
        (
            PackageFacts("opkg", "busybox", "1.36.1-1", architecture="x86_64"),
            Distribution("openwrt", "23.05.2"),
            "pkg:opkg/openwrt/busybox@1.36.1-1?arch=x86_64&distro=openwrt-23.05.2",
        ),
        (PackageFacts("npm", "core", "7.0.0", namespace="@babel"), DEBIAN, "pkg:npm/%40babel/core@7.0.0"),
        (
            PackageFacts("golang", "toml", "v1.6.0+x", namespace="github.com/BurntSushi"),
            DEBIAN,
            "pkg:golang/github.com/burntsushi/toml@v1.6.0%2Bx",
        ),
        (PackageFacts("golang", "stdlib", "1.22.3"), DEBIAN, "pkg:golang/stdlib@1.22.3"),
        (PackageFacts("cargo", "rand", "0.8.5"), DEBIAN, "pkg:cargo/rand@0.8.5"),
        (PackageFacts("generic", "nginx", "1.25.3"), DEBIAN, "pkg:generic/nginx@1.25.3"),
        (PackageFacts("pypi", "ruamel-yaml", "0.18"), DEBIAN, "pkg:pypi/ruamel-yaml@0.18"),
        (PackageFacts("pypi", "x", "1", qualifiers=(("file_name", "x.whl"),)), DEBIAN, "pkg:pypi/x@1?file_name=x.whl"),
    ],
)
def test_a_purl_says_package_and_platform(package: PackageFacts, distribution: Distribution, purl: str) -> None:
    assert render_purl(package, distribution) == purl


_ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.sampled_from(["/", " / ", "@", "..", "%"])


@given(st.sampled_from(["deb", "rpm", "npm", "maven"]), _ANY_TEXT, _ANY_TEXT, _ANY_TEXT, _ANY_TEXT)
def test_whatever_an_image_holds_has_a_purl(
    package_type: str, name: str, version: str, namespace: str, source: str
) -> None:
    package = PackageFacts(package_type, name, version, namespace=namespace, source_name=source)
    assert render_purl(package, DEBIAN).startswith(f"pkg:{package_type}/")
