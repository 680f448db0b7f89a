"""Rule 9: what an operating system's packages own, decided on the composed image, clause by clause."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.images import ImageManifest
from catalog.packages import PackageFacts
from catalog.receipts import LayerNeed
from catalog.schemas import OWNED_OCCURRENCES, OWNED_PATHS
from catalog.states import Outcome
from tasks.composition import Supplement
from tests.tasks.composition.building import APK, DPKG, INFO, Archive, Layer, apk, deb, image, npm

SIX = "usr/lib/python3/dist-packages/six-1.16.0.egg-info"
RPM = "usr/lib/sysimage/rpm/rpmdb.sqlite"
NPM = "usr/lib/node_modules/npm/package.json"
OWNER = deb("python3-six")


def rpm(name: str, version: str = "1-1") -> PackageFacts:
    return PackageFacts("rpm", name, version, architecture="x86_64")


def debian(*more: PackageFacts) -> Layer:
    """A Debian layer with python3-six."""
    layer = Layer("base").database(DPKG, deb("bash"), OWNER, *more).file_list(OWNER, "usr/bin/other", SIX)
    return layer.database(SIX, npm("six"))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def composed(archive: Archive, *layers: Layer) -> ImageManifest:
    """An image of these layers, composed; its sets are held to its occurrences."""
    archive.add(*{layer.digest: layer for layer in layers}.values())
    manifest = image("/".join(layer.name for layer in layers), *layers)
    archive.compose(manifest, known=archive.chains.values())
    archive.occurrences(manifest)
    return manifest


def test_evidence_that_a_file_list_names_is_owned_and_not_counted(archive: Archive) -> None:
    manifest = composed(archive, debian())
    assert archive.owned(manifest) == {(SIX, "six", "deb/python3-six")}
    assert archive.counted(manifest) == {"bash", "python3-six"}
    assert ("six", SIX) in archive.packages(manifest)


def test_evidence_that_no_list_names_is_nobodys(archive: Archive) -> None:
    pip = "usr/local/lib/python3/dist-packages/six.dist-info/METADATA"
    manifest = composed(archive, debian().database(pip, npm("flask")))
    assert archive.counted(manifest) == {"bash", "python3-six", "flask"}


def test_a_claim_in_an_upper_layer_owns_evidence_of_a_lower_one(archive: Archive) -> None:
    lower = Layer("files").database(SIX, npm("six"))
    manifest = composed(archive, lower, Layer("lists").database(DPKG, OWNER).file_list(OWNER, SIX))
    assert archive.owned(manifest) == {(SIX, "six", "deb/python3-six")}


def test_evidence_that_came_after_the_claim_is_not_owned(archive: Archive) -> None:
    lower = Layer("lists").database(DPKG, OWNER).file_list(OWNER, SIX)
    manifest = composed(archive, lower, Layer("files").database(SIX, npm("six")))
    assert archive.owned(manifest) == set()
    assert archive.counted(manifest) == {"python3-six", "six"}


def test_a_new_version_over_an_owned_path_is_not_owned(archive: Archive) -> None:
    owner = rpm("npm")
    base = Layer("base").database(RPM, owner).claim(RPM, owner, NPM).database(NPM, npm("npm", "8"))
    over = Layer("install -g").database(NPM, npm("npm", "10"))
    assert archive.owned(composed(archive, base)) == {(NPM, "npm", "rpm/npm")}
    manifest = composed(archive, base, over)
    assert archive.owned(manifest) == set()
    assert archive.counted(manifest) == {"npm"}
    assert archive.row(manifest)["packages"] == 2


def test_a_copy_with_other_permissions_stays_owned(archive: Archive) -> None:
    manifest = composed(archive, debian(), Layer("chmod").database(SIX, npm("six")))
    assert archive.owned(manifest) == {(SIX, "six", "deb/python3-six")}


def test_evidence_of_which_one_package_is_new_is_not_owned(archive: Archive) -> None:
    tool = "usr/bin/tool"
    base = debian(deb("tool")).database(tool, npm("lib"), npm("tool"))
    base.claim(f"{INFO}/python3-six.list", deb("tool"), tool, listed=False)
    assert ("usr/bin/tool", "lib", "deb/tool") in archive.owned(composed(archive, base))
    manifest = composed(archive, base, Layer("built").database(tool, npm("lib"), npm("tool", "2")))
    assert {path for path, *_ in archive.owned(manifest)} == {SIX}


@pytest.mark.parametrize("path", [f"{INFO}/python3-six.list", INFO, "var/lib/dpkg"])
def test_what_a_list_said_that_was_whited_out_counts_no_more(archive: Archive, path: str) -> None:
    manifest = composed(archive, debian(), Layer("slim").whiteout(path))
    assert archive.owned(manifest) == set()
    assert "six" in archive.counted(manifest)


def test_an_opaque_folder_takes_the_lists_away_but_for_its_own(archive: Archive) -> None:
    again = Layer("again").opaque(INFO).file_list(deb("other"), SIX)
    assert archive.owned(composed(archive, debian(deb("other")), again)) == {(SIX, "six", "deb/other")}


def test_a_database_that_is_rewritten_above_still_owns_what_came_with_its_package(archive: Archive) -> None:
    owner, site = apk("py3-six"), "usr/lib/python3.12/site-packages/six.dist-info/METADATA"
    base = Layer("base").database(APK, owner).claim(APK, owner, site).database(site, npm("six"))
    more = Layer("apk add").database(APK, owner, apk("curl")).claim(APK, owner, site)
    assert archive.owned(composed(archive, base, more)) == {(site, "six", "apk/py3-six")}
    over = Layer("pip").database(site, npm("six", "2"))
    assert archive.owned(composed(archive, base, over, more)) == set()


def test_a_rewritten_database_without_the_claim_owns_nothing(archive: Archive) -> None:
    owner, site = apk("py3-six"), "usr/lib/python3.12/site-packages/six.dist-info/METADATA"
    base = Layer("base").database(APK, owner).claim(APK, owner, site).database(site, npm("six"))
    gone = Layer("apk del").database(APK, apk("curl"))
    assert archive.owned(composed(archive, base, gone)) == set()


def test_an_owner_that_is_upgraded_with_its_file_owns_the_new_one(archive: Archive) -> None:
    old, new = rpm("npm", "8-1"), rpm("npm", "10-1")
    base = Layer("base").database(RPM, old).claim(RPM, old, NPM).database(NPM, npm("npm", "8"))
    top = Layer("upgrade").database(RPM, new).claim(RPM, new, NPM).database(NPM, npm("npm", "10"))
    assert archive.owned(composed(archive, base, top)) == {(NPM, "npm", "rpm/npm")}
    upgraded = Layer("apt upgrade").file_list(OWNER, SIX).database(SIX, npm("six", "1.17"))
    assert archive.owned(composed(archive, debian(), upgraded)) == {(SIX, "six", "deb/python3-six")}


def test_a_package_that_lies_elsewhere_too_stays_counted_and_its_owned_place_owned(archive: Archive) -> None:
    manifest = composed(archive, debian(), Layer("venv").database("srv/venv/six.dist-info/METADATA", npm("six")))
    assert archive.owned(manifest) == {(SIX, "six", "deb/python3-six")}
    assert archive.counted(manifest) == {"bash", "python3-six", "six"}
    assert archive.chains[archive.row(manifest)["chain"]].owned_sets == ()  # type: ignore[index]


def test_a_package_that_is_owned_wherever_it_lies_is_not_counted(archive: Archive) -> None:
    other = "usr/lib/pypy3/six.egg-info"
    base = debian(deb("pypy-six")).database(other, npm("six")).file_list(deb("pypy-six"), other)
    manifest = composed(archive, base)
    assert archive.owned(manifest) == {(SIX, "six", "deb/python3-six"), (other, "six", "deb/pypy-six")}
    assert archive.counted(manifest) == {"bash", "python3-six", "pypy-six"}


def test_a_binary_that_a_classifier_recognised_can_be_owned(archive: Archive) -> None:
    nginx = deb("nginx")
    base = Layer("base").database(DPKG, nginx).file_list(nginx, "usr/sbin/nginx")
    base.database("usr/sbin/nginx", PackageFacts("generic", "nginx", "1.24.0"))
    assert archive.owned(composed(archive, base)) == {("usr/sbin/nginx", "nginx", "deb/nginx")}


def test_operating_system_packages_are_never_owned(archive: Archive) -> None:
    base = Layer("base").database(DPKG, deb("bash")).database("opt/apk/lib/apk/db/installed", apk("musl"))
    base.file_list(deb("bash"), DPKG, "opt/apk/lib/apk/db/installed")
    manifest = composed(archive, base)
    assert archive.owned(manifest) == set()
    assert archive.counted(manifest) == {"bash", "musl"}


@pytest.mark.parametrize(
    ("link", "target", "claimed", "real"),
    [
        ("lib", "usr/lib", "lib/x/package.json", "usr/lib/x/package.json"),
        ("lib", "/usr/lib", "lib/x/package.json", "usr/lib/x/package.json"),
        ("usr/sbin", "bin", "usr/sbin/tool", "usr/bin/tool"),
        ("usr/lib64", "../lib", "usr/lib64/x/package.json", "lib/x/package.json"),
    ],
)
def test_a_claim_that_is_spelled_through_a_linked_folder_counts(
    archive: Archive, link: str, target: str, claimed: str, real: str
) -> None:
    base = Layer("base").symlink(link, target).database(DPKG, OWNER).file_list(OWNER, claimed).database(real, npm("x"))
    assert archive.owned(composed(archive, base)) == {(real, "x", "deb/python3-six")}
    assert archive.owned(composed(archive, base, Layer("no link").directory(link))) == set()


def test_a_link_to_a_file_is_no_linked_folder(archive: Archive) -> None:
    base = Layer("base").database("bin/busybox", npm("busybox")).symlink("bin/sh", "/bin/busybox")
    base.database(DPKG, OWNER).file_list(OWNER, "bin/sh")
    assert archive.owned(composed(archive, base)) == set()


def test_the_first_owner_by_name_is_named_where_several_claim(archive: Archive) -> None:
    base = debian(deb("a-six")).file_list(deb("a-six"), SIX)
    assert archive.owned(composed(archive, base)) == {(SIX, "six", "deb/a-six")}


def test_a_list_without_its_package_owns_nothing(archive: Archive) -> None:
    """Or an image could hide what is vulnerable in it behind a package that nobody matches."""
    fake = deb("all")
    base = Layer("base").database(DPKG, deb("bash")).file_list(fake, SIX).database(SIX, npm("six"))
    manifest = composed(archive, base)
    assert archive.owned(manifest) == set()
    assert archive.counted(manifest) == {"bash", "six"}
    installed = composed(archive, base, Layer("installed").database(DPKG, deb("bash"), fake))
    assert archive.owned(installed) == {(SIX, "six", "deb/all")}


def test_a_list_that_removing_its_package_left_owns_nothing_more(archive: Archive) -> None:
    removed = Layer("removed").database(DPKG, deb("bash"))
    manifest = composed(archive, debian(), removed)
    assert archive.owned(manifest) == set()
    assert archive.counted(manifest) == {"bash", "six"}


def test_a_list_owns_nothing_by_a_package_of_the_same_name_of_another_kind(archive: Archive) -> None:
    base = Layer("base").database(APK, apk("six")).file_list(deb("six"), SIX).database(SIX, npm("six"))
    assert archive.owned(composed(archive, base)) == set()


@pytest.mark.parametrize("name", ["libpython3.11-stdlib", "libpython3"])
def test_the_list_beside_a_package_s_own_file_owns_by_the_name_of_either(archive: Archive, name: str) -> None:
    status, stdlib = f"var/lib/dpkg/status.d/{name}", deb("libpython3.11-stdlib")
    base = Layer("base").database(status, stdlib).database(f"{status}.md5sums")
    base.claim(f"{status}.md5sums", deb(name), SIX, listed=False).database(SIX, npm("six"))
    assert archive.owned(composed(archive, base)) == {(SIX, "six", f"deb/{name}")}
    assert archive.owned(composed(archive, base, Layer("gone").whiteout(status))) == set()


def test_a_database_behind_a_linked_folder_claims_too(archive: Archive) -> None:
    owner, site = apk("py3-six"), "usr/lib/python3.12/site-packages/six.dist-info/METADATA"
    base = Layer("base").symlink("lib", "usr/lib").file("usr/lib/x")
    more = Layer("add").database(APK, owner).claim(APK, owner, site).database(site, npm("six"))
    assert archive.owned(composed(archive, base, more)) == {(site, "six", "apk/py3-six")}


def test_a_database_of_which_another_hard_link_is_left_still_claims(archive: Archive) -> None:
    owner, first = apk("py3-six"), "usr/lib/apk/db/installed"
    site = "usr/lib/python3.12/site-packages/six.dist-info/METADATA"
    base = Layer("base").database(first, owner).claim(first, owner, site).database(site, npm("six"))
    moved = Layer("moved").hardlink(APK, first, state="link").whiteout(first)
    assert archive.owned(composed(archive, base, moved)) == {(site, "six", "apk/py3-six")}


def test_a_layer_that_comes_twice_counts_from_where_it_came_last(archive: Archive) -> None:
    """What was taken away and comes again with the same layer came after the claim in between."""
    files, gone = Layer("files").database(SIX, npm("six")), Layer("gone").whiteout(SIX)
    lists = Layer("lists").database(DPKG, OWNER).file_list(OWNER, SIX)
    assert archive.owned(composed(archive, files, gone, lists, files)) == set()
    assert archive.owned(composed(archive, files, gone, files, lists)) == {(SIX, "six", "deb/python3-six")}


def test_the_facts_of_a_chain_are_written_once_and_never_again(archive: Archive) -> None:
    archive.add(base := debian())
    first = archive.compose(image("a", base), image("b", base))
    assert archive.facts(OWNED_OCCURRENCES).num_rows == 1
    second = archive.compose(image("c", base), known=first.chains)
    assert [written.dataset for written in second.objects] == ["images"]


def test_a_chain_known_as_the_lower_part_of_others_gets_its_facts_when_an_image_ends_there(archive: Archive) -> None:
    base, top = debian(), Layer("top").database("app/package.json", npm("app"))
    archive.add(base, top)
    first = archive.compose(image("high", base, top))
    assert archive.facts(OWNED_OCCURRENCES)["chain"].to_pylist() == [first.chains[-1].chain]
    second = archive.compose(low := image("low", base), known=first.chains)
    assert archive.owned(low) == {(SIX, "six", "deb/python3-six")}
    assert [len(chain.owned_sets) for chain in second.chains] == [1]


def test_claims_are_read_for_images_that_have_candidates_only(archive: Archive) -> None:
    base = Layer("base").database(DPKG, OWNER).file_list(OWNER, SIX)
    archive.add(base)
    (record,) = archive.records.values()
    (key,) = [key for dataset, key in record.keys if dataset == OWNED_PATHS.name]
    (Path(archive.location.url) / key).unlink()
    assert [ended.outcome for ended in archive.compose(image("no candidates", base)).images] == [Outcome.ANALYSED]
    top = Layer("top").database(SIX, npm("six"))
    archive.add(top)
    assert [ended.outcome for ended in archive.compose(image("one", base, top)).images] == [Outcome.FAILED]


def test_a_list_that_was_read_again_behind_a_link_claims_too(archive: Archive) -> None:
    lists = "opt/dpkg/status.d"
    base = Layer("base").file(f"{lists}/base").database(SIX, npm("six"))
    top = Layer("top").symlink("var/lib/dpkg", "/opt/dpkg")
    archive.add(base, top)
    manifest = image("i", base, top)
    need = LayerNeed(base.digest, f"{lists}/base", "var/lib/dpkg/status.d/base")
    assert archive.compose(manifest, may_ask=True).needs == (need,)
    again = Layer("again").database(need.path, OWNER).claim(need.path, OWNER, SIX).read_as(need)
    archive.layers[again.digest] = again
    (record,) = archive.write([again], digest=base.digest)
    archive.compose(manifest, supplements=(Supplement(need, b"h" * 32, record.keys),), may_ask=True)
    # The package came with the lower layer, in which its database lies too.
    assert archive.owned(manifest) == {(SIX, "six", "deb/python3-six")}
