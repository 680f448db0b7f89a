"""Archives in an image's layers: what an outer file holds comes and goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.layer_builder import File, Member, Whiteout, build_layer
from tests.tasks.analyzers import zip_writer as zips
from tests.tasks.composition.test_real_layers import Fleet

APP, LOG = "opt/app.jar", "opt/lib/log-1.0.jar"


def jar(artifact: str, *libraries: str) -> bytes:
    inner = [zips.Member(f"BOOT-INF/lib/{library}.jar".encode(), jar(library), zips.STORED) for library in libraries]
    text = f"groupId=org.example\nartifactId={artifact}\nversion=1.0\n".encode()
    return zips.write_zip([zips.Member(f"META-INF/maven/org.example/{artifact}/pom.properties".encode(), text), *inner])


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        ({}, {("app", APP, "0"), ("log", APP, "0"), ("json", APP, "0"), ("log", LOG, "0")}),
        ({APP: Whiteout()}, {("log", LOG, "0")}),
        ({"opt": Whiteout()}, set()),
        ({APP: File(jar("app", "json"))}, {("app", APP, "0"), ("json", APP, "0"), ("log", LOG, "0")}),
        ({APP: File(b"")}, {("log", LOG, "0")}),
        ({APP: File(jar("other", "log"))}, {("other", APP, "1"), ("log", APP, "0"), ("log", LOG, "0")}),
    ],
    ids=["untouched", "removed", "folder removed", "one library less", "emptied", "replaced"],
)
def test_what_an_archive_holds_goes_with_it(
    upper: dict[str, Member], expected: set[tuple[str, str, str]], tmp_path: Path
) -> None:
    lower = build_layer({APP: File(jar("app", "log", "json")), LOG: File(jar("log"))})
    found = Fleet(tmp_path).compose(lower, build_layer(upper))
    assert {(row["name"], row["path"], row["since"]) for row in found} == expected
