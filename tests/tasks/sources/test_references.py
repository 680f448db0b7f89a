"""What names an image, and its canonical text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InvalidReference
from tasks.sources.references import canonical_reference, parse_source

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("text", "place", "repository", "name"),
    [
        ("registry.example:5000", "registry.example:5000", "", ""),
        ("localhost", "localhost", "", ""),
        ("registry.example/app", "registry.example", "app", ""),
        ("Registry.Example:5000/team/app:1.0", "registry.example:5000", "team/app", "1.0"),
        (f"registry.example/app@{DIGEST}", "registry.example", "app", DIGEST),
        (f"registry.example/app:1@{DIGEST}", "registry.example", "app", DIGEST),
        ("[::1]:5000/app:1", "[::1]:5000", "app", "1"),
        ("docker.io/alpine:3", "docker.io", "library/alpine", "3"),
        ("index.docker.io/grafana/grafana", "docker.io", "grafana/grafana", ""),
        ("127.0.0.1:5000/a-b/c_d/e.f/g__h:T", "127.0.0.1:5000", "a-b/c_d/e.f/g__h", "T"),
    ],
)
def test_registry_references_are_taken_apart(text: str, place: str, repository: str, name: str) -> None:
    found = parse_source(text)
    assert (found.place, found.repository, found.name) == (place, repository, name)


@pytest.mark.parametrize(
    "text",
    ["", " ", "alpine", "alpine:3.19", "team/app:1", "https://registry.example/app", "registry.example/App", "registry.example/app:",
     "registry.example/app:a b", "registry.example/app@sha256:abc", "registry.example/app@", "registry.example/", "registry.example//app",
     "registry.example:0/app", "registry.example:99999/app", "registry.example/../app", "user@registry.example/app", "-x.example/app",
     "registry.example/app:" + "t" * 129, "registry.example/" + "a" * 256, "oci:", "rootfs:", "docker-archive:", "rootfs:/a\nb",
     "registry.example/app?x", "registry.example/app#x", "registry.example\\app:1", "x" * 9000, "registry.example/a\u0301"],
)  # fmt: skip
def test_what_names_no_image_is_invalid(text: str) -> None:
    with pytest.raises(InvalidReference) as raised:
        parse_source(text)
    assert str(raised.value).isprintable()


def test_a_short_name_is_answered_with_how_to_write_it() -> None:
    with pytest.raises(InvalidReference, match=r"docker\.io/alpine"):
        parse_source("alpine")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("registry.example/app", "registry.example/app:latest"),
        ("docker.io/alpine:3", "docker.io/library/alpine:3"),
        (f"registry.example/app:1@{DIGEST}", f"registry.example/app@{DIGEST}"),
        (DIGEST, DIGEST),
        ("oci:/a/./b/../c/:tag", "oci:/a/c:tag"),
        (f"oci:/a/c@{DIGEST}", f"oci:/a/c@{DIGEST}"),
        ("oci:/nothing/here", "oci:/nothing/here"),
        ("oci:/nothing/here:docker.io/library/alpine:3.19", "oci:/nothing/here:docker.io/library/alpine:3.19"),
        ("docker-archive:/nothing/x.tar:alpine:3", "docker-archive:/nothing/x.tar:alpine:3"),
        ("rootfs:/", "rootfs:/"),
        ("rootfs:/srv//root/", "rootfs:/srv/root"),
    ],
)
def test_every_image_has_one_text(text: str, canonical: str) -> None:
    assert canonical_reference(text) == canonical


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert canonical_reference("oci:fleet:1") == f"oci:{tmp_path}/fleet:1"


def test_a_directory_with_a_colon_is_found_when_it_exists(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    assert parse_source(f"oci:{tmp_path}/a:b").name == ""
    assert parse_source(f"oci:{tmp_path}/a:b:tag").name == "tag"


def test_a_registry_alone_is_no_image() -> None:
    with pytest.raises(InvalidReference):
        canonical_reference("registry.example:5000")


def test_a_list_is_no_image() -> None:
    with pytest.raises(InvalidReference):
        canonical_reference("@list")


@given(st.text(max_size=60) | st.from_regex(r"[a-z0-9.:/@\[\]-]{1,40}", fullmatch=True))
def test_no_text_raises_anything_else_and_canonical_texts_are_stable(text: str) -> None:
    try:
        canonical = canonical_reference(text)
    except InvalidReference:
        return
    assert canonical_reference(canonical) == canonical


@pytest.mark.parametrize(
    "text", ["./image.tar", "/srv/layout", "../root", "~/image.tar", ".", "image.tar", "image.tar.gz"]
)
def test_a_path_is_answered_with_the_sources_that_take_paths(text: str) -> None:
    with pytest.raises(InvalidReference, match="is a path; write docker-archive:FILE, oci:DIR or rootfs:DIR"):
        parse_source(text)


def test_a_slash_at_the_end_is_named() -> None:
    with pytest.raises(InvalidReference, match=r"ends in a slash; write registry\.example:5000$"):
        parse_source("registry.example:5000/")


@pytest.mark.parametrize(
    "text",
    [
        "user:s3cret@registry.example/app:1",
        "https://user:s3cret@registry.example/app:1",
        "user:s3cret@registry.example:5000",
        "user:s3/cret@registry.example/app",
    ],
)
def test_a_password_in_a_source_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidReference, match="docker login") as caught:
        parse_source(text)
    assert "cret" not in str(caught.value)
