"""Package URLs, taken apart as we and other tools write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.distributions import NO_DISTRIBUTION, Distribution
from catalog.errors import ParseError
from catalog.packages import PackageFacts
from catalog.purls import module_stream, parse_purl, render_purl, source_package

DEBIAN = Distribution("debian", "12")


@pytest.mark.parametrize(
    ("purl", "package", "distribution"),
    [
        (
            "pkg:deb/debian/x@1:2?distro=debian-12&upstream=x%402",
            PackageFacts("deb", "x", "1:2", source_name="x", source_version="2"),
            DEBIAN,
        ),
        ("pkg:deb/debian/x@2?epoch=1&distro=debian-12", PackageFacts("deb", "x", "1:2"), DEBIAN),
        ("pkg:deb/debian/x@2?epoch=0", PackageFacts("deb", "x", "2"), Distribution("debian")),
        (
            "pkg:apk/alpine/musl@1.2?distro=3.14.2",
            PackageFacts("apk", "musl", "1.2", source_name="musl"),
            Distribution("alpine", "3.14.2"),
        ),
        (
            "pkg:rpm/redhat/bash@5-1?epoch=1&upstream=bash-5-1.src.rpm&distro=redhat-9.2&rpmmod=a:b:c:d",
            PackageFacts("rpm", "bash", "5-1", epoch=1, source_name="bash", source_version="5-1", module="a:b"),
            Distribution("rhel", "9.2"),
        ),
        (
            "pkg:rpm/opensuse/x@1-1?distro=opensuse-leap-15.5",
            PackageFacts("rpm", "x", "1-1"),
            Distribution("opensuse-leap", "15.5"),
        ),
        ("pkg:deb/debian/x@1?distro=debian-sid", PackageFacts("deb", "x", "1"), Distribution("debian", "sid")),
        (
            "pkg:alpm/arch/x@1?arch=x86_64&distro=arch-rolling",
            PackageFacts("alpm", "x", "1", architecture="x86_64"),
            Distribution("arch", "rolling"),
        ),
        (
            "pkg:ebuild/dev-libs/openssl@3?distro=gentoo-2.14",
            PackageFacts("portage", "dev-libs/openssl", "3"),
            Distribution("gentoo", "2.14"),
        ),
        ("pkg:golang/stdlib@v1.22.3", PackageFacts("golang", "stdlib", "1.22.3"), NO_DISTRIBUTION),
        ("pkg:golang/a.b/c/d@v1", PackageFacts("golang", "d", "v1", namespace="a.b/c"), NO_DISTRIBUTION),
        ("pkg:npm/%40babel/core@7", PackageFacts("npm", "core", "7", namespace="@babel"), NO_DISTRIBUTION),
        ("pkg:pypi/Ruamel_Yaml@1", PackageFacts("pypi", "ruamel-yaml", "1"), NO_DISTRIBUTION),
        (
            "pkg:generic/x@1?repository_url=https://a.b/c&odd=%00",
            PackageFacts("generic", "x", "1", qualifiers=(("repository_url", "https://a.b/c"),)),
            NO_DISTRIBUTION,
        ),
    ],
)
def test_a_purl_gives_package_and_platform(purl: str, package: PackageFacts, distribution: Distribution) -> None:
    found = parse_purl(purl)
    assert (found.package, found.distribution) == (package, distribution)


@pytest.mark.parametrize(
    "purl",
    [
        "",
        "x",
        "pkg:",
        "pkg:npm",
        "pkg:npm/a",
        "pkg:npm/a@1?=b&c",
        "pkg:rpm/a@1?epoch=x",
        "pkg:rpm/a@1?epoch=3000000000",
    ],
)
def test_what_is_no_purl_or_has_no_version_is_refused(purl: str) -> None:
    with pytest.raises(ParseError):
        parse_purl(purl)


@given(
    st.text(max_size=60) | st.text(max_size=40).map("pkg:npm/a@1?".__add__) | st.text(max_size=40).map("pkg:".__add__)
)
def test_any_text_is_refused_or_read(text: str) -> None:
    try:
        parse_purl(text)
    except ParseError:
        return


_WORD = st.from_regex(r"[a-z][a-z0-9+.-]{0,12}", fullmatch=True)


@given(_WORD, _WORD, _WORD, st.sampled_from([DEBIAN, Distribution("ubuntu", "22.04")]))
def test_what_is_rendered_is_read_again(name: str, version: str, source: str, distribution: Distribution) -> None:
    package = PackageFacts("deb", name, version, architecture="amd64", source_name="" if source == name else source)
    found = parse_purl(render_purl(package, distribution))
    assert (found.package, found.distribution) == (package, distribution)


@pytest.mark.parametrize(
    ("label", "stream"),
    [("nodejs:18:808:63b", "nodejs:18"), ("a:b", "a:b"), ("a", ""), ("", ""), (":b", ""), ("a:", "")],
)
def test_a_module_is_known_by_name_and_stream(label: str, stream: str) -> None:
    assert module_stream(label) == stream


def test_a_source_package_is_known_by_its_file() -> None:
    assert source_package("java-17-openjdk-17.0.9-1.el8.nosrc.rpm") == ("java-17-openjdk", "17.0.9-1.el8")
    assert source_package("bash") == ("", "")
