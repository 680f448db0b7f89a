"""Real feeds, imported whole, and a sample of their packages judged by OSV's own algorithm word by word.

The judge walks record by record and version by version, and compares with other people's libraries: `packaging`, dpkg's
Perl modules, npm's semver. (For apk there is none to be had; there it compares with our keys, and judges the rest.)
"""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cmp_to_key
from pathlib import Path

import pytest
from packaging.version import InvalidVersion, Version

from catalog.advisories import SnapshotReceipt
from catalog.duck import open_session
from catalog.settings import ArchiveLocation
from catalog.store import open_store
from tasks.advisories import import_advisories
from tasks.matching import judge_packages, range_files
from tasks.versions import version_key
from tests.tasks.matching import fleets
from tests.tasks.versions import oracles

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

Json = dict[str, object]
Compare = Callable[[str, str], int | None]
"""-1, 0 or 1; None where one of the two cannot be parsed."""
Product = tuple[str, str]

PLATFORMS = {
    "Debian:12": fleets.BOOKWORM | {"type": "deb"},
    "Ubuntu:22.04:LTS": fleets.JAMMY | {"type": "deb"},
    "Ubuntu:20.04:LTS": fleets.JAMMY | {"platform": 4, "distribution_version": "20.04", "type": "deb"},
    "Alpine:v3.11": fleets.ALPINE | {"distribution_version": "3.11.5", "type": "apk"},
    "Alpine:v3.8": fleets.ALPINE | {"platform": 5, "distribution_version": "3.8.0", "type": "apk"},
    "PyPI": {"type": "pypi"},
    "npm": {"type": "npm"},
    "Bitnami": {"type": "bitnami"},
}
PRODUCTS, VERSIONS = 150, 12


def _records(path: Path) -> Iterator[Json]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield json.loads(archive.read(name))


class Feeds:
    """The real feeds, each imported once."""

    def __init__(self, real_data: Path, folder: Path) -> None:
        self.archive = ArchiveLocation(url=str(folder / "archive"))
        self._exports = real_data / "osv"
        self._receipts: dict[str, SnapshotReceipt] = {}

    def export(self, feed: str) -> Path:
        return self._exports / feed / "all.zip"

    def imported(self, feed: str) -> SnapshotReceipt:
        if feed not in self._receipts:
            self._receipts[feed] = import_advisories(self.export(feed), (), self.archive, month="2024-05")
        return self._receipts[feed]


