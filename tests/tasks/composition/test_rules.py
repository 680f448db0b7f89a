"""The twelve rules of composition, each by its number, on layers as their analysis would record them."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.packages import PackageFacts
from catalog.receipts import LayerNeed
from catalog.states import Outcome
from tests.tasks.composition.building import APK, DPKG, Archive, Layer, apk, composed, deb, image, names, npm

APP = "app/node_modules/left-pad/package.json"
SITE = "usr/lib/python3/site-packages/flask.dist-info/METADATA"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def test_rule_1_the_newest_layer_with_an_entry_owns_its_path(archive: Archive) -> None:
    base = Layer("base").database("opt/app.jar", npm("old", "1.0"))
    top = Layer("top").database("opt/app.jar", npm("new", "2.0"))
    assert names(composed(archive, base, top)) == {("new", "opt/app.jar")}


def test_rule_1_an_emptied_file_in_place_leaves_nothing(archive: Archive) -> None:
    base = Layer("base").database("opt/app.jar", npm("old"))
    assert composed(archive, base, Layer("top").database("opt/app.jar")) == set()
    assert composed(archive, base, Layer("plain").file("opt/app.jar")) == set()


def test_rule_1_a_broken_database_hides_the_one_below(archive: Archive) -> None:
    base = Layer("base").database(DPKG, deb("bash"))
    assert composed(archive, base, Layer("top").database(DPKG, state="failed")) == set()
    assert composed(archive, base, Layer("huge").database(DPKG, state="too-large")) == set()


def test_rule_2_a_whiteout_removes_a_path_and_all_below_it(archive: Archive) -> None:
    base = Layer("base").database(APP, npm("left-pad")).database("app/package.json", npm("app"))
    assert names(composed(archive, base, Layer("top").whiteout("app/node_modules"))) == {("app", "app/package.json")}


@pytest.mark.parametrize("first", [True, False])
def test_rule_2_a_whiteout_spares_its_own_layer_in_any_order(archive: Archive, *, first: bool) -> None:
    base = Layer("base").database(APP, npm("left-pad")).database("app/node_modules/b/package.json", npm("b"))
    top = Layer("top")
    top = (
        top.whiteout("app/node_modules").database(APP, npm("own"))
        if first
        else top.database(APP, npm("own")).whiteout("app/node_modules")
    )
    assert names(composed(archive, base, top)) == {("own", APP)}


@pytest.mark.parametrize("first", [True, False])
def test_rule_2_an_opaque_directory_is_empty_but_for_its_own_layer(archive: Archive, *, first: bool) -> None:
    base = Layer("base").database(APP, npm("left-pad")).database("srv/package.json", npm("srv"))
    top = Layer("top")
    top = (
        top.opaque("app").database("app/x/package.json", npm("x"))
        if first
        else top.database("app/x/package.json", npm("x")).opaque("app")
    )
    assert names(composed(archive, base, top)) == {("x", "app/x/package.json"), ("srv", "srv/package.json")}


def test_rule_2_an_opaque_root_empties_everything_below(archive: Archive) -> None:
    base = Layer("base").database(DPKG, deb("bash"))
    assert names(composed(archive, base, Layer("top").opaque("").database(APP, npm("x")))) == {("x", APP)}


def test_rule_2_a_whiteout_of_another_name_with_the_same_beginning_removes_nothing(archive: Archive) -> None:
    base = Layer("base").database("app/package.json", npm("a")).database("app2/package.json", npm("b"))
    assert names(composed(archive, base, Layer("top").whiteout("app"))) == {("b", "app2/package.json")}


def test_rule_2_a_whiteout_of_what_is_not_there_is_legal(archive: Archive) -> None:
    base = Layer("base").whiteout("nothing/here").opaque("nor/here").database(DPKG, deb("bash"))
    assert names(composed(archive, base)) == {("bash", DPKG)}


@pytest.mark.parametrize("kind", ["file", "symlink", "device", "fifo"])
def test_rule_3_what_is_no_directory_hides_the_directory_below_it(archive: Archive, kind: str) -> None:
    base = Layer("base").directory("app").database(APP, npm("left-pad"))
    top = Layer("top")
    top = top.symlink("app", "srv") if kind == "symlink" else getattr(top, kind)("app")
    assert composed(archive, base, top) == set()


def test_rule_3_a_directory_over_a_directory_merges(archive: Archive) -> None:
    base = Layer("base").directory("app").database(APP, npm("left-pad"))
    assert names(composed(archive, base, Layer("top").directory("app"))) == {("left-pad", APP)}


def test_rule_3_a_directory_over_a_link_replaces_it(archive: Archive) -> None:
    base = Layer("base").symlink("lib", "usr/lib").database("usr/lib/apk/db/installed", apk("musl"))
    top = Layer("top").directory("lib").whiteout("lib/apk/db/installed").database("lib/x/package.json", npm("x"))
    assert names(composed(archive, base, top)) == {("musl", "usr/lib/apk/db/installed"), ("x", "lib/x/package.json")}


def test_rule_3_a_directory_over_a_file_replaces_it(archive: Archive) -> None:
    base = Layer("base").database("opt/package.json", npm("a"))
    assert composed(archive, base, Layer("top").directory("opt/package.json")) == set()


@pytest.mark.parametrize("path", [DPKG, "var/lib/dpkg/status.d/base", APK])
def test_rule_4_a_whiteout_of_a_database_removes_its_packages(archive: Archive, path: str) -> None:
    base = Layer("base").database(path, deb("bash")).database(APP, npm("left-pad"))
    assert names(composed(archive, base, Layer("top").whiteout(path))) == {("left-pad", APP)}


def test_rule_4_one_file_of_a_status_folder_goes_alone(archive: Archive) -> None:
    base = Layer("base").database("var/lib/dpkg/status.d/a", deb("a")).database("var/lib/dpkg/status.d/b", deb("b"))
    assert names(composed(archive, base, Layer("top").whiteout("var/lib/dpkg/status.d/a"))) == {
        ("b", "var/lib/dpkg/status.d/b")
    }


def test_rule_5_the_same_package_at_two_paths_is_two_occurrences_and_one_member(archive: Archive) -> None:
    base = Layer("base").database("a/package.json", npm("x")).database("b/package.json", npm("x"))
    assert names(composed(archive, base)) == {("x", "a/package.json"), ("x", "b/package.json")}
    assert archive.row(image("base", base))["packages"] == 1
    assert names(composed(archive, base, Layer("top").whiteout("a"))) == {("x", "b/package.json")}


def test_rule_6_a_database_behind_a_linked_folder_is_one_database(archive: Archive) -> None:
    base = Layer("base").symlink("lib", "usr/lib").database("usr/lib/apk/db/installed", apk("musl"))
    assert names(composed(archive, base)) == {("musl", "usr/lib/apk/db/installed")}


def test_rule_6_an_upper_layer_writes_through_the_link_of_a_lower_one(archive: Archive) -> None:
    base = Layer("base").symlink("lib", "usr/lib").database("usr/lib/apk/db/installed", apk("musl"))
    top = Layer("top").database(APK, apk("musl"), apk("curl"))
    found = composed(archive, base, top)
    assert names(found) == {("musl", "usr/lib/apk/db/installed"), ("curl", "usr/lib/apk/db/installed")}
    assert {(o.name, o.introduced, o.evidence) for o in found} == {("musl", "base", "top"), ("curl", "top", "top")}


def test_rule_6_an_upper_layer_whites_out_through_the_link_of_a_lower_one(archive: Archive) -> None:
    base = Layer("base").symlink("lib", "/usr/lib").database("usr/lib/apk/db/installed", apk("musl"))
    assert composed(archive, base, Layer("top").whiteout(APK)) == set()


def test_rule_6_a_moved_folder_and_its_link_come_in_another_layer(archive: Archive) -> None:
    base = Layer("base").database("data/dpkg/other", deb("x")).directory("var/lib")
    top = Layer("top").symlink("var/lib/dpkg", "../../data/dpkg").database(DPKG, deb("bash"))
    assert ("bash", "data/dpkg/status") in names(composed(archive, base, top))


@pytest.mark.parametrize("later", [False, True])
def test_rule_6_hard_links_within_a_layer_are_one_database(archive: Archive, *, later: bool) -> None:
    packages = (apk("musl"), apk("curl"))
    base = Layer("base")
    first = "usr/lib/apk/db/installed"
    base = (
        base.hardlink(APK, first, *packages).database(first, *packages)
        if later
        else base.database(first, *packages).hardlink(APK, first, *packages)
    )
    assert names(composed(archive, base)) == {("musl", APK), ("curl", APK)}
    assert names(composed(archive, base, Layer("top").whiteout(APK))) == {("musl", first), ("curl", first)}
    assert composed(archive, base, Layer("all").whiteout(APK).whiteout(first)) == set()


def test_rule_6_a_hard_link_across_layers_is_followed(archive: Archive) -> None:
    base = Layer("base").database("usr/lib/apk/db/installed", apk("musl"))
    link = Layer("link").hardlink(APK, "usr/lib/apk/db/installed", state="link")
    found = composed(archive, base, link, Layer("gone").whiteout("usr/lib/apk/db/installed"))
    assert {(o.name, o.path, o.introduced, o.evidence) for o in found} == {("musl", APK, "link", "base")}


def test_rule_6_a_hard_link_survives_the_whiteout_of_its_first_name_in_its_own_layer(archive: Archive) -> None:
    base = Layer("base").database("usr/lib/apk/db/installed", apk("musl"))
    moved = Layer("moved").whiteout("usr/lib/apk/db/installed").hardlink(APK, "usr/lib/apk/db/installed", state="link")
    assert names(composed(archive, base, moved)) == {("musl", APK)}


def test_rule_6_hard_linked_language_packages_are_two_installations(archive: Archive) -> None:
    base = Layer("base").database("a/package.json", npm("x")).hardlink("b/package.json", "a/package.json", npm("x"))
    assert names(composed(archive, base)) == {("x", "a/package.json"), ("x", "b/package.json")}


def test_rule_6_a_link_to_a_name_that_nobody_wanted_asks_for_its_bytes(archive: Archive) -> None:
    base = Layer("base").file("opt/status")
    top = Layer("top").symlink(DPKG, "/opt/status")
    archive.add(base, top)
    receipt = archive.compose(image("asks", base, top), may_ask=True)
    assert receipt.needs == (LayerNeed(base.digest, "opt/status", DPKG),)
    assert receipt.images == ()


def test_rule_7_the_last_os_release_decides(archive: Archive) -> None:
    base = Layer("base").os_release("ID=debian\nVERSION_ID=11\n").database(DPKG, deb("bash"))
    top = Layer("top").os_release("ID=debian\nVERSION_ID=12\nPRETTY_NAME='Debian 12'\n")
    archive.add(base, top)
    lower, upper = image("lower", base), image("upper", base, top)
    archive.compose(lower, upper)
    assert [archive.row(manifest)["distribution_version"] for manifest in (lower, upper)] == ["11", "12"]
    assert archive.row(upper)["distribution_name"] == "Debian 12"
    assert archive.row(lower)["platform"] != archive.row(upper)["platform"]
    assert archive.row(lower)["sets"] != archive.row(upper)["sets"]


def test_rule_7_os_release_is_read_through_its_link(archive: Archive) -> None:
    base = (
        Layer("base")
        .symlink("etc/os-release", "../usr/lib/os-release")
        .os_release("ID=debian\nVERSION_ID=11\n", "usr/lib/os-release")
    )
    top = Layer("top").os_release("ID=debian\nVERSION_ID=12\n", "usr/lib/os-release")
    archive.add(base, top)
    archive.compose(manifest := image("linked", base, top))
    assert archive.row(manifest)["distribution_version"] == "12"


def test_rule_7_an_image_without_os_release_has_no_platform(archive: Archive) -> None:
    base = Layer("base").os_release("ID=debian\nVERSION_ID=11\n").database(DPKG, deb("bash"))
    top = Layer("top").whiteout("etc/os-release")
    archive.add(base, top)
    archive.compose(manifest := image("none", base, top))
    assert (archive.row(manifest)["platform"], archive.row(manifest)["distribution"]) == (b"", "")


def test_rule_7_an_id_that_cannot_be_one_leaves_the_image_without_a_platform(archive: Archive) -> None:
    base = Layer("base").os_release("ID=a/../b\nVERSION_ID=11\nNAME=Odd\n").database(DPKG, deb("bash"))
    archive.add(base)
    archive.compose(manifest := image("odd", base))
    row = archive.row(manifest)
    assert (row["platform"], row["distribution"], row["distribution_name"]) == (b"", "", "Odd")
    other = Layer("other").os_release("ID=debian\nVERSION_ID=12\n", "usr/lib/os-release")
    archive.add(other)
    archive.compose(manifest := image("named", base, other))
    assert archive.row(manifest)["distribution"] == "debian"


def test_rule_8_every_entry_of_every_layer_is_at_hand_for_siblings(archive: Archive) -> None:
    """A file beside the evidence, in another layer, leaves the evidence as it is."""
    base = Layer("base").database("usr/share/dotnet/app.deps.json", npm("app"))
    top = Layer("top").file("usr/share/dotnet/app.dll").file("usr/share/dotnet/LICENSE")
    assert names(composed(archive, base, top)) == {("app", "usr/share/dotnet/app.deps.json")}


def test_rule_8_a_file_list_in_another_layer_than_its_status_still_speaks(archive: Archive) -> None:
    """dpkg's list lies in the layer that unpacked the package; the status file is rewritten by every one above."""
    lists = Layer("lists").database(SITE, npm("flask")).file_list(deb("python3-flask"), SITE)
    assert owned(archive, lists, Layer("status").database(DPKG, deb("python3-flask"), deb("bash"))) == {
        (SITE, "flask", "deb/python3-flask")
    }


