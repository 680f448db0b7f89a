"""Language packages that the distribution's packages own, as a person sees them: apart, with their owner, and in no count."""

from __future__ import annotations

from pipelines.cli.show_tables import image_view, owned_text
from pipelines.image_report import image_report
from pipelines.models.show import ImageReport
from pipelines.occurrences import Occurrence, OwnedOccurrence, OwnedPackages
from pipelines.show import ShownImage
from tests.pipelines.made import HOSTILE, package, record
from tests.pipelines.test_tables import on_narrow_terminal, printed

LAYER = "sha256:" + "01" * 32
SIX = package("six", type="pypi", version="1.16.0", architecture="", ecosystem_platform=("", ""))
OWNED, FREE = "usr/lib/python3/dist-packages/six.egg-info", "srv/venv/six.dist-info/METADATA"


def occurrence(path: str) -> Occurrence:
    return Occurrence(SIX.package, path, LAYER, LAYER)


def report(*, counted: bool, owner: str = "deb/python3-six", path: str = OWNED) -> ImageReport:
    """An image with openssl, and six at an owned place; `counted`: at another place too."""
    places = [occurrence(path), *([occurrence(FREE)] if counted else [])]
    owned = OwnedPackages(() if counted else (SIX,), (OwnedOccurrence(path, SIX.package, owner),))
    return image_report(record(), [package(), *([SIX] if counted else [])], [], places, [], owned=owned)


def test_an_owned_package_is_listed_apart_with_owner_path_and_layer() -> None:
    made = report(counted=False)
    assert [found.name for found in made.packages] == ["openssl"]
    (owned,) = made.owned
    assert (owned.name, owned.owned_by, owned.path, owned.layer) == ("six", "deb/python3-six", OWNED, LAYER)
    assert owned.purl == "pkg:pypi/six@1.16.0"


def test_a_package_that_lies_elsewhere_too_is_listed_at_each_place_where_it_belongs() -> None:
    made = report(counted=True)
    assert [(found.name, found.path) for found in made.packages if found.type == "pypi"] == [("six", FREE)]
    assert [(found.name, found.path) for found in made.owned] == [("six", OWNED)]


def test_the_text_says_how_many_and_whose() -> None:
    shown = printed(*image_view(ShownImage(record(), report(counted=False), ())))
    assert "1 language package is part of a package of the distribution" in shown
    row = next(line for line in shown.splitlines() if OWNED in line)
    assert "deb python3-six" in row


def test_the_count_is_of_packages_not_of_places() -> None:
    (owned,) = report(counted=False).owned
    assert owned_text((owned, owned)).startswith("1 language package ")
    other = owned.model_copy(update={"purl": "pkg:pypi/other@1"})
    assert owned_text((owned, other)).startswith("2 language packages ")


def test_an_image_without_owned_packages_says_nothing_of_them() -> None:
    made = image_report(record(), [package()], [], [], [])
    assert made.owned == ()
    assert "owned" not in printed(*image_view(ShownImage(record(), made, ())))


def test_hostile_names_of_owners_and_paths_are_shown_and_never_obeyed() -> None:
    made = report(counted=False, owner=HOSTILE, path=HOSTILE)
    for out in (printed, on_narrow_terminal):
        text = out(*image_view(ShownImage(record(), made, ())))
        assert "\x1b" not in text
        assert "fake line" not in [line.strip()[:9] for line in text.splitlines()]
