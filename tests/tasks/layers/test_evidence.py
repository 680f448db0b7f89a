"""Which evidence of a layer is left at its end, and what an analyser's failure costs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Remark, Wanted
from tasks.analyzers.selection import Selection
from tasks.layers import walker
from tests.tasks.layers.reading import END, entry, header, read

DPKG = "var/lib/dpkg/status"


def status(name: str, version: str = "1") -> bytes:
    return f"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: all\n\n".encode()


def file(path: str, data: bytes) -> bytes:
    return entry(path.encode(), data)


def hard_link(path: str, target: str) -> bytes:
    return header(path.encode(), flag=b"1", target=target.encode())


def symlink(path: str, target: str) -> bytes:
    return header(path.encode(), flag=b"2", target=target.encode())


def folder(path: str) -> bytes:
    return header(path.encode() + b"/", flag=b"5")


def package_json(name: str) -> bytes:
    return b'{"name": "%s", "version": "1"}' % name.encode()


def layer(*parts: bytes) -> bytes:
    return b"".join(parts) + END


def test_a_wanted_file_without_packages_is_evidence_all_the_same() -> None:
    result = read(layer(file(DPKG, b"")))
    assert result.evidence == {(DPKG, "dpkg"): "read"}
    assert result.packages == []
    assert result.reasons == []


def test_of_two_entries_at_one_path_the_last_counts() -> None:
    result = read(layer(file(DPKG, status("old")), file(DPKG, status("new"))))
    assert result.packages == [(DPKG, "new", "1")]
    assert result.paths == [DPKG, DPKG]


def test_of_two_spellings_of_one_path_the_last_counts() -> None:
    assert read(layer(file(DPKG, status("old")), file("./" + DPKG, status("new")))).packages == [(DPKG, "new", "1")]


@pytest.mark.parametrize(
    "replacement",
    [
        folder(DPKG),
        header(DPKG.encode(), flag=b"6"),
        header(DPKG.encode(), flag=b"3"),
        symlink("var/lib/dpkg", "elsewhere"),
        file("var/lib/dpkg", b"a file"),
        file("./var//lib", b"a file"),
        header(b"var", flag=b"6"),
    ],
)
def test_evidence_goes_when_something_else_takes_its_place_or_a_folders(replacement: bytes) -> None:
    result = read(layer(file(DPKG, status("a")), file("a/package.json", package_json("n")), replacement))
    assert result.packages == [("a/package.json", "n", "1")]


@pytest.mark.parametrize(
    "other", [folder("var/lib/dpkg"), folder("var"), file("var/lib/dpkg.d", b"x"), file("lib", b"x")]
)
def test_evidence_stays_when_nothing_takes_its_place(other: bytes) -> None:
    assert read(layer(file(DPKG, status("a")), other)).packages == [(DPKG, "a", "1")]


def test_evidence_that_comes_after_the_replacement_counts() -> None:
    tar = layer(file(DPKG, status("a")), file("var/lib", b"x"), folder("var/lib"), file(DPKG, status("b")))
    assert read(tar).packages == [(DPKG, "b", "1")]


def test_a_whiteout_does_not_touch_evidence_of_its_own_layer() -> None:
    for parts in (
        (file(DPKG, status("a")), file("var/lib/dpkg/.wh.status", b"")),
        (file("var/.wh.lib", b""), file(DPKG, status("a"))),
    ):
        assert read(layer(*parts)).packages == [(DPKG, "a", "1")]


def test_a_hard_link_at_a_wanted_path_shares_the_evidence_it_links_to() -> None:
    result = read(layer(file("a/package.json", package_json("n")), hard_link("b/package.json", "a/package.json")))
    assert result.packages == [("a/package.json", "n", "1"), ("b/package.json", "n", "1")]
    assert set(result.evidence.values()) == {"read"}


def test_a_hard_link_may_come_before_what_it_links_to() -> None:
    tar = layer(hard_link("b/package.json", "./a/package.json"), file("a/package.json", package_json("n")))
    assert [path for path, _, _ in read(tar).packages] == ["a/package.json", "b/package.json"]


def test_hard_links_are_followed_over_several_steps_and_never_in_circles() -> None:
    tar = layer(
        hard_link("c/package.json", "b/package.json"),
        hard_link("b/package.json", "a/package.json"),
        file("a/package.json", package_json("n")),
        hard_link("x/package.json", "y/package.json"),
        hard_link("y/package.json", "x/package.json"),
        hard_link("z/package.json", "z/package.json"),
    )
    result = read(tar)
    assert len(result.packages) == 3
    assert {result.evidence[f"{name}/package.json", "npm"] for name in "xyz"} == {"link"}


def test_a_hard_link_keeps_what_it_linked_to_when_that_is_replaced() -> None:
    tar = layer(
        file("a/package.json", package_json("old")),
        hard_link("b/package.json", "a/package.json"),
        file("a/package.json", package_json("new")),
    )
    assert read(tar).packages == [("a/package.json", "new", "1"), ("b/package.json", "old", "1")]


def test_a_hard_link_shares_contents() -> None:
    tar = layer(file("usr/lib/os-release", b"ID=x\n"), hard_link("etc/os-release", "usr/lib/os-release"))
    assert read(tar).contents == {"etc/os-release": b"ID=x\n", "usr/lib/os-release": b"ID=x\n"}


def test_a_hard_link_to_bytes_that_nobody_kept_waits_for_composition() -> None:
    result = read(layer(file("data/db", status("a")), hard_link(DPKG, "data/db")))
    assert result.evidence == {(DPKG, "dpkg"): "link"}
    assert result.packages == []


def test_a_hard_link_to_evidence_that_is_gone_waits_for_composition() -> None:
    tar = layer(
        file("a/package.json", package_json("n")),
        header(b"a", flag=b"6"),
        hard_link("b/package.json", "a/package.json"),
    )
    assert read(tar).evidence == {("b/package.json", "npm"): "link"}


def test_a_symlink_at_a_wanted_path_waits_for_composition() -> None:
    tar = layer(file("usr/lib/os-release", b"ID=x\n"), symlink("etc/os-release", "../usr/lib/os-release"))
    result = read(tar)
    assert result.evidence == {("etc/os-release", "os-release"): "link", ("usr/lib/os-release", "os-release"): "read"}
    assert result.contents == {"usr/lib/os-release": b"ID=x\n"}


class Fussy(Analyser):
    """Fails as its data says."""

    name = "fussy"
    version = 1
    wanted = Wanted(names=("fussy",), suffixes=(".fuss",), folders=("opt/fuss",), magics=(b"FUSS",))

    def confirm(self, path: str) -> bool:
        return "not-this" not in path

    def size_cap(self, limits: Limits) -> int:
        return limits.text_bytes

    def looks_right(self, path: str, head: Data) -> bool:
        return b"wrong" not in head

    def analyse(self, path: str, data: Data) -> Findings:
        word = bytes(data).removeprefix(b"FUSS")
        if word == b"parse":
            raise ParseError("cannot be parsed")
        if word == b"bug":
            raise RecursionError
        if word == b"nothing":
            return Findings()
        if word == b"remark":
            return Findings(remarks=[Remark("odd", "an oddity", partial=False)])
        versions = word.decode("utf-8", "surrogateescape").split(",")
        return Findings(packages=[PackageFacts("generic", "fuss", version) for version in versions])


FUSSY = Selection((Fussy(),))


@pytest.mark.parametrize(("word", "reason"), [(b"parse", "parse-error"), (b"bug", "analyser-error")])
def test_a_failing_analyser_costs_one_problem_and_no_neighbour(word: bytes, reason: str) -> None:
    result = read(layer(file("a/fussy", b"1"), file("b/fussy", word), file("c/fussy", b"2")), selection=FUSSY)
    assert [path for path, _, _ in result.packages] == ["a/fussy", "c/fussy"]
    assert result.evidence["b/fussy", "fussy"] == "failed"
    assert result.reasons == [reason]
    assert result.records.outcome == "partial"
    assert len(result.entries) == 3


def test_a_remark_that_hides_nothing_leaves_the_layer_complete() -> None:
    result = read(layer(file("fussy", b"remark")), selection=FUSSY)
    assert (result.reasons, result.records.outcome) == (["odd"], "complete")


def test_files_are_found_by_name_suffix_folder_and_first_bytes() -> None:
    tar = layer(
        file("x/fussy", b"1"),
        file("x/a.fuss", b"2"),
        file("opt/fuss/any", b"3"),
        file("x/magic", b"FUSS4"),
        file("x/wrong", b"FUSSwrong"),
        file("x/not-this.fuss", b"5"),
        file("x/other", b"FUS"),
    )
    assert sorted(version for _, _, version in read(tar, selection=FUSSY).packages) == ["1", "2", "3", "4"]


def test_first_bytes_are_looked_at_wherever_the_window_ends() -> None:
    parts = [file(f"f{n}", b"FUSS%d" % n + bytes(n * 37 % 5000)) for n in range(300)]
    found = read(layer(*parts), selection=FUSSY)
    assert len(found.evidence) == 300


def test_wanted_files_are_turned_into_rows_some_thousands_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker, "CHUNK_ENTRIES", 10)
    result = read(layer(*(file(f"f{n}", b"FUSS%d" % n + bytes(3000)) for n in range(500))), selection=FUSSY)
    assert result.paths == [f"f{n}" for n in range(500)]


@pytest.mark.parametrize("version", [b"a\0b", b"\xff", b"v" * 20_000])
def test_packages_whose_fields_are_no_texts_are_left_out_and_said(version: bytes) -> None:
    result = read(layer(file("fussy", b"1," + version)), selection=FUSSY)
    assert [found for _, _, found in result.packages] == ["1"]
    assert result.reasons == ["odd-text"]


def test_the_number_of_packages_is_limited() -> None:
    result = read(layer(file("a/fussy", b"1,2,3"), file("b/fussy", b"4,5")), selection=FUSSY, limits=Limits(packages=4))
    assert [version for _, _, version in result.packages] == ["1", "2", "3", "4"]
    assert result.reasons == ["limit-exceeded"]


def test_the_number_of_problems_is_limited() -> None:
    parts = [file(f"{n}/fussy", b"parse") for n in range(50)]
    result = read(layer(*parts), selection=FUSSY, limits=Limits(problems=10))
    assert result.reasons == ["parse-error"] * 10 + ["more-problems"]


def test_packages_come_in_the_order_of_path_and_place() -> None:
    paths = [f"{n}/fussy" for n in range(200)]
    random.Random(1).shuffle(paths)
    result = read(layer(*(file(path, b"z,a,m") for path in paths)), selection=FUSSY)
    assert result.packages == [(path, "fuss", v) for path in sorted(paths) for v in ("z", "a", "m")]
    assert result.records.evidence.packages.column("ordinal").to_pylist() == [0, 1, 2] * 200


places = st.sampled_from(["a", "a/b", "a/b/package.json", "package.json", "c/package.json", "a/package.json"])
event = st.tuples(st.sampled_from(["file", "folder", "fifo", "hard"]), places, places)


@given(st.lists(event, max_size=12))
def test_what_is_left_is_what_unpacking_would_leave(events: list[tuple[str, str, str]]) -> None:
    tree: dict[str, str] = {}
    parts = []
    for number, (kind, path, target) in enumerate(events):
        if kind == "hard" and (
            not target.endswith("package.json") or not path.endswith("package.json") or path == target
        ):
            continue
        content = tree.get(target) if kind == "hard" else {"file": str(number), "folder": "/", "fifo": "|"}[kind]
        if kind == "hard" and (content is None or content in "/|"):
            continue  # unpacking would fail; what evidence is left then is decided by other tests
        if kind != "folder":
            tree = {place: what for place, what in tree.items() if not place.startswith(path + "/")}
        for place in list(tree):
            if path.startswith(place + "/") and tree[place] != "/":
                del tree[place]
        tree[path] = content or ""
        parts.append(
            {
                "file": file(path, package_json(str(number))),
                "folder": folder(path),
                "fifo": header(path.encode(), flag=b"6"),
                "hard": hard_link(path, target),
            }[kind]
        )
    left = {(path, content) for path, content in tree.items() if path.endswith("package.json") and content.isdigit()}
    assert {(path, name) for path, name, _ in read(layer(*parts)).packages} == left


def test_a_file_wanted_only_by_its_first_bytes_leaves_no_record_where_nothing_is_in_it() -> None:
    result = read(layer(file("a/tool", b"FUSSnothing"), file("a/fussy", b"nothing")), selection=FUSSY)
    assert result.evidence == {("a/fussy", "fussy"): "read"}


def test_a_hard_link_to_a_file_known_by_its_first_bytes_is_evidence_too() -> None:
    tar = layer(file("bin/[", b"FUSS1"), hard_link("bin/tool", "bin/["), hard_link("bin/not-this", "bin/["))
    result = read(tar, selection=FUSSY)
    assert result.packages == [("bin/[", "fuss", "1"), ("bin/tool", "fuss", "1")]


def test_what_comes_to_the_place_of_a_file_known_by_its_first_bytes_takes_it() -> None:
    found = read(layer(file("bin/tool", b"FUSS1"), file("bin/tool", b"#!/bin/sh")), selection=FUSSY)
    assert (found.packages, found.evidence) == ([], {})


def test_a_file_of_a_path_that_nobody_confirms_is_not_read_for_its_first_bytes() -> None:
    assert read(layer(file("a/not-this", b"FUSS1")), selection=FUSSY).packages == []
