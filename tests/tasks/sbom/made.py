"""Bills of materials for tests, and strategies for packages such as hostile images name them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from catalog.distributions import Distribution
from catalog.images import ImageConfiguration, ImagePlatform
from catalog.packages import OPERATING_SYSTEM_TYPES, PackageFacts, Role
from catalog.purls import render_purl
from tasks.sbom.bill import Bill, Component, Place

DEBIAN = Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)")
LOWER, UPPER, IMAGE = ("sha256:" + digit * 64 for digit in "abc")

PACKAGES = (
    PackageFacts("deb", "bash", "5.2.15-2+b7", architecture="amd64", source_name="bash", source_version="5.2.15-2"),
    PackageFacts("deb", "libc6", "2.36-9+deb12u4", architecture="amd64", source_name="glibc"),
    PackageFacts("deb", "libgcc-s1", "1:12.2.0-14", architecture="amd64", source_name="gcc-12", source_version="12.2.0-14"),
    PackageFacts("deb", "tar", "1.34+dfsg-1.2", architecture="amd64"),
    PackageFacts("apk", "musl", "1.2.4-r2", architecture="x86_64", source_name="musl", licences=("MIT",)),
    PackageFacts("apk", "libcrypto3", "3.1.4-r5", architecture="x86_64", source_name="openssl"),
    PackageFacts("apk", "odd", "1"),
    PackageFacts("rpm", "bash", "4.4.20-4.el8", epoch=0, architecture="x86_64", source_name="bash", source_version="4.4.20-4.el8"),
    PackageFacts("rpm", "nodejs", "18.1-1.el8", epoch=1, architecture="x86_64", source_name="nodejs", source_version="18.1-1.el8",
                 module="nodejs:18", licences=("MIT and ASL 2.0 and ISC",)),
    PackageFacts("rpm", "x", "1-1", architecture="noarch"),
    PackageFacts("alpm", "gcc-libs", "1:13.2.1-3", architecture="x86_64", source_name="gcc"),
    PackageFacts("portage", "dev-libs/openssl", "3.0.9-r2"),
    PackageFacts("opkg", "busybox", "1.36.1-1", architecture="x86_64", source_name="busybox"),
    PackageFacts("golang", "stdlib", "1.22.3"),
    PackageFacts("golang", "toml", "v1.6.0+x", namespace="github.com/BurntSushi"),
    PackageFacts("golang", "v2", "(devel)", namespace="example.com/A"),
    PackageFacts("npm", "core", "7.0.0", namespace="@babel", licences=("MIT", "Apache-2.0")),
    PackageFacts("npm", "shop", "1.0.0", role=Role.APPLICATION, licences=("SEE LICENSE IN LICENSE.md",)),
    PackageFacts("maven", "log4j-core", "2.14.1", namespace="org.apache.logging.log4j"),
    PackageFacts("pypi", "ruamel-yaml", "0.18", licences=("MIT OR Apache-2.0",)),
    PackageFacts("gem", "rails", "7.1.2"),
    PackageFacts("cargo", "rand", "0.8.5"),
    PackageFacts("composer", "console", "v6.4.1", namespace="symfony"),
    PackageFacts("nuget", "Newtonsoft.Json", "13.0.3"),
    PackageFacts("conda", "numpy", "1.26.4", qualifiers=(("build", "py311h64a7726_0"), ("channel", "conda-forge"),
                 ("subdir", "linux-64"), ("type", "conda"))),
    PackageFacts("cran", "ggplot2", "3.4.4", licences=("MIT + file LICENSE",)),
    PackageFacts("luarocks", "lua-cjson", "2.1.0-1"),
    PackageFacts("hex", "jason", "1.4.1"),
    PackageFacts("otp", "stdlib", "5.2"),
    PackageFacts("bitnami", "nginx", "1.25.3-1", architecture="amd64", qualifiers=(("distro", "debian-12"),)),
    PackageFacts("wordpress-plugin", "akismet", "5.3"),
    PackageFacts("generic", "openjdk", "17.0.9+9", namespace="oracle"),
    PackageFacts("generic", "zulu", "11", qualifiers=(("repository_url", "https://cdn.azul.com/zulu"),)),
)  # fmt: skip
"""A package of every type we find, with what is particular to it."""


def component(facts: PackageFacts, distribution: Distribution = DEBIAN, *paths: str) -> Component:
    """A package as an image of that distribution has it."""
    places = tuple(Place(path, LOWER, UPPER) for path in paths or ("var/lib/dpkg/status",))
    return Component(facts, render_purl(facts, distribution), places)


def bill(*packages: PackageFacts, distribution: Distribution = DEBIAN, **changes: object) -> Bill:
    """A bill of an analysed image with these packages."""
    made = Bill(
        reference="registry.example:5000/shop/web:1.4",
        digest=IMAGE,
        outcome="analysed",
        missing=(),
        analysed_at="2024-05-06T07:08:09Z",
        image_platform=ImagePlatform("linux", "amd64"),
        distribution=distribution,
        layers=(LOWER, UPPER),
        created="2024-05-01T00:00:00Z",
        configuration=ImageConfiguration(
            user="www",
            entrypoint=("/bin/web", "--now"),
            environment_names=("PATH",),
            ports=("80/tcp",),
            labels=(("org.opencontainers.image.title", "Shop"),),
            history=("ADD rootfs.tar /", "RUN apt-get install web"),
        ),
        components=tuple(component(facts, distribution) for facts in packages),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _text(least: int = 0, most: int = 40) -> st.SearchStrategy[str]:
    odd = st.sampled_from(
        [
            "\x07",
            "\n",
            "\u2028",
            "\u202e",
            "é",
            "\U0001f600",
            "/",
            "..",
            "@",
            "%2F",
            "?",
            "#",
            " ",
            '"',
            "\\",
            "&=",
            "\x7f",
        ]
    )
    plain = st.text(
        alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=least, max_size=most
    )
    return st.builds(lambda parts: "".join(parts)[:most], st.lists(odd | plain, min_size=least, max_size=6)).filter(
        lambda text: len(text) >= least
    )


_KINDS = sorted({package.type for package in PACKAGES} | OPERATING_SYSTEM_TYPES)

hostile_facts = st.builds(
    PackageFacts,
    type=st.sampled_from(_KINDS),
    name=_text(1),
    version=_text(1),
    namespace=st.just("") | _text(),
    epoch=st.none() | st.integers(0, 2**31 - 1),
    architecture=st.just("") | _text(),
    source_name=st.just("") | _text(),
    source_version=st.just("") | _text(),
    module=st.just("") | _text(),
    qualifiers=st.just(())
    | st.dictionaries(st.from_regex(r"[a-z][a-z0-9._-]{0,7}", fullmatch=True), _text(0, 8), max_size=2).map(
        lambda found: tuple(sorted(found.items()))
    ),
    licences=st.lists(
        _text() | st.sampled_from(["MIT", "GPL-2.0-or-later", "mit OR (isc)", "LicenseRef-x"]), max_size=3
    ).map(tuple),
    role=st.sampled_from(Role),
)
"""Packages as an image's author may write them: anything that the archive can hold."""
