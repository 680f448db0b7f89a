"""Small layers made to fill the memory: what is kept of a layer stays small, and what a cap cuts off is said."""

from __future__ import annotations

import tracemalloc

import pytest

from catalog.limits import MIB, Limits
from tasks.layers import walker
from tests.tasks.layers.reading import END, Read, entry, header, padded, pax, read

OS_RELEASE = b"etc/os-release"


def long_name(flag: bytes, name: bytes) -> bytes:
    return header(b"././@LongLink", flag=flag, size=len(name)) + padded(name)


def archive(*parts: bytes) -> bytes:
    return b"".join(parts) + END


def peak_of(tar: bytes) -> tuple[Read, int]:
    tracemalloc.start()
    try:
        return read(tar), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "parts",
    [
        [long_name(b"L", b"a" * 900_000) + entry(b"x", b"") for _ in range(50)],
        [long_name(b"K", b"a" * 900_000) + header(b"x", flag=b"2") for _ in range(50)],
        [pax(path=b"a" * 200_000) + entry(b"x", b"") for _ in range(200)],
        [pax(linkpath=b"a" * 900_000) + header(b"x", flag=b"2") for _ in range(50)],
    ],
    ids=["GNU names", "GNU targets", "pax names", "pax targets"],
)
def test_names_far_over_the_limit_are_not_kept(parts: list[bytes]) -> None:
    result, peak = peak_of(archive(*parts))
    assert peak < 12 * MIB
    assert result.entries == []
    assert result.reasons == ["limit-exceeded"]


def test_a_name_over_the_limit_is_over_it_however_it_would_be_normalised() -> None:
    tar = archive(long_name(b"L", b"./" * 3000 + b"package.json") + entry(b"x", b"{}"), entry(b"y", b""))
    result = read(tar)
    assert [path for path, _, _ in result.entries] == ["y"]
    assert result.evidence == {}


def test_content_that_a_later_entry_replaced_is_not_kept() -> None:
    result, peak = peak_of(archive(*(entry(OS_RELEASE, b"ID=%d\n" % number + b"#" * 60_000) for number in range(400))))
    assert peak < 8 * MIB
    assert result.contents["etc/os-release"].startswith(b"ID=399\n")


def test_extended_headers_of_entries_that_become_no_rows_are_not_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker, "CHUNK_EXTENDED", 64)
    unknown = pax(comment=b"x") + header(b"x", flag=b"Z")
    _, peak = peak_of(archive(unknown * 8_000))
    assert peak < 6 * MIB


@pytest.mark.parametrize(
    "parts",
    [
        [entry(b"x%d.egg-info" % number, b"") for number in range(300)],
        [
            long_name(b"L", b"/".join(b"%d" % (number + depth) for depth in range(200)) + b"/package.json")
            + entry(b"x")
            for number in range(9)
        ],
        [entry(b"var/lib/dpkg/status", b"Package: a\nVersion: %s\n" % (b"1" * 9_000)) for _ in range(30)],
        [entry(OS_RELEASE, b"#" * 60_000) for _ in range(5)],
    ],
    ids=["pieces", "folders", "packages", "contents"],
)
def test_more_evidence_than_the_cap_makes_the_layer_partial(parts: list[bytes]) -> None:
    tar = archive(entry(b"lib/apk/db/installed", b"P:a\nV:1\n"), *parts)
    assert read(tar).reasons == []
    result = read(tar, limits=Limits(evidence_bytes=200_000))
    assert result.reasons == ["limit-exceeded"]
    assert ("lib/apk/db/installed", "a", "1") in result.packages


def test_links_over_the_cap_are_left_out_and_the_layer_is_partial() -> None:
    links = [header(b"l%d" % number, flag=b"2", target=b"t") for number in range(3 * walker.CHUNK_ENTRIES)]
    tar = archive(*links, entry(OS_RELEASE, b"ID=debian\n"))
    assert len(read(tar, limits=Limits(layer_links=len(links))).entries) == len(links) + 1
    result = read(tar, limits=Limits(layer_links=walker.CHUNK_ENTRIES))
    assert (result.records.outcome, result.reasons) == ("partial", ["limit-exceeded"])
    assert len(result.entries) == 2 * walker.CHUNK_ENTRIES


def test_rows_over_the_cap_never_fill_the_disk_and_the_layer_is_partial() -> None:
    longest = b"/".join([b"n" * 250] * 16)
    tar = archive(*(long_name(b"L", longest + b"%d" % number) + entry(b"x") for number in range(5_000)))
    whole = read(tar)
    result = read(tar, limits=Limits(row_bytes=MIB, spool_bytes=0))
    assert (result.records.outcome, result.reasons) == ("partial", ["limit-exceeded"])
    assert 0 < len(result.entries) < len(whole.entries) == 5_000
