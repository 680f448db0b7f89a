"""A layer's result under other analysers is what analysing the whole layer anew would give, and costs only what changed."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from catalog.errors import ObjectMissing
from catalog.limits import Limits
from tasks.layers.reanalysis import Difference, difference
from tests.tasks.layers.other_analysers import MAGIC, Bench, analysers
from tests.tasks.layers.reading import END, entry, header

ANALYSERS = ("names", "twins", "wider", "suffix", "folder", "magic", "first", "both")
PLACES = ("a", "b", "c", "d", "e", "d/a", "d/b", "f", "f/any", "f/e", "x/y.json", "y.json", "bin/p", "bin/q", "x")
CONTENTS = (
    b"p1 p2",
    b"bad",
    b"odd p3",
    b"odder keep",
    b"nothing here",
    MAGIC + b" p4 p5 odd",
    MAGIC + b" bad",
    MAGIC + b" nothing",
    MAGIC + b" p6 keep",
    b"",
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def layer(*parts: bytes) -> bytes:
    return b"".join(parts) + END


def file(path: str, data: bytes) -> bytes:
    return entry(path.encode(), data)


@st.composite
def members(draw: st.DrawFn) -> bytes:
    """One entry: nearly always a file."""
    path = draw(st.sampled_from(PLACES))
    kind = draw(st.sampled_from("ffffffffdlhhw"))
    if kind == "f":
        return file(path, draw(st.sampled_from(CONTENTS)))
    if kind == "d":
        return header(path.encode() + b"/", flag=b"5")
    if kind == "w":
        folder, _, base = path.rpartition("/")
        return file(f"{folder}/.wh.{base}" if folder else f".wh.{base}", b"")
    target = draw(st.sampled_from(PLACES)).encode()
    return header(path.encode(), flag=b"1" if kind == "h" else b"2", target=target)


VERSION_SETS = st.fixed_dictionaries({name: st.sampled_from((1, 2, 0)) for name in ANALYSERS})


@given(
    st.lists(members(), min_size=1, max_size=7, unique_by=lambda part: part[:100]),
    VERSION_SETS,
    st.dictionaries(st.sampled_from(ANALYSERS), st.sampled_from((2, 1, 0)), min_size=1, max_size=3),
)
@settings(max_examples=int(os.environ.get("REANALYSIS_EXAMPLES", "120")), suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_rows_and_hashes_are_those_of_a_whole_analysis(
    parts: list[bytes], before: dict[str, int], changes: dict[str, int]
) -> None:
    blob = layer(*parts)
    old, new = analysers(**before), analysers(**(before | changes))
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        former, _ = bench.whole(blob, old)
        expected, rows = bench.whole(blob, new)
        again = bench.again(blob, former, new)
        event("possible" if again.possible else "as a whole")
        merged = bench.result(blob, again) if again.possible else None
        if merged is None:
            return
        event("from bytes" if again.needs_bytes else "from rows")
        event("rows differ" if merged.changed else "same rows")
        assert merged.composition_hash == expected.composition_hash
        assert bench.rows_of(blob, merged, new) == rows


def test_a_layer_that_no_changed_analyser_wants_anything_of_keeps_its_objects_and_needs_no_byte(bench: Bench) -> None:
    blob = layer(file("a", b"p1 p2 odd"), file("srv/other", b"p3"))
    former, _ = bench.whole(blob, analysers(names=1, suffix=1))
    again = bench.again(blob, former, analysers(names=1, suffix=2, folder=1))
    assert (again.possible, again.needs_bytes) == (True, False)
    merged = bench.result(blob, again)
    assert merged is not None
    assert merged.changed == frozenset()
    assert {each.dataset for each in merged.kept} == {each.dataset for each in former.objects} - {"layers"}
    assert merged.composition_hash == former.composition_hash


@pytest.mark.parametrize(
    ("path", "content"),
    [("x/y.json", b"p1"), ("x/y.json", b"nothing"), ("f/any", b"p1")],
)
def test_a_file_that_a_changed_analyser_wants_by_its_path_must_be_read(bench: Bench, path: str, content: bytes) -> None:
    blob = layer(file(path, content))
    former, _ = bench.whole(blob, analysers(names=1, suffix=1, folder=1))
    assert bench.again(blob, former, analysers(names=1, suffix=2, folder=2)).needs_bytes


@pytest.mark.parametrize("flag", [b"1", b"2"])
def test_a_link_at_a_wanted_place_counts_like_a_file(bench: Bench, flag: bytes) -> None:
    blob = layer(file("srv/z", b"p1"), header(b"f/z", flag=flag, target=b"srv/z"))
    former, _ = bench.whole(blob, analysers(names=1))
    assert bench.again(blob, former, analysers(names=1, folder=1)).needs_bytes


def test_removed_places_and_folders_are_no_reason_to_read(bench: Bench) -> None:
    blob = layer(file("f/.wh.z", b""), file(".wh.a", b""), header(b"b/", flag=b"5"))
    former, _ = bench.whole(blob, analysers(suffix=1))
    assert not bench.again(blob, former, analysers(suffix=1, names=1, folder=1, twins=1)).needs_bytes


def test_first_bytes_make_every_confirmed_file_a_reason_to_read(bench: Bench) -> None:
    former, _ = bench.whole(blob := layer(file("f/z", b"text")), analysers(names=1, first=1))
    assert not bench.again(blob, former, analysers(names=1, first=2)).needs_bytes
    former, _ = bench.whole(blob := layer(file("g/z", b"text")), analysers(names=1, first=1))
    assert bench.again(blob, former, analysers(names=1, first=2)).needs_bytes


def test_a_dropped_analyser_takes_its_rows_along_and_needs_no_byte(bench: Bench) -> None:
    blob = layer(file("a", b"p1 odd"), file("x/y.json", b"bad"))
    former, _ = bench.whole(blob, analysers(names=1, suffix=1, folder=1))
    again = bench.again(blob, former, analysers(folder=1))
    assert not again.needs_bytes
    merged = bench.result(blob, again)
    assert merged is not None
    assert (merged.packages, merged.problems) == (0, [])
    assert {dataset.name for dataset in merged.changed} == {"evidence", "problems"}


def test_only_datasets_with_other_rows_are_written_anew(bench: Bench) -> None:
    blob = layer(file("a", b"p1 p2"), file("x/y.json", b"odd"))
    former, _ = bench.whole(blob, analysers(names=1, suffix=1))
    merged = bench.result(blob, bench.again(blob, former, analysers(names=2, suffix=1)))
    assert merged is not None
    assert {dataset.name for dataset in merged.changed} == {"packages"}
    assert {each.dataset for each in merged.kept} == {"entries", "attributes", "evidence", "problems"}


def test_packages_of_a_place_that_two_analysers_read_are_counted_on(bench: Bench) -> None:
    blob = layer(file("b", b"p1 p2 p3"))
    former, _ = bench.whole(blob, analysers(names=1, twins=1))
    new = analysers(names=2, twins=1)
    merged = bench.result(blob, bench.again(blob, former, new))
    assert merged is not None
    rows = bench.rows_of(blob, merged, new)["packages"]
    assert [(row["ordinal"], row["analyser"]) for row in rows] == [
        *((number, "names") for number in range(3)),
        *((number, "twins") for number in (3, 4)),
    ]


def test_problems_come_in_the_order_of_the_archive(bench: Bench) -> None:
    parts = [
        file(f"{place}/a", b"bad") if turn else file(f"x/{place}.json", b"bad")
        for place, turn in zip("zywv", itertools.cycle((0, 1)), strict=False)
    ]
    blob = layer(*parts)
    former, _ = bench.whole(blob, analysers(names=1, suffix=1))
    merged = bench.result(blob, bench.again(blob, former, analysers(names=1, suffix=2)))
    assert merged is not None
    assert [problem.path for problem in merged.problems] == ["x/z.json", "y/a", "x/w.json", "v/a"]


def test_who_wants_a_place_by_its_name_takes_it_from_those_who_go_by_first_bytes(bench: Bench) -> None:
    blob = layer(file("e", MAGIC + b" p1 p2"))
    old, new = analysers(magic=2, names=1), analysers(magic=2, names=1, wider=2)
    former, _ = bench.whole(blob, old)
    merged = bench.result(blob, bench.again(blob, former, new))
    assert merged is not None
    assert {row["analyser"] for row in bench.rows_of(blob, merged, new)["packages"]} == {"wider"}
    former, _ = bench.whole(blob, new)
    again = bench.again(blob, former, old)
    assert again.needs_bytes
    merged = bench.result(blob, again)
    assert merged is not None
    assert {row["analyser"] for row in bench.rows_of(blob, merged, old)["packages"]} == {"magic"}


@pytest.mark.parametrize(
    "parts",
    [
        [file("a", b"p1"), file("a", b"p2")],
        [file("d/a", b"p1"), file("d", b"p2")],
        [header(b"a/", flag=b"5"), file("a", b"p1")],
        [file("a", b"p1"), header(b"g", flag=b"6"), file("g/z", b"")],
    ],
)
def test_a_layer_that_names_a_place_twice_is_analysed_as_a_whole(bench: Bench, parts: list[bytes]) -> None:
    former, _ = bench.whole(blob := layer(*parts), analysers(names=1))
    assert not bench.again(blob, former, analysers(names=1, suffix=1)).possible


def test_a_folder_that_is_named_twice_is_no_reason_for_that(bench: Bench) -> None:
    blob = layer(header(b"d/", flag=b"5"), file("d/a", b"p1"), header(b"d/", flag=b"5"))
    former, _ = bench.whole(blob, analysers(names=1))
    assert bench.again(blob, former, analysers(names=2)).possible


def test_a_problem_of_the_layer_itself_makes_it_be_analysed_as_a_whole(bench: Bench) -> None:
    blob = layer(header(b"strange", flag=b"9"), file("a", b"p1"))
    former, _ = bench.whole(blob, analysers(names=1))
    assert not bench.again(blob, former, analysers(names=2)).possible


def test_another_layer_reader_makes_it_be_analysed_as_a_whole(bench: Bench) -> None:
    former, _ = bench.whole(blob := layer(file("a", b"p1")), analysers(names=1))
    other = tuple(f"layers/0/{'0' * 32}" if name.startswith("layers/") else name for name in former.members)
    assert not bench.again(blob, replace(former, members=other), analysers(names=1)).possible


def test_rows_of_a_dataset_that_is_not_known_here_make_it_be_analysed_as_a_whole(bench: Bench) -> None:
    former, _ = bench.whole(blob := layer(file("a", b"p1")), analysers(names=1))
    odd = replace(former.objects[0], dataset="images")
    assert not bench.again(blob, replace(former, objects=(*former.objects, odd)), analysers(names=2)).possible


def test_a_kept_file_at_a_place_of_analysers_on_both_sides_makes_it_be_analysed_as_a_whole(bench: Bench) -> None:
    former, _ = bench.whole(blob := layer(file("b", b"keep")), analysers(names=1, twins=1))
    again = bench.again(blob, former, analysers(names=2, twins=1))
    assert (again.possible, bench.result(blob, again)) == (True, None)


@pytest.mark.parametrize("limits", [Limits(packages=4), Limits(evidence_bytes=5_000), Limits(problems=2)])
def test_a_cap_that_could_be_reached_together_makes_it_be_analysed_as_a_whole(tmp_path: Path, limits: Limits) -> None:
    bench = Bench(tmp_path, limits)
    blob = layer(file("a", b"p1 p2 odd"), file("x/y.json", b"p1 p2 p3 odd odd"), file("x/z.json", b""))
    former, _ = bench.whole(blob, analysers(names=2))
    again = bench.again(blob, former, analysers(names=2, suffix=2))
    assert (again.possible, bench.result(blob, again)) == (True, None)


def test_former_rows_that_are_lost_are_an_error_that_names_the_object(bench: Bench) -> None:
    former, _ = bench.whole(blob := layer(file("a", b"p1")), analysers(names=1))
    for path in bench.folder.rglob("part-*.parquet"):
        path.unlink()
    with pytest.raises(ObjectMissing):
        bench.again(blob, former, analysers(names=2))


@pytest.mark.parametrize(
    ("former", "now", "expected"),
    [
        (("a/1/0", "layers/1/0"), ("a/1/0", "layers/1/0"), Difference(frozenset(), frozenset({"secrets"}))),
        (("a/1/0", "layers/1/0"), ("a/2/1", "layers/1/0"), Difference(frozenset("a"), frozenset({"a", "secrets"}))),
        (("a/1/0", "layers/1/0"), ("a/1/1", "layers/1/0"), Difference(frozenset("a"), frozenset({"a", "secrets"}))),
        (
            ("z/1/0", "layers/1/0"),
            ("a/1/1", "layers/1/0"),
            Difference(frozenset("a"), frozenset({"a", "z", "secrets"})),
        ),
        (("a/1/0", "layers/1/0"), ("a/1/0", "layers/2/0"), None),
        (("a/1/0",), ("a/1/0", "layers/1/0"), None),
    ],
)
def test_how_two_sets_differ(former: tuple[str, ...], now: tuple[str, ...], expected: Difference | None) -> None:
    assert difference(former, now, ("a",)) == expected
