"""A layer's composition hash, and what must not change it."""

from __future__ import annotations

import pytest

from catalog.limits import Limits
from tasks.layer_builder import Directory, File, HardLink, Member, Symlink, Whiteout, build_tar
from tasks.layers import walker
from tests.tasks.layers.reading import read

BASE: dict[str, Member] = {
    "etc/os-release": "ID=debian\n",
    "var/lib/dpkg/status": "Package: a\nStatus: install ok installed\nVersion: 1\n",
    "app/package.json": '{"name": "n", "version": "1"}',
    "bin": Symlink("usr/bin"),
    "d": Directory(),
    "gone": Whiteout(),
    "link": HardLink("etc/os-release"),
}


def composition_hash(**changes: Member) -> bytes:
    named = {key.replace("__", "/"): value for key, value in changes.items()}
    return read(build_tar({**BASE, **named})).records.composition_hash


def test_the_same_rows_give_the_same_hash() -> None:
    assert composition_hash() == composition_hash()
    assert len(composition_hash()) == 32


@pytest.mark.parametrize(
    "change",
    [
        {"d": Directory(mode=0o700, uid=5)},
        {"app__package.json": '{"name": "n", "version": "1", "main": "other.js"}'},
        {"app__package.json": File(b'{"version": "1", "name": "n"}', mode=0o600)},
    ],
)
def test_what_composition_does_not_read_leaves_the_hash_alone(change: dict[str, Member]) -> None:
    assert composition_hash(**change) == composition_hash()


@pytest.mark.parametrize(
    "change",
    [
        {"new": "file"},
        {"d": Symlink("x")},
        {"bin": Symlink("bin.usr-is-merged")},
        {"gone": "back"},
        {"app__package.json": '{"name": "n", "version": "2"}'},
        {"app__package.json": '{"name": "n", "version": "1", "license": "MIT"}'},
        {"etc__os-release": "ID=ubuntu\n"},
        {"x__package.json": "{}"},
    ],
)
def test_what_composition_reads_changes_the_hash(change: dict[str, Member]) -> None:
    assert composition_hash(**change) != composition_hash()


def test_the_hash_does_not_know_how_many_entries_were_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tar = build_tar({**BASE, **{f"f{n}": str(n) for n in range(300)}})
    whole = read(tar)
    monkeypatch.setattr(walker, "CHUNK_ENTRIES", 7)
    assert read(tar).records.composition_hash == whole.records.composition_hash
    assert read(tar).entries == whole.entries


def test_rows_beyond_the_room_in_memory_are_the_same_rows() -> None:
    tar = build_tar({f"folder/{n}": Symlink(str(n)) for n in range(9000)})
    assert read(tar, limits=Limits(spool_bytes=1000)).entries == read(tar).entries
