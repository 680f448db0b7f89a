"""The search for secrets in a whole layer: which files, how much of them, what it leaves of the rest."""

from __future__ import annotations

from catalog.limits import Limits
from catalog.states import LayerOutcome
from tasks.analyzers.selection import DEFAULT, SEARCHING
from tasks.layer_builder import Compression, File, HardLink, Symlink, build_layer
from tasks.layers.layer import LayerRecords
from tasks.layers.secret_search import BATCH_BYTES
from tests.tasks.layers.reading import read_layer

TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3gH5"
STATUS = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"


def searched(
    members: dict[str, object], limits: Limits | None = None, compression: Compression = "gzip"
) -> LayerRecords:
    return read_layer(build_layer(members, compression=compression).data, selection=SEARCHING, limits=limits)  # type: ignore[arg-type]


def places(records: LayerRecords) -> list[tuple[str, int, str, int]]:
    return [(row["path"], row["ordinal"], row["rule"], row["line"]) for row in records.secrets.to_pylist()]


def test_text_files_are_searched_and_others_are_not() -> None:
    records = searched(
        {
            "b/token": f"{TOKEN}\n\n{TOKEN}",
            "a": TOKEN,
            "program": b"\x7fELF\0" + TOKEN.encode(),
            "late-nul": b" " * 5000 + b"\0" + TOKEN.encode(),
            "usr/share/doc/x/README": TOKEN,
            "link": Symlink("a"),
            "hard": HardLink("a"),
            "empty": "",
        }
    )
    assert places(records) == [
        ("a", 0, "github-token", 1),
        ("b/token", 0, "github-token", 1),
        ("b/token", 1, "github-token", 3),
        ("late-nul", 0, "github-token", 1),
    ]


def test_a_file_that_an_analyser_reads_is_searched_too() -> None:
    records = searched({"var/lib/dpkg/status": f"{STATUS}Description: {TOKEN}\n"})
    assert records.evidence.packages.num_rows == 1
    assert places(records) == [("var/lib/dpkg/status", 0, "github-token", 5)]


def test_the_rest_of_the_result_is_as_without_a_search() -> None:
    members = {
        "var/lib/dpkg/status": STATUS,
        "bin/su": File(b"\0" * 70_000, mode=0o4755),
        "srv/data": "x" * 700_000,
        "app/package.json": '{"name": "a", "version": "1"}',
        "token": TOKEN,
    }
    blob = build_layer(members).data
    plain, both = read_layer(blob, selection=DEFAULT), read_layer(blob, selection=SEARCHING)
    assert plain.secrets.num_rows == 0
    assert plain.composition_hash == both.composition_hash
    assert plain.evidence.packages.equals(both.evidence.packages)
    assert plain.evidence.evidence.equals(both.evidence.evidence)
    assert plain.privileged.equals(both.privileged)
    assert list(plain.entries.batches()) == list(both.entries.batches())


def test_only_the_beginning_of_a_large_file_is_searched_which_is_noted() -> None:
    limits = Limits(secret_bytes=1000)
    records = searched({"large": f"{TOKEN} {'-' * 990} {TOKEN}\n", "small": f"{'-' * 900}\n{TOKEN}"}, limits)
    assert places(records) == [("large", 0, "github-token", 1), ("small", 0, "github-token", 2)]
    (problem,) = records.evidence.problems
    assert (problem.analyser, problem.reason, problem.partial) == ("secrets", "limit-exceeded", False)
    assert records.outcome is LayerOutcome.COMPLETE


def test_what_is_found_is_bounded_which_is_noted() -> None:
    crowd = "".join(f"{TOKEN}\n" for _ in range(150))
    crowded = searched({"crowd": crowd})
    assert crowded.secrets.num_rows == 100
    assert "1 files have more than 100" in crowded.evidence.problems[0].detail
    full = searched({f"file{number}": crowd for number in range(3)}, Limits(secrets=120))
    assert full.secrets.num_rows == 120
    assert any("more than 120 secrets" in problem.detail for problem in full.evidence.problems)


def test_files_are_searched_in_batches_and_none_is_forgotten() -> None:
    count = 7
    members = {f"f{number}": "-" * (BATCH_BYTES // 3) + f"\n{TOKEN}" for number in range(count)}
    assert len(places(searched(members, compression="zstd"))) == count


def test_a_path_that_comes_twice_is_told_twice() -> None:
    first, second = (build_layer({"a": text}, compression="plain").data for text in (TOKEN, f"\n{TOKEN}"))
    twice = first[: first.rindex(TOKEN.encode()) // 512 * 512 + 512] + second
    records = read_layer(twice, selection=SEARCHING)
    assert places(records) == [("a", 0, "github-token", 1), ("a", 1, "github-token", 2)]
