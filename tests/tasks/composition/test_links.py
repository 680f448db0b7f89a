"""Rule 6 in its corners: links that lead to files which others read, which nobody read, or which lie in other layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.receipts import CompositionReceipt, LayerNeed
from catalog.states import Outcome
from tasks.composition import Supplement
from tests.tasks.composition.building import DPKG, INFO, OS_RELEASE, Archive, Layer, composed, deb, image, names, npm

SIX = "usr/lib/python3/dist-packages/six-1.16.0.egg-info"
TOOL = "usr/local/bin/tool"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def compose(archive: Archive, *layers: Layer, supplements: tuple[Supplement, ...] = ()) -> CompositionReceipt:
    archive.add(*(layer for layer in layers if layer.digest not in archive.layers))
    return archive.compose(image("i", *layers), supplements=supplements, may_ask=True)


def needs(archive: Archive, *layers: Layer) -> set[tuple[str, str, str]]:
    """(layer, path, wanted) of the files that an image of these layers asks for."""
    of_digest = {layer.digest: layer.name for layer in layers}
    return {(of_digest[need.layer], need.path, need.wanted) for need in compose(archive, *layers).needs}


def answered(archive: Archive, need: LayerNeed, again: Layer) -> Supplement:
    """What reading a file once more gave: the one file of a layer."""
    again.read_as(need)
    archive.layers[again.digest] = again
    (record,) = archive.write([again], digest=need.layer)
    return Supplement(need, again.digest.encode()[:32], record.keys)


class TestFilesThatOthersRead:
    """Who wanted a file where it lies is not always who wants it where a link shows it."""

    RELEASE = Layer("release").database("opt/release", npm("jdk"))
    """The JVM analyser wants whatever is called `release`."""

    @pytest.mark.parametrize(
        "top",
        [
            Layer("link").symlink(OS_RELEASE, "../opt/release"),
            Layer("absolute").symlink(OS_RELEASE, "/opt/release"),
            Layer("out of the root").symlink(OS_RELEASE, "../../../opt/release"),
            Layer("chain").symlink(OS_RELEASE, "../a").symlink("a", "b/release").symlink("b", "/opt"),
            Layer("hard").hardlink(OS_RELEASE, "opt/release", state="link"),
        ],
        ids=lambda layer: layer.name,
    )
    def test_a_link_to_a_file_that_another_analyser_read_asks_for_it(self, archive: Archive, top: Layer) -> None:
        assert needs(archive, self.RELEASE, top) == {("release", "opt/release", OS_RELEASE)}
        need = LayerNeed(self.RELEASE.digest, "opt/release", OS_RELEASE)
        again = Layer("again").os_release("ID=debian\nVERSION_ID=12\n", "opt/release")
        receipt = compose(archive, self.RELEASE, top, supplements=(answered(archive, need, again),))
        assert (receipt.needs, receipt.images[0].outcome) == ((), Outcome.ANALYSED)
        row = archive.row(image("i", self.RELEASE, top))
        assert (row["distribution"], row["distribution_version"]) == ("debian", "12")
        assert ("jdk", "opt/release") in archive.packages(image("i", self.RELEASE, top))

    def test_a_hard_link_within_a_layer_to_such_a_file_asks_for_it(self, archive: Archive) -> None:
        base = Layer("base").database("opt/release", npm("jdk")).hardlink(OS_RELEASE, "opt/release", state="link")
        assert needs(archive, base) == {("base", "opt/release", OS_RELEASE)}

    def test_what_an_analyser_found_is_not_at_a_name_that_it_does_not_want(self, archive: Archive) -> None:
        top = Layer("top").hardlink(OS_RELEASE, "opt/release", state="link")
        archive.add(self.RELEASE, top)
        archive.compose(manifest := image("i", self.RELEASE, top))
        assert archive.packages(manifest) == {("jdk", "opt/release")}

    def test_a_link_between_two_places_of_one_analyser_asks_for_nothing(self, archive: Archive) -> None:
        base = Layer("base").os_release("ID=debian\n", "usr/lib/os-release")
        assert needs(archive, base.symlink(OS_RELEASE, "/usr/lib/os-release")) == set()

    def test_a_file_written_through_a_link_that_another_analyser_read_is_asked_for(self, archive: Archive) -> None:
        base = Layer("base").symlink("data", "var/lib/dpkg/status.d").directory("var/lib/dpkg/status.d")
        top = Layer("top").database("data/package.json", npm("x"))
        wanted = "var/lib/dpkg/status.d/package.json"
        assert needs(archive, base, top) == {("top", "data/package.json", wanted)}

    def test_a_linked_folder_asks_for_files_in_it_that_another_analyser_read(self, archive: Archive) -> None:
        base = Layer("base").database("opt/dpkg/status.d/package.json", npm("x"))
        top = Layer("top").symlink("var/lib/dpkg", "/opt/dpkg")
        path = "opt/dpkg/status.d/package.json"
        assert needs(archive, base, top) == {("base", path, "var/lib/dpkg/status.d/package.json")}
        need = LayerNeed(base.digest, path, "var/lib/dpkg/status.d/package.json")
        supplement = answered(archive, need, Layer("again").database(path, deb("bash")))
        assert compose(archive, base, top, supplements=(supplement,)).needs == ()
        assert archive.packages(image("i", base, top)) == {("x", path), ("bash", path)}

    def test_a_file_that_no_link_shows_is_not_asked_for_by_analysers_that_came_later(self, archive: Archive) -> None:
        base = Layer("base").database(DPKG, deb("bash")).read_by(DPKG, "former")
        assert needs(archive, base) == set()

    def test_two_links_of_different_analysers_to_one_file_ask_for_both(self, archive: Archive) -> None:
        base = Layer("base").file("opt/what")
        top = Layer("top").symlink(OS_RELEASE, "/opt/what").symlink("opt/jdk/release", "/opt/what")
        asked = needs(archive, base, top)
        assert asked == {("base", "opt/what", OS_RELEASE), ("base", "opt/what", "opt/jdk/release")}
        supplements = tuple(
            answered(archive, LayerNeed(base.digest, path, wanted), again)
            for (_, path, wanted), again in zip(
                sorted(asked),
                (Layer("1").os_release("ID=debian\n", "opt/what"), Layer("2").database("opt/what", npm("jdk"))),
                strict=True,
            )
        )
        receipt = compose(archive, base, top, supplements=supplements)
        assert (receipt.needs, receipt.images[0].outcome) == ((), Outcome.ANALYSED)
        assert archive.row(image("i", base, top))["distribution"] == "debian"
        assert archive.packages(image("i", base, top)) == {("jdk", "opt/what")}

    def test_two_links_of_one_analyser_to_one_file_ask_once(self, archive: Archive) -> None:
        base = Layer("base").file("opt/what")
        top = Layer("top").symlink(OS_RELEASE, "/opt/what").symlink("usr/lib/os-release", "/opt/what")
        assert needs(archive, base, top) == {("base", "opt/what", OS_RELEASE)}


class TestOsRelease:
    """The link that nearly every image has, in all its spellings."""

    LOWER = Layer("lower").os_release("ID=debian\nVERSION_ID=12\n", "usr/lib/os-release")

    def distribution(self, archive: Archive, *layers: Layer) -> tuple[object, object]:
        receipt = compose(archive, self.LOWER, *layers)
        assert (receipt.needs, receipt.images[0].outcome) == ((), Outcome.ANALYSED)
        row = archive.row(image("i", self.LOWER, *layers))
        return row["distribution"], row["distribution_version"]

    @pytest.mark.parametrize("target", ["/usr/lib/os-release", "../usr/lib/os-release", "../../../usr/lib/os-release"])
    def test_it_may_be_absolute_or_leave_the_root(self, archive: Archive, target: str) -> None:
        assert self.distribution(archive, Layer("top").symlink(OS_RELEASE, target)) == ("debian", "12")

    def test_it_may_go_through_several_links_and_layers(self, archive: Archive) -> None:
        top = Layer("top").symlink(OS_RELEASE, "alias").symlink("etc/alias", "/lib/os-release")
        assert self.distribution(archive, Layer("merged").symlink("lib", "usr/lib"), top) == ("debian", "12")

    @pytest.mark.parametrize("target", ["os-release", "../etc/os-release", "alias", "/etc/../../etc/alias"])
    def test_a_loop_leaves_it_to_the_other_place(self, archive: Archive, target: str) -> None:
        top = Layer("top").symlink(OS_RELEASE, target).symlink("etc/alias", "os-release")
        assert self.distribution(archive, top) == ("debian", "12")

    def test_nothing_behind_it_leaves_it_to_the_other_place(self, archive: Archive) -> None:
        assert self.distribution(archive, Layer("top").symlink(OS_RELEASE, "../../../etc/x")) == ("debian", "12")


class TestLinkedFolders:
    """Folders in which files are evidence by their whole path."""

    @pytest.mark.parametrize(
        ("link", "target", "path", "wanted"),
        [
            ("var/lib/dpkg", "/opt/dpkg", "opt/dpkg/info/six.list", "var/lib/dpkg/info/six.list"),
            (INFO, "../../../opt/info", "opt/info/six.list", "var/lib/dpkg/info/six.list"),
            ("usr/lib/opkg", "/opt/opkg", "opt/opkg/info/six.list", "usr/lib/opkg/info/six.list"),
            ("var/lib/opkg", "/opt/opkg", "opt/opkg/status", "var/lib/opkg/status"),
            ("var/lib/pacman", "/opt/pacman", "opt/pacman/local/six-1-1/desc", "var/lib/pacman/local/six-1-1/desc"),
            ("var/lib/pacman", "/opt/pacman", "opt/pacman/local/six-1-1/files", "var/lib/pacman/local/six-1-1/files"),
            ("var/db", "/opt/db", "opt/db/pkg/dev-python/six-1/PF", "var/db/pkg/dev-python/six-1/PF"),
            ("var/db/pkg", "/opt/pkg", "opt/pkg/dev-python/six-1/CONTENTS", "var/db/pkg/dev-python/six-1/CONTENTS"),
            ("var/lib/rpmmanifest", "/opt", "opt/container-manifest-2", "var/lib/rpmmanifest/container-manifest-2"),
        ],
    )
    @pytest.mark.parametrize("many", [0, 3_000])
    def test_they_ask_for_what_is_wanted_in_them(
        self, archive: Archive, link: str, target: str, path: str, wanted: str, many: int
    ) -> None:
        base = Layer("base").file(path).file(f"{path}.other")
        for n in range(many):
            base.file(f"usr/share/d{n % 100}/f{n}")
        assert needs(archive, base, Layer("top").symlink(link, target)) == {("base", path, wanted)}

    def test_lists_behind_a_linked_folder_own_what_they_name(self, archive: Archive) -> None:
        owner, path = deb("python3-six"), "opt/dpkg/info/python3-six.list"
        base = Layer("base").file("opt/dpkg/status").file(path).database(SIX, npm("six"))
        top = Layer("top").symlink("var/lib/dpkg", "/opt/dpkg")
        archive.add(base, top)
        status, listed = compose(archive, base, top).needs[1], compose(archive, base, top).needs[0]
        assert (status.wanted, listed.wanted) == (DPKG, f"{INFO}/python3-six.list")
        supplements = (
            answered(archive, status, Layer("status").database(status.path, owner)),
            answered(archive, listed, Layer("list").database(path).claim(path, owner, SIX, listed=False)),
        )
        assert compose(archive, base, top, supplements=supplements).needs == ()
        assert archive.owned(image("i", base, top)) == {(SIX, "six", "deb/python3-six")}
        # Another image may have the layer without the link: there the list is no evidence.
        archive.compose(alone := image("alone", base), supplements=supplements)
        assert archive.owned(alone) == set()

    def test_a_link_from_one_known_folder_to_another_asks_for_nothing(self, archive: Archive) -> None:
        base = Layer("base").database("usr/lib/opkg/info/x.list").database("usr/lib/opkg/status", deb("x"))
        assert needs(archive, base.symlink("var/lib/opkg", "../../usr/lib/opkg")) == set()


class TestPrograms:
    """Go, Rust and known programs are recognised by their first bytes, whatever they are called."""

    BASE = Layer("base").database(TOOL, npm("module")).read_by(TOOL, "go-binary")

    def test_a_hard_link_in_an_upper_layer_is_a_further_place(self, archive: Archive) -> None:
        link = Layer("link").hardlink("bin/other", TOOL)
        found = composed(archive, self.BASE, link)
        assert {(o.name, o.path, o.introduced, o.evidence) for o in found} == {
            ("module", TOOL, "base", "base"),
            ("module", "bin/other", "link", "base"),
        }
        assert names(composed(archive, self.BASE, link, Layer("gone").whiteout(TOOL))) == {("module", "bin/other")}

    def test_a_hard_link_survives_the_whiteout_of_its_first_name_in_its_own_layer(self, archive: Archive) -> None:
        moved = Layer("moved").whiteout(TOOL).hardlink("bin/other", TOOL)
        assert names(composed(archive, self.BASE, moved)) == {("module", "bin/other")}

    def test_a_link_to_a_link_is_the_same_program(self, archive: Archive) -> None:
        links = Layer("links").hardlink("bin/b", TOOL).hardlink("bin/c", "bin/b")
        assert names(composed(archive, self.BASE, links, Layer("gone").whiteout("bin/b"))) == {
            ("module", TOOL),
            ("module", "bin/c"),
        }

    def test_a_product_is_recognised_under_its_own_names_only(self, archive: Archive) -> None:
        base = Layer("base").database("opt/redis-server", npm("redis")).read_by("opt/redis-server", "product-binary")
        top = Layer("top").hardlink("bin/tool", "opt/redis-server").hardlink("bin/redis-server", "opt/redis-server")
        assert names(composed(archive, base, top)) == {("redis", "opt/redis-server"), ("redis", "bin/redis-server")}

    def test_of_a_product_that_is_a_go_program_too_other_names_have_its_modules(self, archive: Archive) -> None:
        # The first reader found the packages; the product, which another would find, has none here.
        base = (
            Layer("base")
            .database("opt/redis-server", npm("m"))
            .read_by("opt/redis-server", "go-binary", "product-binary")
        )
        other = (
            Layer("other")
            .database("opt/redis-server", npm("p"))
            .read_by("opt/redis-server", "product-binary", "go-binary")
        )
        top = Layer("top").hardlink("bin/tool", "opt/redis-server")
        assert names(composed(archive, base, top)) == {("m", "opt/redis-server"), ("m", "bin/tool")}
        assert names(composed(archive, other, top)) == {("p", "opt/redis-server")}

    def test_a_hard_link_to_a_file_that_was_wanted_by_its_name_is_no_evidence_elsewhere(self, archive: Archive) -> None:
        base = Layer("base").database("app/package.json", npm("x"))
        assert names(composed(archive, base, Layer("top").hardlink("bin/x", "app/package.json"))) == {
            ("x", "app/package.json")
        }

    def test_a_plain_file_over_the_further_name_ends_it(self, archive: Archive) -> None:
        link, over = Layer("link").hardlink("bin/other", TOOL), Layer("over").file("bin/other")
        assert names(composed(archive, self.BASE, link, over)) == {("module", TOOL)}