def test_rule_9_what_a_package_of_another_layer_owns_is_owned_whichever_layer_comes_first(archive: Archive) -> None:
    files = Layer("files").database(SITE, npm("flask"))
    claim = Layer("claim").database(DPKG, deb("python3-flask")).file_list(deb("python3-flask"), SITE)
    assert owned(archive, files, claim) == {(SITE, "flask", "deb/python3-flask")}
    # The other way round somebody put it there after the package had been installed.
    assert owned(archive, claim, Layer("later").database(SITE, npm("flask"))) == set()


def owned(archive: Archive, *layers: Layer) -> set[tuple[str, str, str]]:
    archive.add(*layers)
    manifest = image("/".join(layer.name for layer in layers), *layers)
    archive.compose(manifest, known=archive.chains.values())
    return archive.owned(manifest)


def test_rule_9_what_another_layer_owns_stays_an_occurrence_with_its_path(archive: Archive) -> None:
    """Suppression needs both: the language package's path, and the database that owns it, after composition."""
    base = Layer("base").database(DPKG, deb("python3-flask"))
    top = Layer("top").database(SITE, npm("flask"))
    assert names(composed(archive, base, top)) == {("python3-flask", DPKG), ("flask", SITE)}


def test_rule_10_the_same_layer_twice_and_empty_layers_are_legal(archive: Archive) -> None:
    base, empty = Layer("base").database(DPKG, deb("bash")), Layer("empty")
    gone = Layer("gone").whiteout(DPKG)
    found = composed(archive, base, empty, base, gone, base, empty, empty)
    assert {(o.name, o.path, o.introduced) for o in found} == {("bash", DPKG, "base")}


