"""At which of a package's files evidence may lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.limits import Limits
from tasks.analyzers import DEFAULT, Selection, interface
from tasks.analyzers.binaries.products import PRODUCTS
from tasks.analyzers.interface import Claim
from tasks.analyzers.places import NO_EVIDENCE_ENDINGS, NO_EVIDENCE_FOLDERS, NO_EVIDENCE_NAMES, places_of_evidence
from tasks.layers.paths import normalised, text
from tests.tasks.analyzers.test_product_binary import EVIDENCE


def kept(*lists: list[str]) -> list[str]:
    """Those of some lists' paths at which evidence may lie."""
    claims = [Claim.of("deb/a", b"", paths) for paths in lists if paths]
    listed = b"".join(claim.listed for claim in claims)
    ends = np.flatnonzero(np.frombuffer(listed, dtype=np.uint8) == 0)
    last = np.cumsum([len(claim.paths) for claim in claims], dtype=np.int64) - 1
    found = places_of_evidence(listed, ends, last)
    return [path for path, here in zip([path for paths in lists for path in paths], found, strict=True) if here]


def among(*paths: str) -> list[str]:
    return kept(list(paths))


def one_by_one(paths: list[str]) -> list[str]:
    """The rule, as it is said."""
    return [
        path
        for path, following in zip(paths, [*paths[1:], ""], strict=False)
        if path[path.rfind(".") :] not in NO_EVIDENCE_ENDINGS
        and not following.startswith(f"{path}/")
        and path.rpartition("/")[2] not in NO_EVIDENCE_NAMES
        and not path.startswith(NO_EVIDENCE_FOLDERS)
    ]


PIECES = st.sampled_from(
    (
        *sorted(NO_EVIDENCE_ENDINGS),
        *sorted(NO_EVIDENCE_NAMES - {""}),
        *NO_EVIDENCE_FOLDERS,
        *("usr/", "usr/share", "a", "bin/", "/", "\N{LATIN SMALL LETTER E WITH ACUTE}", ".", "x.gzz", "gz", " "),
    )
)


PATHS = st.lists(PIECES, max_size=4).map(lambda pieces: text(normalised("".join(pieces).encode()))).filter(bool)


@given(st.lists(st.lists(PATHS, max_size=6), max_size=4))
def test_many_lists_at_once_are_looked_at_like_path_by_path(lists: list[list[str]]) -> None:
    assert kept(*lists) == [path for paths in lists for path in one_by_one(paths)]


@pytest.mark.parametrize("word", sorted({*NO_EVIDENCE_ENDINGS, *NO_EVIDENCE_NAMES, *NO_EVIDENCE_FOLDERS} - {""}))
def test_every_ending_name_and_folder_counts(word: str) -> None:
    word = word.strip("/")
    for path in (word, f"opt/{word}", f"opt/a{word}", f"{word}a", f"{word}/a", word[1:], word[:-1]):
        assert kept([path], ["z"]) == [*one_by_one([path]), "z"]


@pytest.mark.parametrize(
    "path",
    [
        "usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO",
        "usr/lib/python3/dist-packages/six-1.16.0.egg-info",
        "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA",
        "usr/share/nodejs/lodash/package.json",
        "usr/share/doc/some/examples/package.json",
        "usr/share/java/commons.jar",
        "usr/share/rubygems-integration/all/specifications/rake-13.0.6.gemspec",
        "usr/share/wordpress/wp-content/plugins/hello.php",
        "usr/lib/erlang/lib/kernel-8/ebin/kernel.app",
        "usr/bin/docker",
        "usr/bin/go",
        "bin/sh",
        "usr/bin/lua",
        "sh",
        "usr/bin/python3.11",
        "usr/lib/x86_64-linux-gnu/libssl.so.3",
        "usr/lib/libz.so",
        "usr/lib/x.service.d/sh",
        "usr/lib/node/addon.node",
    ],
)
def test_evidence_may_lie_there(path: str) -> None:
    assert among(path) == [path]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "usr/share/doc/bash/copyright",
        "usr/share/man/man1/ls.1.gz",
        "usr/share/zoneinfo/UTC",
        "usr/lib/python3/dist-packages/six.py",
        "usr/include/zlib.h",
        "usr/share/nodejs/lodash/index.js",
        "usr/share/doc/bash/README.Debian",
        "var/lib/dpkg/info/bash.list",
        "lib/systemd/system/ssh.service",
    ],
)
def test_no_evidence_lies_there(path: str) -> None:
    assert among(path) == []


def test_a_folder_before_its_files_is_no_place() -> None:
    assert among("usr", "usr/bin", "usr/bin/a", "usr/bin/a.b", "usr/bin/a.b") == [
        "usr/bin/a",
        "usr/bin/a.b",
        "usr/bin/a.b",
    ]


def test_a_name_that_begins_like_the_one_before_is_not_below_it() -> None:
    assert among("usr/bin/python3", "usr/bin/python3.11") == ["usr/bin/python3", "usr/bin/python3.11"]


@pytest.mark.parametrize("product", [product.name for product in PRODUCTS])
def test_every_product_may_lie_in_its_place(product: str) -> None:
    path, _, _ = EVIDENCE[product]
    assert among(path) == [path]


# What package databases themselves consist of is never owned in this sense, nor what stands for a bill of materials.
LANGUAGES = Selection(a for a in DEFAULT.analysers if not a.claims and a.name != "sbom")


def test_no_analyser_wants_what_is_passed_over() -> None:
    wanted = [name for a in LANGUAGES.analysers for name in (*a.wanted.names, *a.wanted.suffixes)]
    assert not {name[name.rfind(".") :] for name in wanted} & NO_EVIDENCE_ENDINGS
    assert not set(wanted) & NO_EVIDENCE_NAMES
    assert not [analyser.name for analyser in LANGUAGES.analysers if analyser.wanted.folders]


WORDS = (
    *("a", "METADATA", "package.json", "x.deps.json", "x.gemspec", "x.jar", "x.app", "x.egg-info", "plugins", "x.gz"),
    *(
        "sh",
        "release",
        "DESCRIPTION",
        "x.rockspec",
        "x.php",
        "wp-content",
        "ebin",
        "x.dist-info",
        "usr",
        "share",
        "doc",
    ),
    *("specifications", "conda-meta", "x.json", "lib", "node_modules", "composer", "installed.json", "opt", "bitnami"),
    *(".spdx-a.spdx", "META-INF", "maven", "pom.properties"),
)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map("/".join))
def test_whatever_is_wanted_by_name_may_be_owned(path: str) -> None:
    if LANGUAGES.wanting(path):
        assert among(path) == [path]


def test_endings_have_their_dot_and_folders_their_slash() -> None:
    assert all(ending.startswith(".") and ending.count(".") == 1 for ending in NO_EVIDENCE_ENDINGS)
    assert all(folder.endswith("/") and not folder.startswith("/") for folder in NO_EVIDENCE_FOLDERS)
    assert not {".so", ".node", ".bin", "", "."} & NO_EVIDENCE_ENDINGS


def test_what_is_passed_over_is_part_of_the_behaviour_of_those_who_read_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {analyser.name: analyser.fingerprint(Limits()) for analyser in DEFAULT.analysers}
    monkeypatch.setattr(interface, "PLACES", "other")
    changed = {a.name for a in DEFAULT.analysers if a.fingerprint(Limits()) != before[a.name]}
    assert changed == {"alpm", "apk", "dpkg", "opkg", "portage", "rpm"}
