"""Layers read once more: exactly the named files, by the analysers of the place where a link shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import Retry
from catalog.facts import read_facts
from catalog.images import FileBlob
from catalog.limits import Limits
from catalog.receipts import LayerNeed, RereadReceipt
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome
from catalog.store import LocalStore
from tasks.layer_builder import BuiltLayer, HardLink, build_layer, layer_from_tar
from tasks.layers.analysis import LayerBatch, LayerTask, analyse_layers
from tasks.layers.rereading import RereadBatch, reread_layers
from tasks.transport import RegistryAccess
from tests.tasks.layers.reading import END, entry, header

STATUS, OS_RELEASE = "var/lib/dpkg/status", "etc/os-release"
SERVED = "srv/dpkg-db/status"


def status(*names: str) -> str:
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n" for name in names
    )


class Shelf:
    """Layers in a folder, and an archive that what is read in them goes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "blobs"
        self.folder.mkdir()
        self.archive = ArchiveLocation(str(folder / "archive"))

    def task(self, built: BuiltLayer, data: bytes | None = None) -> LayerTask:
        path = self.folder / built.digest.replace(":", "-")
        path.write_bytes(built.data if data is None else data)
        return LayerTask(built.digest, built.size, FileBlob(str(path), 0, path.stat().st_size))

    def read(self, tasks: list[LayerTask], *needs: LayerNeed, limits: Limits | None = None) -> RereadReceipt:
        batch = LayerBatch(tuple(tasks), "2026-01", limits or Limits(), RegistryAccess())
        return reread_layers(RereadBatch(batch, needs), self.archive)

    def rows(self, receipt: RereadReceipt, dataset: str) -> list[dict]:
        store = LocalStore(Path(self.archive.url))
        return [
            row for one in receipt.objects if one.dataset == dataset for row in read_facts(store, one.key).to_pylist()
        ]

    def packages(self, receipt: RereadReceipt) -> set[tuple[str, str]]:
        return {(row["path"], row["name"]) for row in self.rows(receipt, "packages")}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def need(built: BuiltLayer, path: str = SERVED, wanted: str = STATUS) -> LayerNeed:
    return LayerNeed(built.digest, path, wanted)


def tar(*parts: bytes) -> BuiltLayer:
    return layer_from_tar(b"".join(parts) + END)


def test_a_named_file_is_read_as_what_a_link_makes_of_it_and_nothing_else_is(shelf: Shelf) -> None:
    built = build_layer(
        {SERVED: status("bash"), "srv/other/status": status("tar"), STATUS: status("dash"), OS_RELEASE: "ID=x\n"}
    )
    receipt = shelf.read([shelf.task(built)], need(built))
    assert shelf.packages(receipt) == {(SERVED, "bash")}
    (row,) = shelf.rows(receipt, "evidence")
    assert (row["layer"], row["path"], row["analyser"], row["state"]) == (built.digest, SERVED, "dpkg", "read")
    assert {written.dataset for written in receipt.objects} == {"evidence", "packages"}
    assert [(found.need, found.reason) for found in receipt.files] == [(need(built), "")]
    assert [(layer.outcome, layer.size) for layer in receipt.layers] == [(LayerOutcome.COMPLETE, built.size)]


def test_the_content_of_a_file_with_an_odd_name_is_kept(shelf: Shelf) -> None:
    built = tar(entry(b"./opt//rel\\ease \xff", b"ID=odd\n"), entry(b"opt/release", b"ID=other\n"))
    path = "opt/rel\\\\ease \\xff"
    receipt = shelf.read([shelf.task(built)], need(built, path, OS_RELEASE))
    assert [(row["path"], row["data"]) for row in shelf.rows(receipt, "contents")] == [(path, b"ID=odd\n")]


def test_hard_links_among_the_named_files_share_what_was_read(shelf: Shelf) -> None:
    built = build_layer({SERVED: status("bash"), "srv/again": HardLink(SERVED)})
    receipt = shelf.read([shelf.task(built)], need(built), need(built, "srv/again"))
    assert shelf.packages(receipt) == {(SERVED, "bash"), ("srv/again", "bash")}
    assert len(receipt.files) == 2