def test_rule_10_an_image_without_layers_is_legal(archive: Archive) -> None:
    receipt = archive.compose(nothing := image("nothing"))
    assert receipt.images[0].outcome is Outcome.ANALYSED
    assert (archive.row(nothing)["chain"], archive.row(nothing)["packages"]) == (b"", 0)


def test_rule_11_a_package_knows_the_layer_from_which_on_it_is_there(archive: Archive) -> None:
    base = Layer("base").database(DPKG, deb("bash"), deb("tar"))
    added = Layer("added").database(DPKG, deb("bash"), deb("tar", "2"), deb("curl"))
    top = Layer("top").database(DPKG, deb("bash"), deb("tar", "2"), deb("curl"))
    assert {(o.name, o.introduced, o.evidence) for o in composed(archive, base, added, top)} == {
        ("bash", "base", "top"),
        ("tar", "added", "top"),
        ("curl", "added", "top"),
    }


def test_rule_11_a_gap_starts_anew(archive: Archive) -> None:
    base, gone = Layer("base").database(DPKG, deb("bash")), Layer("gone").whiteout(DPKG)
    again = Layer("again").database(DPKG, deb("bash"))
    assert {o.introduced for o in composed(archive, base, gone, again)} == {"again"}


def test_rule_11_a_whiteout_and_a_new_file_in_one_layer_leave_no_gap(archive: Archive) -> None:
    base = Layer("base").database(DPKG, deb("bash"))
    again = Layer("again").whiteout("var/lib/dpkg").database(DPKG, deb("bash"))
    assert {(o.introduced, o.evidence) for o in composed(archive, base, again)} == {("base", "again")}


