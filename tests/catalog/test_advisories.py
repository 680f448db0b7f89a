from __future__ import annotations

import dataclasses

from catalog.advisories import FeedReceipt, feed_of, snapshot_id
from catalog.receipts import ObjectReceipt

OBJECT = ObjectReceipt("advisories", "key", "a" * 64, 1, 100)
DEBIAN = FeedReceipt(
    feed="Debian",
    releases=(("Debian:11", 5), ("Debian:12", 7)),
    complete=("Debian:12",),
    as_of="2024-05-01T00:00:00Z",
    advisories=9,
    withdrawn=0,
    ranges=12,
    not_comparable=0,
    advisory_object=OBJECT,
    range_object=dataclasses.replace(OBJECT, dataset="affected_ranges", content_hash="b" * 64),
)
PYPI = dataclasses.replace(DEBIAN, feed="PyPI", releases=(), complete=(), range_object=None)


def test_a_feed_is_an_ecosystem_without_its_release() -> None:
    assert [feed_of(name) for name in ("Debian:12", "Ubuntu:Pro:22.04:LTS", "PyPI")] == ["Debian", "Ubuntu", "PyPI"]


def test_a_snapshot_s_name_is_the_same_in_any_order() -> None:
    assert snapshot_id([DEBIAN, PYPI]) == snapshot_id([PYPI, DEBIAN])


def test_a_snapshot_s_name_is_held_by_a_golden_vector() -> None:
    assert snapshot_id([DEBIAN, PYPI]).hex() == "c516718b27e4014ea7da70598a6a64edfc3f5c02cef8473b034f87e950a71b4a"


def test_content_and_declarations_name_a_snapshot_and_nothing_else_does() -> None:
    name = snapshot_id([DEBIAN])
    assert name == snapshot_id([dataclasses.replace(DEBIAN, as_of="2025", advisories=0)])
    assert name != snapshot_id([dataclasses.replace(DEBIAN, complete=("Debian",))])
    assert name != snapshot_id([dataclasses.replace(DEBIAN, range_object=None)])
    assert name != snapshot_id([DEBIAN, PYPI])


def test_what_is_declared_and_there_is_covered() -> None:
    assert DEBIAN.covers("Debian:12")
    assert not DEBIAN.covers("Debian:11")
    assert not dataclasses.replace(DEBIAN, complete=("Debian:13",)).covers("Debian:13")
    assert dataclasses.replace(DEBIAN, complete=("Debian",)).covers("Debian:11")
