"""Layers of many entries, where only the few that matter are looked at."""

from __future__ import annotations

import time

import pytest

from tasks.composition.apply import apply_layer
from tasks.composition.chains import ChainWalk
from tasks.composition.state import ChainState
from tests.tasks.composition.building import APK, Layer, apk, npm
from tests.tasks.composition.naive import ANALYSERS

MANY = 5_000


def filled(layer: Layer) -> Layer:
    for n in range(MANY):
        layer.file(f"usr/share/d{n % 100}/f{n}")
    return layer


def compose(*stack: Layer) -> ChainState:
    rows = {layer.digest: layer.rows() for layer in stack}
    return ChainWalk(rows.__getitem__, lambda _: b"", ANALYSERS, lambda *_: None).compose(
        [layer.digest for layer in stack]
    )


def names(state: ChainState) -> set[str]:
    return {kind for kind, count in state.packages.items() if count.occurrences}


BASE = (
    Layer("base")
    .symlink("lib", "usr/lib")
    .database("usr/lib/apk/db/installed", apk("musl"))
    .database("srv/pkg", npm("a"))
)


@pytest.mark.parametrize("position", ["before", "after"])
@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("srv/pkg", {"apk"}),
        ("srv", {"apk"}),
        ("usr/lib/apk", {"npm"}),
        ("lib/apk/db/installed", {"npm"}),
        ("lib/apk", {"npm"}),
        ("srv/pkg/below", {"apk"}),
        ("elsewhere", {"apk", "npm"}),
    ],
)
def test_the_one_plain_file_that_matters_is_found_among_thousands(path: str, left: set[str], position: str) -> None:
    top = Layer("top")
    top = filled(top.file(path)) if position == "before" else filled(top).file(path)
    assert names(compose(BASE, top)) == left


def test_a_plain_directory_over_a_link_is_found_among_thousands() -> None:
    top = filled(Layer("top")).directory("lib").whiteout(APK)
    assert names(compose(BASE, top)) == {"apk", "npm"}


def test_a_plain_file_over_evidence_of_its_own_layer_is_found() -> None:
    own = filled(Layer("own").database("x/pkg", npm("x"))).file("x")
    assert names(compose(own)) == set()


def test_few_rows_of_a_large_layer_are_looked_at() -> None:
    rows = filled(Layer("top")).database("x/pkg", npm("x")).rows()
    assert len(rows.special) == 1
    applied = apply_layer(compose(BASE).root, rows, ANALYSERS)
    assert rows.with_neighbours([applied.root]) is rows.special


@pytest.mark.parametrize("target", ["loop", "../" * 200 + "loop", "/loop/loop/loop", "loop/" * 200])
def test_loops_of_links_cost_no_more_than_other_links(target: str) -> None:
    hostile = Layer("hostile").symlink("loop", target)
    for n in range(5_000):
        hostile.database(f"loop/d{n}/pkg", npm("x"))
    started = time.process_time()
    compose(hostile, Layer("top").whiteout("loop/d1").opaque("loop"))
    assert time.process_time() - started < 5