def test_a_hard_link_to_a_file_that_is_not_named_answers_nothing(shelf: Shelf) -> None:
    built = build_layer({"srv/first": status("bash"), SERVED: HardLink("srv/first")})
    assert shelf.read([shelf.task(built)], need(built)).files == ()


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (entry(SERVED.encode(), status("new").encode()), {(SERVED, "new")}),
        (entry(b"./" + SERVED.encode(), status("new").encode()), {(SERVED, "new")}),
        (header(SERVED.encode(), flag=b"6"), set()),
        (header(b"srv/dpkg-db", flag=b"2", target=b"elsewhere"), set()),
        (entry(b"srv", b"a file"), set()),
        (entry(b"srv/dpkg-db/other", b"beside it"), {(SERVED, "old")}),
    ],
)
def test_what_a_later_entry_of_the_layer_replaces_is_gone(shelf: Shelf, later: bytes, left: set) -> None:
    built = tar(entry(SERVED.encode(), status("old").encode()), later)
    receipt = shelf.read([shelf.task(built)], need(built))
    assert shelf.packages(receipt) == left
    assert len(receipt.files) == len(left)


def test_a_file_that_is_not_there_answers_nothing(shelf: Shelf) -> None:
    built = build_layer({"srv/else": "x"})
    receipt = shelf.read([shelf.task(built)], need(built))
    assert (receipt.files, receipt.objects) == ((), ())
    assert receipt.layers[0].outcome is LayerOutcome.COMPLETE


def test_a_file_over_the_size_cap_is_a_problem_of_that_file(shelf: Shelf) -> None:
    built = build_layer({SERVED: status(*(f"p{n}" for n in range(100))), "srv/small": status("bash")})
    receipt = shelf.read([shelf.task(built)], need(built), need(built, "srv/small"), limits=Limits(text_bytes=500))
    assert {found.need.path: found.reason for found in receipt.files} == {SERVED: "too-large", "srv/small": ""}
    (problem,) = shelf.rows(receipt, "problems")
    assert (problem["path"], problem["analyser"], problem["partial"]) == (SERVED, "dpkg", True)


def test_the_same_needs_give_the_same_objects(shelf: Shelf) -> None:
    layers = [build_layer({SERVED: status(name), "opt/rel": f"ID={name}\n"}) for name in ("a", "b", "c")]
    needs = [need(built) for built in layers] + [need(built, "opt/rel", OS_RELEASE) for built in layers]
    tasks = [shelf.task(built) for built in layers]
    first = shelf.read(tasks, *needs)
    again = shelf.read(tasks[::-1], *needs[::-1])
    assert first.objects == again.objects
    assert first.files == again.files


def test_a_files_hash_does_not_depend_on_what_was_read_beside_it(shelf: Shelf) -> None:
    built = build_layer({SERVED: status("bash"), "srv/other": status("tar")})
    alone = shelf.read([shelf.task(built)], need(built)).files
    both = shelf.read([shelf.task(built)], need(built), need(built, "srv/other")).files
    assert alone[0] in both
    assert len({found.composition_hash for found in both}) == 2


def test_a_second_reading_finds_what_the_first_would_have_found(shelf: Shelf) -> None:
    built = build_layer({SERVED: status("bash", "tar")})
    named = build_layer({STATUS: status("bash", "tar")})
    receipt = shelf.read([shelf.task(built)], need(built))
    first = analyse_layers(LayerBatch((shelf.task(named),), "2026-01", Limits(), RegistryAccess()), shelf.archive)
    store = LocalStore(Path(shelf.archive.url))
    (key,) = [one.key for one in first.objects if one.dataset == "packages"]
    others = {"layer", "path"}
    assert [{name: row[name] for name in row if name not in others} for row in shelf.rows(receipt, "packages")] == [
        {name: row[name] for name in row if name not in others} for row in read_facts(store, key).to_pylist()
    ]


def test_a_layer_that_cannot_be_read_again_costs_its_own_files_only(shelf: Shelf) -> None:
    names = ("gone", "wrong", "cut", "good")
    layers = {name: build_layer({SERVED: status(name)}, compression="plain") for name in names}
    tasks = [
        shelf.task(layers["wrong"], b"\0" * layers["wrong"].size),
        shelf.task(layers["cut"], layers["cut"].data[:-600]),
        shelf.task(layers["good"]),
        LayerTask(layers["gone"].digest, layers["gone"].size, FileBlob("/nowhere", 0, layers["gone"].size)),
    ]
    receipt = shelf.read(tasks, *(need(built) for built in layers.values()))
    ended = {layer.layer: layer for layer in receipt.layers}
    assert ended[layers["wrong"].digest].reason == "digest-mismatch"
    assert ended[layers["cut"].digest].retry is Retry.TRANSIENT
    assert ended[layers["gone"].digest].reason == "not-found"
    assert shelf.packages(receipt) == {(SERVED, "good")}
    assert [found.need.layer for found in receipt.files] == [layers["good"].digest]


def test_nothing_is_left_in_the_scratch_directory(shelf: Shelf) -> None:
    built = build_layer({SERVED: status("bash")})
    shelf.read([shelf.task(built)], need(built))
    assert list(LocalStore(Path(shelf.archive.url)).scratch.glob("*")) == []
