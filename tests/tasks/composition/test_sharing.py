"""Mappings whose versions share what they have in common."""

from __future__ import annotations

import gc
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from tasks.analyzers.selection import DEFAULT
from tasks.composition.chains import ChainWalk
from tasks.composition.sharing import SharedMapping
from tests.tasks.composition.building import Layer, deb, npm

changes = st.dictionaries(st.integers(0, 9), st.none() | st.integers(0, 3), max_size=6)


@given(st.lists(st.tuples(st.integers(0, 99), changes), max_size=25), st.lists(st.integers(0, 99), max_size=10))
def test_every_version_stays_what_it_was_whichever_was_asked_last(
    steps: list[tuple[int, dict[int, int | None]]], asked: list[int]
) -> None:
    versions: list[SharedMapping[int, int]] = [SharedMapping()]
    models: list[dict[int, int]] = [{}]
    for number, change in steps:
        number %= len(versions)
        versions.append(versions[number].changed(change))
        merged = {**models[number], **change}
        models.append({key: value for key, value in merged.items() if value is not None})
    for number in (*asked, *range(len(versions))):
        version, model = versions[number % len(versions)], models[number % len(versions)]
        assert {key: version.get(key) for key in version} == model
        assert len(version) == len(model)
        assert all((key in version) == (key in model) for key in range(10))


def test_what_is_empty_holds_on_to_no_other_version() -> None:
    empty: SharedMapping[str, int] = SharedMapping()
    one, other = empty.changed({"a": 1}), empty.changed({"b": 2, "c": None})
    assert (list(empty), list(one), list(other)) == ([], ["a"], ["b"])
    assert one.get("b") is None
    assert empty._nearer is None


def _memory_of_states(base: Layer, tops: list[Layer]) -> int:
    """Bytes that the states of further layers take over the lowest one."""
    rows = {layer.digest: layer.rows() for layer in (base, *tops)}
    walk = ChainWalk(rows.get, str.encode, DEFAULT, lambda *_: None)
    walk.compose([base.digest])
    gc.collect()
    tracemalloc.start()
    try:
        walk.compose([base.digest, *(layer.digest for layer in tops)])
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_a_chain_over_thousands_of_links_names_and_packages_costs_what_its_layers_change() -> None:
    base = Layer("base").database("var/lib/dpkg/status", *(deb(f"p{n}") for n in range(3000)))
    base.database("a/package.json", npm("x"))
    for n in range(3000):
        base.symlink(f"usr/l{n}/package.json", "../x").hardlink(f"usr/h{n}/package.json", "a/package.json", npm("x"))
    tops = [
        Layer(f"top{n}")
        .symlink(f"more{n}/package.json", "../y")
        .hardlink(f"name{n}/package.json", "a/package.json", npm("x"))
        .database(f"var/lib/dpkg/status.d/d{n}", deb(f"q{n}"))
        for n in range(20)
    ]
    assert _memory_of_states(base, tops) < 20 * 10_000