@pytest.fixture(scope="module")
def feeds(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Feeds:
    return Feeds(real_data, tmp_path_factory.mktemp("feeds"))


def _normal(ecosystem: str, name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-") if ecosystem == "PyPI" else name


class Judge:
    """Evaluates records one by one, as the OSV schema's "Evaluation" says."""

    def __init__(self, entries: dict[Product, list[tuple[str, Json]]]) -> None:
        self.entries = entries

    def candidates(self, rng: random.Random) -> list[tuple[Product, str]]:
        chosen = rng.sample(sorted(self.entries), min(PRODUCTS, len(self.entries)))
        found = []
        for product in chosen:
            versions = {version for _advisory, entry in self.entries[product] for version in _versions(entry)}
            versions |= {version + rng.choice((".1", "a1", "-r9", "+b1", "~1", ".post1", "-1")) for version in versions}
            found += [(product, version) for version in rng.sample(sorted(versions), min(VERSIONS, len(versions)))]
        return found

    def pairs(self, candidates: Sequence[tuple[Product, str]]) -> set[tuple[str, str]]:
        """Every pair of versions that judging these candidates may compare."""
        pairs = {(version, version) for _product, version in candidates}
        for product, version in candidates:
            for _advisory, entry in self.entries[product]:
                written = list(_versions(entry))
                pairs |= {(version, one) for one in written}
                for events in _ranges(entry):
                    texts = [text for _kind, text in events]
                    pairs |= {(a, b) for a in texts for b in texts}
        return pairs

    def affected(self, product: Product, version: str, compare: Compare) -> set[str]:
        return {
            advisory
            for advisory, entry in self.entries[product]
            if any(compare(version, one) == 0 or version == one for one in entry.get("versions", []))
            or any(_in_range(version, events, compare) for events in _ranges(entry))
        }


def _ranges(entry: Json) -> list[list[tuple[str, str]]]:
    return [
        [(kind, text) for event in found["events"] for kind, text in event.items()]
        for found in entry.get("ranges", [])
        if found["type"] != "GIT"
    ]


def _versions(entry: Json) -> set[str]:
    return {text for events in _ranges(entry) for _kind, text in events} | set(entry.get("versions", []))


def _in_range(version: str, events: list[tuple[str, str]], compare: Compare) -> bool:
    if any(
        compare(text, text) is None or compare(version, text) is None
        for kind, text in events
        if (kind, text) != ("introduced", "0")
    ):
        return False
    first = ("introduced", "0")
    ordered = sorted(events, key=cmp_to_key(lambda a, b: (b == first) - (a == first) or compare(a[1], b[1]) or 0))
    vulnerable = False
    for kind, text in ordered:
        order = compare(version, text)
        if kind == "introduced" and (text == "0" or order in (0, 1)):
            vulnerable = True
        elif (kind == "fixed" and order in (0, 1)) or (kind == "last_affected" and order == 1):
            vulnerable = False
    return vulnerable


def _packaging(_pairs: set[tuple[str, str]]) -> Compare:
    def compare(a: str, b: str) -> int | None:
        try:
            one, other = Version(a), Version(b)
        except InvalidVersion:
            return None
        return (one > other) - (one < other)

    return compare


def _dpkg(pairs: set[tuple[str, str]]) -> Compare:
    ordered = sorted(pairs)
    said = dict(zip(ordered, oracles.dpkg_dev(ordered), strict=True))
    return lambda a, b: said[a, b]


def _npm(pairs: set[tuple[str, str]]) -> Compare:
    ordered = sorted(pairs)

    def whole(version: str) -> str:
        missing = 2 - version.count(".") if version.replace(".", "").isdigit() else 0
        return version + ".0" * missing

    said = dict(zip(ordered, oracles.npm([(whole(a), whole(b)) for a, b in ordered]), strict=True))
    # npm takes 0.15.14.1 loosely for 0.15.1-4.1, which nobody means: four parts are no semantic version.
    four = re.compile(r"[0-9]+(\.[0-9]+){2}\.")
    return lambda a, b: None if four.match(a) or four.match(b) else said[a, b]


def _our_keys(_pairs: set[tuple[str, str]]) -> Compare:
    def compare(a: str, b: str) -> int | None:
        one, other = version_key("apk", a), version_key("apk", b)
        return None if one is None or other is None else (one > other) - (one < other)

    return compare


def _entries(records: Iterator[Json]) -> tuple[dict[Product, list[tuple[str, Json]]], dict[Product, set[str]]]:
    """What the records say of each product, and the advisories that Ubuntu Pro has a say in: that rule has its own tests."""
    entries: dict[Product, list[tuple[str, Json]]] = defaultdict(list)
    ruled: dict[Product, set[str]] = defaultdict(set)
    for record in records:
        identity = str(record["id"])
        for entry in record["affected"] if "withdrawn" not in record else []:
            ecosystem, name = entry["package"]["ecosystem"], entry["package"]["name"]
            if ecosystem in PLATFORMS:
                entries[ecosystem, _normal(ecosystem, name)].append((identity, entry))
            ruled[ecosystem.replace(":Pro:", ":"), name] |= {identity} if ":Pro:" in ecosystem else set()
    return entries, ruled


@pytest.mark.parametrize(
    ("feed", "library"),
    [
        ("PyPI", _packaging),
        ("npm", _npm),
        ("Bitnami", _npm),
        ("Debian", _dpkg),
        ("Alpine", _our_keys),
        pytest.param("Ubuntu", _dpkg, marks=pytest.mark.slow),
    ],
)
def test_matching_finds_what_osv_s_algorithm_finds(
    feeds: Feeds, feed: str, library: Callable[[set[tuple[str, str]]], Compare]
) -> None:
    snapshot = feeds.imported(feed).feeds
    entries, ruled = _entries(_records(feeds.export(feed)))
    judge = Judge(entries)
    candidates = judge.candidates(random.Random(feed))
    compare = library(judge.pairs(candidates))
    packages = fleets.packages(
        *({**PLATFORMS[ecosystem], "name": name, "version": version} for (ecosystem, name), version in candidates)
    )
    with open_store(feeds.archive) as store, open_session() as session:
        found = judge_packages(packages, snapshot, range_files(store, snapshot), session)
    ours: dict[int, set[str]] = defaultdict(set)
    for match in found.matches.select(["package", "advisory"]).to_pylist():
        ours[match["package"]].add(match["advisory"])
    wrong = []
    for number, (product, version) in enumerate(candidates, 1):
        if compare(version, version) is None:
            continue  # not comparable: it matches by listed text alone, which has a test of its own
        different = (ours[number] ^ judge.affected(product, version, compare)) - ruled[product]
        if different:
            wrong.append((product, version, different))
    assert len(candidates) > 150
    assert found.matches.num_rows > 100
    assert wrong == []


FEEDS = (
    "Alpine", "Azure Linux", "Bitnami", "Debian", "Go", "Maven", "NuGet", "Packagist", "PyPI", "RubyGems", "crates", "npm",
)  # fmt: skip
LARGE = [pytest.param(feed, marks=pytest.mark.slow) for feed in ("AlmaLinux", "Ubuntu")]


@pytest.mark.parametrize("feed", [*FEEDS, *LARGE])
def test_no_record_is_lost(feeds: Feeds, feed: str) -> None:
    receipt = feeds.imported(feed)
    facts = [(str(record["modified"]), "withdrawn" in record) for record in _records(feeds.export(feed))]
    (imported,) = receipt.feeds
    assert receipt.problems == ()
    assert receipt.records == imported.advisories == len(facts)
    assert imported.withdrawn == sum(withdrawn for _modified, withdrawn in facts)
    assert imported.as_of == max(modified for modified, _withdrawn in facts)


@pytest.mark.parametrize("feed", ["Alpine", "Azure Linux", "Debian", pytest.param("AlmaLinux", marks=pytest.mark.slow)])
def test_no_range_is_lost(feeds: Feeds, feed: str) -> None:
    """These feeds have no listed versions and no empty range: a row for each different range and CVE."""
    expected = set()
    for record in _records(feeds.export(feed)):
        cves = record["related"] if feed == "AlmaLinux" else record["upstream"]
        vulnerabilities = [one for one in cves if one.startswith("CVE-")] or [record["id"]]
        for entry in record["affected"]:
            package = (entry["package"]["ecosystem"], entry["package"]["name"])
            expected |= {
                (record["id"], one, *package, tuple(events)) for one in vulnerabilities for events in _ranges(entry)
            }
    assert feeds.imported(feed).feeds[0].ranges == len(expected)
