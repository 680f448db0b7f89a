"""Whose file is whose, in the rows of a layer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.facts import read_facts
from catalog.limits import Limits
from catalog.schemas import OWNED_PATHS
from catalog.store import LocalStore
from tasks.analyzers.interface import Claim
from tasks.analyzers.selection import DEFAULT
from tasks.layers.analysis import fingerprints
from tasks.layers.claim_rows import LONGEST_OWNER, ClaimRows, is_plain
from tasks.layers.records import RecordWriter
from tests.tasks.layers.reading import read, read_layer
from tests.tasks.layers.test_evidence import file, folder, hard_link, layer, symlink

INFO = "var/lib/dpkg/info"
SIX = f"{INFO}/python3-six.list"
SIX_PATHS = b"/.\n/usr\n/usr/lib\n/usr/lib/six.egg-info\n/usr/lib/six.py\n/usr/share/doc/six/copyright\n"
APK = "lib/apk/db/installed"
BUSYBOX = b"P:busybox\nV:1.36\nF:bin\nR:busybox\nF:usr/share/man\nR:busybox.1\n\n"


def test_only_paths_at_which_evidence_may_lie_become_rows() -> None:
    result = read(layer(file(SIX, SIX_PATHS)))
    assert result.owned == [(SIX, "deb/python3-six", "usr/lib/six.egg-info")]
    assert result.evidence == {(SIX, "dpkg"): "read"}


def test_rows_are_counted_within_their_database() -> None:
    result = read(
        layer(file(f"{INFO}/b.list", b"/bin/b\n/bin/c\n"), file(f"{INFO}/a.list", b"/bin/a\n"), file(APK, BUSYBOX))
    )
    rows = result.records.evidence.owned_paths.select(["path", "ordinal", "owned"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (APK, 0, "bin/busybox"),
        (f"{INFO}/a.list", 0, "bin/a"),
        (f"{INFO}/b.list", 0, "bin/b"),
        (f"{INFO}/b.list", 1, "bin/c"),
    ]


def test_a_row_names_the_owner_that_its_database_lists() -> None:
    evidence = read(layer(file(APK, BUSYBOX), file(SIX, SIX_PATHS))).records.evidence
    (package,) = evidence.packages.column("package").to_pylist()
    assert evidence.owned_paths.column("package").to_pylist() == [package, b""]
    assert evidence.owned_paths.schema == OWNED_PATHS.schema.remove(0)


def test_a_layer_without_claims_has_no_rows() -> None:
    assert read(layer(file(SIX, b""))).records.evidence.owned_paths.num_rows == 0


@pytest.mark.parametrize(
    "replacement", [file(SIX, b"/bin/other\n"), folder(SIX), symlink("var/lib/dpkg", "elsewhere"), file(INFO, b"")]
)
def test_claims_go_with_their_file(replacement: bytes) -> None:
    owned = read(layer(file(SIX, SIX_PATHS), replacement)).owned
    assert "usr/lib/six.egg-info" not in [path for _, _, path in owned]


def test_a_whiteout_of_a_list_is_for_the_layers_below() -> None:
    result = read(layer(file(SIX, SIX_PATHS), file(f"{INFO}/.wh.python3-six.list", b"")))
    assert len(result.owned) == 1
    assert (SIX, "whiteout", "") in result.entries


@pytest.mark.parametrize("reverse", [False, True])
def test_hard_links_share_claims(reverse: bool) -> None:
    parts = [file(APK, BUSYBOX), hard_link("usr/" + APK, APK)]
    owned = read(layer(*(reversed(parts) if reverse else parts))).owned
    assert owned == [(APK, "apk/busybox", "bin/busybox"), ("usr/" + APK, "apk/busybox", "bin/busybox")]


@pytest.mark.parametrize("before", [False, True])
def test_links_without_end_to_a_long_list_are_bounded(before: bool) -> None:
    long = file(f"{INFO}/a.list", b"".join(b"/bin/%d\n" % number for number in range(2_000)))
    links = b"".join(hard_link(f"{INFO}/b{number}.list", f"{INFO}/a.list") for number in range(100))
    result = read(layer(links, long) if before else layer(long, links), limits=Limits(evidence_bytes=2 << 20))
    assert 2_000 <= len(result.owned) <= 20_000
    assert result.reasons == ["limit-exceeded"]
    assert result.records.loss is not None


def test_claims_count_toward_the_memory_of_evidence() -> None:
    many = b"".join(b"/bin/%d\n" % number for number in range(2_000))
    files = [file(f"{INFO}/{number}.list", many) for number in range(20)]
    assert read(layer(*files)).reasons == []
    assert read(layer(*files), limits=Limits(evidence_bytes=1 << 20)).reasons == ["limit-exceeded"]


def test_a_broken_list_is_a_problem_and_its_other_lines_are_claims() -> None:
    result = read(layer(file(SIX, b"/bin/a\nbroken\n")))
    assert result.reasons == ["parse-error"]
    assert result.owned == [(SIX, "deb/python3-six", "bin/a")]


def test_documents_that_look_like_lists_are_no_evidence() -> None:
    lists = (
        "usr/share/doc/dpkg/info/a.list",
        "etc/apt/sources.list",
        "srv/var/lib/dpkg/info/a.list",
        f"{INFO}/x/a.list",
    )
    assert read(layer(*(file(path, b"/bin/a\n") for path in lists))).evidence == {}


def test_what_composition_reads_of_claims_is_in_the_layers_hash() -> None:
    def composition_hash(*parts: bytes) -> bytes:
        return read(layer(*parts)).records.composition_hash

    plain = composition_hash(file(SIX, b"/bin/a\n"))
    assert composition_hash(file(SIX, b"/bin/a\n/usr/share/man/a\n")) == plain
    assert composition_hash(file(SIX, b"/bin/b\n")) != plain
    assert composition_hash(file(SIX, b"/bin/a\n/bin/b\n")) != plain


def test_the_owner_is_in_the_layers_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    other = BUSYBOX.replace(b"F:bin\nR:busybox\n", b"") + b"P:b\nV:1\nF:bin\nR:busybox\n"
    records = [read(layer(file(APK, data))).records for data in (BUSYBOX + b"P:b\nV:1\n\n", other)]
    assert records[0].evidence.packages.equals(records[1].evidence.packages)
    assert records[0].composition_hash != records[1].composition_hash


def test_thousands_of_claims_are_rows_in_their_order() -> None:
    paths = [f"bin/{number}" for number in range(9_000)]
    rows = ClaimRows()
    for start in range(0, 9_000, 3):
        rows.add(
            start,
            [
                Claim.of(f"deb/{start}", b"", tuple(paths[start : start + 2])),
                Claim.of("deb/x", b"", (paths[start + 2],)),
            ],
        )
    table = rows.table([(f"{start:05}", start) for start in range(0, 9_000, 3)])
    assert table.column("owned").to_pylist() == paths
    assert table.column("ordinal").to_pylist() == [0, 1, 2] * 3_000
    assert table.column("owner").to_pylist()[-3:] == ["deb/8997", "deb/8997", "deb/x"]


PATHS = st.sampled_from(["a", "bin/a", "usr/share/man/a", "b.py", "\N{LATIN SMALL LETTER E WITH ACUTE}", "bin"])


@given(st.lists(st.lists(st.lists(PATHS, max_size=5), max_size=3), max_size=5))
def test_claims_that_wait_never_take_more_than_they_may(pieces: list[list[list[str]]]) -> None:
    rows, singly = ClaimRows(), 0
    for number, lists in enumerate(pieces):
        claims = [Claim.of("deb/a", b"", paths) for paths in lists]
        rows.add(number, claims)
        alone = ClaimRows()
        alone.add(0, claims)
        singly += alone.settle()
    owing, total = rows.owing, rows.settle()
    assert total == singly == sum(rows.cost(number) for number in range(len(pieces)))
    assert total <= owing
    assert rows.owing == 0


def test_an_owner_that_is_no_name_is_not_kept() -> None:
    assert is_plain(Claim.of("deb/a", b"", ("a",)))
    assert not is_plain(Claim.of("deb/a\0", b"", ("a",)))
    assert not is_plain(Claim.of("a" * (LONGEST_OWNER + 1), b"", ("a",)))


def test_rows_are_written_with_the_layers_digest(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    records = read_layer(layer(file(SIX, SIX_PATHS), file(APK, BUSYBOX)))
    with RecordWriter(store, "2026-01", store.scratch) as writer:
        writer.append(records, fingerprints())
        (receipt,) = (receipt for receipt in writer.close() if receipt.dataset == OWNED_PATHS.name)
    rows = read_facts(store, receipt.key).to_pylist()
    assert [(row["layer"], row["owned"]) for row in rows] == [
        (records.digest, "bin/busybox"),
        (records.digest, "usr/lib/six.egg-info"),
    ]
    assert DEFAULT.wanting(SIX)
