"""Composition against the naive model: any layers, the same packages with the same layers."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.schemas import OCCURRENCES
from tasks.composition.chains import ChainWalk
from tasks.composition.needs import find_needs
from tasks.composition.ownership import decide_ownership
from tasks.composition.replay import live_occurrences
from tasks.composition.state import ChainState, DeltaRow
from tasks.composition.tables import OccurrenceRows
from tests.tasks.composition.building import Layer, deb, npm
from tests.tasks.composition.naive import ANALYSERS, BY_CONTENT, lacking, unpack, wants

PARTS = st.sampled_from(["a", "b", "lib", "db", "pkg"])
FOLDERS = st.lists(st.sampled_from(["a", "b", "lib"]), max_size=2)
PATHS = st.builds(lambda folder, name: "/".join([*folder, name]), FOLDERS, PARTS)
TARGETS = st.builds(
    lambda start, parts: start + "/".join(parts),
    st.sampled_from(["", "/", "../", "./"]),
    st.lists(st.sampled_from(["a", "b", "lib", "db", "pkg", ".."]), max_size=3),
)
PACKAGES = st.lists(st.sampled_from([deb("x"), deb("x", "2"), deb("y"), deb("y", source="z")]), max_size=3, unique=True)
MODULES = st.lists(st.sampled_from([npm("x"), npm("y"), npm("y", "2")]), max_size=2, unique=True)
OWNED = st.sampled_from(["a/pkg", "lib/pkg", "b/pkg", "pkg"])
CLAIMS = st.lists(st.tuples(st.sampled_from([deb("x"), deb("y")]), OWNED), max_size=4)
FEW_PATHS = st.sampled_from(["db", "a/db", "db", "a/db", "a/pkg", "lib/pkg", "a/pkg", "lib/pkg", "lib", "a"])
"""So few that owners and what they own meet."""


@st.composite
def layers(draw: st.DrawFn, paths: st.SearchStrategy[str] = PATHS) -> Layer:
    """A layer as its analysis would record it: evidence at every wanted name, none elsewhere; no path twice."""
    layer = Layer(draw(st.sampled_from("ABCDEF")))
    found: dict[str, tuple] = {}
    links: list[str] = []
    for path in draw(st.lists(paths, max_size=7, unique=True)):
        kind = draw(st.sampled_from(["file", "file", "file", "directory", "symlink", "hardlink", "device"]))
        if kind == "file" and wants(path):
            found[path] = tuple(draw(PACKAGES if path.endswith("db") else MODULES))
            layer.database(path, *found[path]).read_by(path, *ANALYSERS.names_wanting(path))
            for owner, owned in draw(CLAIMS) if path.endswith("db") else ():
                layer.claim(path, owner, owned, listed=owner in found[path])
        elif kind == "file" and not path.endswith("b") and draw(st.booleans()):
            found[path] = tuple(draw(MODULES)) or (npm("x"),)
            layer.database(path, *found[path]).read_by(path, BY_CONTENT)
        elif kind == "symlink":
            links.append(path)
            layer.symlink(path, draw(TARGETS))
            if wants(path):
                layer.evidence[path] = "link"
                layer.read_by(path, *ANALYSERS.names_wanting(path))
        elif kind == "hardlink":
            target = draw(st.sampled_from([*found, *found, *links, "a/db", "db", "lib/pkg", "a"]))
            reader = layer.readers_of(target)[0] if target in found else ""
            recognised = ANALYSERS.names_recognising(path, frozenset({reader})) if not wants(path) else ()
            if reader in ANALYSERS.names_wanting(path) or recognised:
                found[path] = found[target]
                if target in layer.claims:
                    layer.claims[path] = layer.claims[target]
                layer.hardlink(path, target, *found[target], state="read").read_by(path, reader)
            else:
                layer.hardlink(path, target, state="link" if wants(path) else "")
                layer.read_by(path, *ANALYSERS.names_wanting(path))
            if target in layer.rights:
                layer.rights[path] = layer.rights[target]
        else:
            getattr(layer, kind)(path)
        if kind == "file" and draw(st.integers(0, 3)) == 0:
            layer.rights[path] = draw(st.sampled_from([(0o4755, 0, 0), (0o2755, 0, 5)]))
    for path in draw(st.lists(PATHS, max_size=2)):
        layer.whiteout(path)
    for folder in draw(st.lists(FOLDERS, max_size=1)):
        layer.opaque("/".join(folder))
    if draw(st.booleans()):
        layer.entries.sort(key=lambda entry: entry[1], reverse=True)
    return layer


@st.composite
def plain_layers(draw: st.DrawFn) -> Layer:
    """A layer without hard links, so that it is plain whose bytes are whose."""
    layer = Layer(draw(st.sampled_from("ABCDEF")))
    for path in draw(st.lists(PATHS, max_size=7, unique=True)):
        kind = draw(st.sampled_from(["file", "file", "file", "directory", "symlink", "symlink"]))
        if kind == "symlink":
            layer.symlink(path, draw(TARGETS))
            if wants(path):
                layer.evidence[path] = "link"
                layer.read_by(path, *ANALYSERS.names_wanting(path))
        elif kind == "file" and wants(path):
            layer.database(path, npm("x")).read_by(path, *ANALYSERS.names_wanting(path))
        elif kind == "file" and draw(st.integers(0, 3)) == 0:
            layer.database(path, npm("y")).read_by(path, BY_CONTENT)
        else:
            getattr(layer, kind)(path)
    for path in draw(st.lists(PATHS, max_size=1)):
        layer.whiteout(path)
    return layer


def compose(stack: list[Layer], *, small: int) -> list[tuple[ChainState, list[DeltaRow]]]:
    """Every chain of a stack of layers with its delta."""
    by_digest = {layer.digest: layer.rows(small=small) for layer in stack}
    finished: list[tuple[ChainState, list[DeltaRow]]] = []
    walk = ChainWalk(
        by_digest.__getitem__, lambda _: b"", ANALYSERS, lambda state, rows: finished.append((state, rows))
    )
    walk.compose([layer.digest for layer in stack])
    return finished


@settings(max_examples=300, deadline=None)
@given(st.lists(layers(), min_size=1, max_size=4), st.sampled_from([0, 2048]))
def test_composition_equals_unpacking_and_looking(stack: list[Layer], small: int) -> None:
    deltas = []
    for (state, rows), expected in zip(compose(stack, small=small), unpack(stack), strict=True):
        delta = OccurrenceRows()
        delta.add(state.chain, state.parent, rows)
        deltas.append(pa.concat_tables([OCCURRENCES.schema.empty_table(), *delta.tables()]))
        live = {
            (r["package"], r["path"]): (r["introduced"], r["evidence"]) for r in live_occurrences(deltas).to_pylist()
        }
        assert live == expected.packages
        members = {package for count in state.packages.values() for package in count.occurrences}
        assert members == {package for package, _ in expected.packages}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(layers(), layers(FEW_PATHS)), min_size=1, max_size=4), st.sampled_from([0, 2048]))
def test_privileged_files_and_ownership_equal_those_of_what_was_unpacked(stack: list[Layer], small: int) -> None:
    claims = {layer.digest: layer.claimed() for layer in stack}
    for (state, _), expected in zip(compose(stack, small=small), unpack(stack), strict=True):
        files = {path: state.privileged.get(path) for path in state.privileged}
        assert {path: file.rights for path, file in files.items() if file} == expected.privileged
        ownership = decide_ownership(state, claims.__getitem__)
        assert {(path, package): owner for path, package, owner in ownership.rows} == expected.owned
        places = {
            package: [path for found, path in expected.packages if found == package] for _, package in expected.owned
        }
        whole = {
            package for package, paths in places.items() if all((path, package) in expected.owned for path in paths)
        }
        assert {package for packages in ownership.packages.values() for package in packages} == whole


@settings(max_examples=300, deadline=None)
@given(st.lists(plain_layers(), min_size=1, max_size=3), st.sampled_from([0, 2048]))
def test_what_links_show_to_analysers_that_did_not_read_it_is_asked_for(stack: list[Layer], small: int) -> None:
    by_digest = {layer.digest: layer.rows(small=small) for layer in stack}
    digests = [layer.digest for layer in stack]
    walk = ChainWalk(by_digest.__getitem__, lambda _: b"", ANALYSERS, lambda *_: None)
    needs = find_needs(walk.compose(digests), digests, walk, ANALYSERS).files
    asked = {(need.layer, need.path, name) for need in needs for name in ANALYSERS.names_wanting(need.wanted)}
    assert asked == lacking(stack)
    assert len({(need.layer, need.path, need.wanted.rpartition("/")[2]) for need in needs}) == len(needs)


@settings(max_examples=50, deadline=None)
@given(st.lists(layers(), min_size=1, max_size=4))
def test_deltas_are_written_in_the_order_of_their_key(stack: list[Layer]) -> None:
    rows = OccurrenceRows()
    for state, delta in compose(stack, small=2048):
        rows.add(state.chain, state.parent, delta)
    keys = list(
        zip(
            *(
                pa.concat_tables([OCCURRENCES.schema.empty_table(), *rows.tables()])[name].to_pylist()
                for name in OCCURRENCES.key
            ),
            strict=True,
        )
    )
    assert keys == sorted(keys)
