"""A batch of images: outcomes, what is shared, what is written, what is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pytest

from catalog.errors import ObjectMissing, StoreError
from catalog.identities import package_set_id
from catalog.packages import PackageFacts
from catalog.receipts import CompositionReceipt, LayerNeed
from catalog.schemas import IMAGES, OCCURRENCES, PACKAGE_SETS
from catalog.settings import ArchiveLocation
from catalog.states import LayerOutcome, Outcome
from tasks.composition import CompositionBatch, ImageTask, LayerRecord, Supplement, compose_images
from tasks.composition.evidence import HARDLINK
from tests.tasks.composition.building import APK, DPKG, MONTH, Archive, Layer, apk, deb, image, npm

BASE = Layer("base").os_release("ID=debian\nVERSION_ID=12\n").database(DPKG, deb("bash"), deb("tar"))
APP = Layer("app").database("app/package.json", npm("app"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def ended(receipt: CompositionReceipt) -> tuple[Outcome, str]:
    (found,) = receipt.images
    return found.outcome, found.reason


def test_a_failed_layer_fails_the_image_and_nothing_is_composed_from_the_rest(archive: Archive) -> None:
    archive.add(BASE)
    archive.add(APP, outcome=LayerOutcome.FAILED, reason="malformed-layer")
    receipt = archive.compose(image("i", BASE, APP))
    assert ended(receipt) == (Outcome.FAILED, "malformed-layer")
    assert APP.digest in receipt.images[0].detail
    assert (receipt.objects, receipt.chains) == ((), ())


def test_a_layer_without_a_record_leaves_the_image_pending(archive: Archive) -> None:
    archive.add(BASE)
    assert ended(archive.compose(image("i", BASE, APP))) == (Outcome.PENDING, "layer-not-analysed")


def test_a_partial_layer_makes_the_image_partial_and_its_packages_are_there(archive: Archive) -> None:
    archive.add(BASE, outcome=LayerOutcome.PARTIAL, reason="parse-error")
    receipt = archive.compose(manifest := image("i", BASE))
    assert ended(receipt) == (Outcome.PARTIAL, "parse-error")
    assert archive.packages(manifest) == {("bash", DPKG), ("tar", DPKG)}
    assert archive.row(manifest)["outcome"] == "partial"


@pytest.mark.parametrize(("urls", "listed"), [(("https://example.invalid/layer",), False), ((), True)])
def test_a_foreign_layer_makes_the_image_partial_without_it(
    archive: Archive, urls: tuple[str, ...], *, listed: bool
) -> None:
    archive.add(BASE)
    foreign = "sha256:" + "f" * 64
    manifest = image("i", BASE, foreign, urls=urls)
    assert ended(archive.compose(manifest, foreign=(foreign,) if listed else ())) == (Outcome.PARTIAL, "foreign-layer")
    assert archive.packages(manifest) == {("bash", DPKG), ("tar", DPKG)}


def test_a_layer_whose_object_is_gone_fails_its_images_only(archive: Archive) -> None:
    archive.add(BASE)
    archive.records["sha256:" + "0" * 64] = LayerRecord(
        "sha256:" + "0" * 64,
        b"x",
        LayerOutcome.COMPLETE,
        "",
        (("entries", f"v1/entries/retention=warm/month={MONTH}/part-{'0' * 64}.parquet"),),
    )
    lost, whole = image("lost", BASE, "sha256:" + "0" * 64), image("whole", BASE)
    receipt = archive.compose(lost, whole)
    assert {found.image: found.reason for found in receipt.images} == {
        lost.digest: ObjectMissing.reason,
        whole.digest: "",
    }


def test_a_chain_that_images_share_is_written_once(archive: Archive) -> None:
    archive.add(BASE, APP)
    receipt = archive.compose(image("a", BASE, APP), image("b", BASE), image("c", BASE, APP))
    assert len(receipt.images) == 3
    assert len(receipt.chains) == 2
    assert archive.facts(OCCURRENCES).num_rows == 3


def test_the_same_image_twice_is_composed_once(archive: Archive) -> None:
    archive.add(BASE)
    receipt = archive.compose(image("a", BASE), image("a", BASE))
    assert len(receipt.images) == 1
    assert archive.facts(IMAGES).num_rows == 1


def test_a_chain_at_which_no_image_ends_has_no_sets(archive: Archive) -> None:
    archive.add(BASE, APP)
    lower, upper = archive.compose(image("a", BASE, APP)).chains
    assert (lower.packages, lower.sets, lower.parent) == (None, (), b"")
    assert (upper.packages, len(upper.sets), upper.parent) == (3, 2, lower.chain)
    assert upper.distribution == ("debian", "12", "")


def test_a_known_chain_costs_no_read_and_writes_the_image_alone(archive: Archive) -> None:
    archive.add(BASE, APP)
    first = archive.compose(image("a", BASE, APP))
    for record in list(archive.records.values()):
        archive.records[record.layer] = LayerRecord(
            record.layer, record.composition_hash, record.outcome
        )  # no keys: nothing to read
    second = archive.compose(other := image("b", BASE, APP), known=first.chains)
    assert [written.dataset for written in second.objects] == ["images"]
    assert second.chains == ()
    assert archive.row(other)["packages"] == 3
    assert archive.row(other)["distribution"] == "debian"


def test_above_a_committed_chain_only_what_is_new_is_written(archive: Archive) -> None:
    archive.add(BASE, APP)
    first = archive.compose(image("a", BASE))
    before = archive.facts(OCCURRENCES).num_rows
    second = archive.compose(other := image("b", BASE, APP), known=first.chains)
    assert archive.facts(OCCURRENCES).num_rows - before == 1
    assert [chain.layer for chain in second.chains] == [APP.digest]
    assert archive.packages(other) == {("bash", DPKG), ("tar", DPKG), ("app", "app/package.json")}


def test_an_image_that_ends_inside_a_committed_chain_gives_it_its_sets(archive: Archive) -> None:
    archive.add(BASE, APP)
    first = archive.compose(image("a", BASE, APP))
    second = archive.compose(image("b", BASE), known=first.chains)
    (chain,) = second.chains
    assert (chain.chain, chain.packages) == (first.chains[0].chain, 2)
    assert [written.dataset for written in second.objects] == ["images"]


def test_the_same_batch_writes_the_same_objects(archive: Archive) -> None:
    archive.add(BASE, APP)
    images = image("a", BASE, APP), image("b", BASE)
    first, second = archive.compose(*images), archive.compose(*reversed(images))
    assert first.objects == second.objects
    assert set(first.chains) == set(second.chains)


def test_sets_are_by_type_and_by_platform_for_operating_systems_only(archive: Archive) -> None:
    other = Layer("other").os_release("ID=ubuntu\nVERSION_ID=22.04\n").database(DPKG, deb("bash"), deb("tar"))
    archive.add(BASE, APP, other)
    a, b = image("a", BASE, APP), image("b", other, APP)
    archive.compose(a, b)
    sets = archive.facts(PACKAGE_SETS)
    kinds = sorted(set(zip(sets["type"].to_pylist(), sets["platform"].to_pylist(), strict=True)))
    assert kinds == sorted([("npm", b""), ("deb", archive.row(a)["platform"]), ("deb", archive.row(b)["platform"])])
    assert package_set_id("npm", b"", [npm("app").package_id]) in archive.row(a)["sets"]


def test_an_image_row_says_what_the_configuration_says(archive: Archive) -> None:
    archive.add(BASE)
    archive.compose(manifest := image("a", BASE))
    row = archive.row(manifest)
    assert (row["user"], row["labels"], row["layers"]) == ("app", [("key", "value")], [BASE.digest])


def test_a_lone_surrogate_in_a_label_costs_one_letter(archive: Archive) -> None:
    archive.add(BASE)
    manifest = image("a", BASE)
    manifest = replace(manifest, configuration=replace(manifest.configuration, labels=(("k", "a\ud800"),)))
    archive.compose(manifest)
    assert archive.row(manifest)["labels"] == [("k", "a?")]


def test_an_archive_that_cannot_be_reached_is_an_error_of_the_batch() -> None:
    with pytest.raises(StoreError):
        compose_images(CompositionBatch((ImageTask(image("a")),), (), MONTH), ArchiveLocation(url="nowhere"))


class TestNeeds:
    """A link makes a file evidence whose bytes nobody kept."""

    LOWER = Layer("lower").file("opt/status").file("opt/dpkg/status").file("opt/dpkg/status.d/base")
    ALONE = image("alone", LOWER)

    @pytest.mark.parametrize(
        ("top", "path", "wanted"),
        [
            (Layer("link").symlink(DPKG, "../../../opt/status"), "opt/status", DPKG),
            (Layer("hard").hardlink(DPKG, "opt/status", state="link"), "opt/status", DPKG),
            (Layer("module").symlink("app/package.json", "/opt/status"), "opt/status", "app/package.json"),
        ],
    )
    def test_a_link_asks_for_the_file_in_the_layer_that_has_it(
        self, archive: Archive, top: Layer, path: str, wanted: str
    ) -> None:
        archive.add(self.LOWER, top)
        receipt = archive.compose(image("i", self.LOWER, top), may_ask=True)
        assert receipt.needs == (LayerNeed(self.LOWER.digest, path, wanted),)
        assert receipt.images == ()

    def test_a_linked_folder_asks_for_all_that_is_wanted_in_it(self, archive: Archive) -> None:
        top = Layer("folder").symlink("var/lib/dpkg", "/opt/dpkg")
        archive.add(self.LOWER, top)
        needs = archive.compose(image("i", self.LOWER, top), may_ask=True).needs
        assert [(need.path, need.wanted) for need in needs] == [
            ("opt/dpkg/status", DPKG),
            ("opt/dpkg/status.d/base", "var/lib/dpkg/status.d/base"),
        ]

    def test_a_file_written_through_a_link_to_a_wanted_place_is_asked_for(self, archive: Archive) -> None:
        base = Layer("base").symlink("data", "var/lib").database(DPKG, deb("bash"))
        top = Layer("top").file("data/dpkg/status")
        archive.add(base, top)
        assert archive.compose(image("i", base, top), may_ask=True).needs == (
            LayerNeed(top.digest, "data/dpkg/status", DPKG),
        )

    def test_a_file_that_cannot_be_read_again_makes_the_image_partial(self, archive: Archive) -> None:
        top = Layer("link").symlink(DPKG, "/opt/status")
        archive.add(self.LOWER, top)
        receipt = archive.compose(image("i", self.LOWER, top))
        assert ended(receipt) == (Outcome.PARTIAL, "link-unread")
        assert "opt/status" in receipt.images[0].detail
        assert [chain.packages for chain in receipt.chains] == [None, None]

    def test_what_was_read_again_completes_the_image_and_no_other(self, archive: Archive) -> None:
        top = Layer("link").symlink(DPKG, "/opt/status")
        archive.add(self.LOWER, top)
        need = LayerNeed(self.LOWER.digest, "opt/status", DPKG)
        other = LayerNeed(self.LOWER.digest, "opt/other", DPKG)
        supplements = (self.supplement(archive, other, deb("tar")), self.supplement(archive, need, deb("bash")))
        manifest = image("i", self.LOWER, top)
        receipt = archive.compose(manifest, self.ALONE, supplements=supplements, may_ask=True)
        assert receipt.needs == ()
        assert {found.outcome for found in receipt.images} == {Outcome.ANALYSED}
        assert archive.packages(manifest) == {("bash", "opt/status")}
        assert archive.packages(self.ALONE) == set()

    def test_a_hard_link_behind_a_linked_folder_asks_for_what_it_names(self, archive: Archive) -> None:
        base = Layer("base").file("opt/db").hardlink("opt/dpkg/status", "opt/one").file("opt/other")
        base.entries.insert(1, ("opt/one", HARDLINK, "opt/db"))
        top = Layer("top").symlink("var/lib/dpkg", "/opt/dpkg")
        archive.add(base, top)
        manifest = image("i", base, top)
        need = LayerNeed(base.digest, "opt/db", DPKG)
        assert archive.compose(manifest, may_ask=True).needs == (need,)
        supplement = self.supplement(archive, need, deb("bash"))
        assert ended(archive.compose(manifest, supplements=(supplement,))) == (Outcome.ANALYSED, "")
        assert archive.packages(manifest) == {("bash", "opt/db")}

    def test_a_hard_link_behind_a_linked_folder_needs_nothing_where_its_file_was_read(self, archive: Archive) -> None:
        base = Layer("base").database(DPKG, deb("bash")).hardlink("opt/dpkg/status", DPKG)
        top = Layer("top").whiteout("var/lib/dpkg").symlink("var/lib/dpkg", "/opt/dpkg")
        archive.add(base, top)
        manifest = image("i", base, top)
        assert ended(archive.compose(manifest, may_ask=True)) == (Outcome.ANALYSED, "")
        assert archive.packages(manifest) == {("bash", "opt/dpkg/status")}

    def test_files_of_a_linked_folder_that_were_read_again_complete_the_image(self, archive: Archive) -> None:
        base = Layer("base").file("opt/dpkg/status.d/base").file("opt/dpkg/status.d/base.conffiles")
        top = Layer("top").symlink("var/lib/dpkg", "/opt/dpkg")
        archive.add(base, top)
        manifest = image("i", base, top)
        need = LayerNeed(base.digest, "opt/dpkg/status.d/base", "var/lib/dpkg/status.d/base")
        assert archive.compose(manifest, may_ask=True).needs == (need,)
        supplement = self.supplement(archive, need, deb("base-files"))
        assert ended(archive.compose(manifest, supplements=(supplement,))) == (Outcome.ANALYSED, "")
        assert archive.packages(manifest) == {("base-files", need.path)}

    def test_a_chain_is_named_by_the_files_its_image_needs_alone(self, archive: Archive) -> None:
        top = Layer("link").symlink(DPKG, "/opt/status")
        archive.add(self.LOWER, top)
        need = LayerNeed(self.LOWER.digest, "opt/status", DPKG)
        mine = self.supplement(archive, need, deb("bash"))
        other = replace(mine, need=replace(need, path="opt/dpkg/status"), composition_hash=b"o" * 32)
        alone = archive.compose(image("i", self.LOWER, top), supplements=(mine,))
        beside = archive.compose(image("i", self.LOWER, top), supplements=(other, mine))
        assert alone.chains == beside.chains

    def test_what_was_read_again_in_part_makes_the_image_partial(self, archive: Archive) -> None:
        top = Layer("link").symlink(DPKG, "/opt/status")
        archive.add(self.LOWER, top)
        need = LayerNeed(self.LOWER.digest, "opt/status", DPKG)
        supplement = replace(self.supplement(archive, need), reason="too-large", detail="opt/status: 9 bytes")
        receipt = archive.compose(image("i", self.LOWER, top), supplements=(supplement,))
        assert ended(receipt) == (Outcome.PARTIAL, "too-large")
        assert "opt/status" in receipt.images[0].detail

    @staticmethod
    def supplement(archive: Archive, need: LayerNeed, *packages: PackageFacts) -> Supplement:
        again = Layer("again").database(need.path, *packages).read_as(need)
        archive.layers[again.digest] = again
        (record,) = archive.write([again], digest=need.layer)
        return Supplement(need, b"h" * 32, record.keys)

    @pytest.mark.parametrize("target", ["/nowhere", "../../../var/lib/dpkg/status", "", "/opt", "../" * 300 + "x"])
    def test_a_link_that_leads_to_no_file_needs_nothing(self, archive: Archive, target: str) -> None:
        top = Layer("link").symlink(DPKG, target)
        archive.add(self.LOWER, top)
        assert ended(archive.compose(image("i", self.LOWER, top), may_ask=True)) == (Outcome.ANALYSED, "")

    def test_a_linked_place_that_is_wanted_itself_needs_nothing(self, archive: Archive) -> None:
        base = (
            Layer("base").symlink("lib", "usr/lib").file("usr/lib/x").database("usr/lib/apk/db/installed", apk("musl"))
        )
        archive.add(base)
        assert ended(archive.compose(image("i", base), may_ask=True)) == (Outcome.ANALYSED, "")
        assert archive.packages(image("i", base)) == {("musl", "usr/lib/apk/db/installed")}
        assert APK != "usr/lib/apk/db/installed"


def test_rows_of_many_layers_in_one_object_are_kept_apart(archive: Archive) -> None:
    layers = [Layer(f"l{n}").database(f"app{n}/package.json", npm(f"n{n}")).file(f"app{n}/x") for n in range(20)]
    archive.add(*layers)
    archive.compose(manifest := image("all", *layers), *(image(f"i{n}", layer) for n, layer in enumerate(layers)))
    assert len(archive.packages(manifest)) == 20
    assert archive.packages(image("i7", layers[7])) == {("n7", "app7/package.json")}
    assert archive.facts(OCCURRENCES).filter(pc.field("change") < 0).num_rows == 0