def test_rule_11_another_source_is_the_same_installed_package(archive: Archive) -> None:
    base = Layer("base").database(DPKG, deb("libc6", source="glibc"))
    top = Layer("top").database(DPKG, deb("libc6", source="glibc-new"))
    assert {o.introduced for o in composed(archive, base, top)} == {"base"}


def test_rule_11_a_package_of_another_namespace_is_another_one(archive: Archive) -> None:
    one, other = (PackageFacts("golang", "client", "v1.0.0", namespace=f"example.com/{name}") for name in ("a", "b"))
    base, top = Layer("base").database("bin/tool", one), Layer("top").database("bin/tool", one, other)
    evidence = top.rows().evidence["bin/tool"]
    assert {key[1] for key in evidence.packages.values()} == {"example.com/a", "example.com/b"}
    assert sorted(o.introduced for o in composed(archive, base, top)) == ["base", "top"]


def test_rule_12_the_newest_database_wins_whatever_its_format(archive: Archive) -> None:
    """A format change is a whiteout of the old files and an entry for the new one; the link beside them decides nothing."""
    base = (
        Layer("base")
        .symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm")
        .database("usr/lib/sysimage/rpm/Packages", npm("old"))
    )
    top = Layer("top").whiteout("var/lib/rpm/Packages").database("usr/lib/sysimage/rpm/rpmdb.sqlite", npm("new"))
    assert names(composed(archive, base, top)) == {("new", "usr/lib/sysimage/rpm/rpmdb.sqlite")}
