from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.advisories.aliases import LARGEST_GROUP, AliasGroups, vulnerabilities

names = st.sampled_from([f"X-{n}" for n in range(8)])
edges = st.lists(st.tuples(names, st.lists(names, max_size=3)), max_size=10)


def _groups(*edges: tuple[str, list[str]]) -> AliasGroups:
    groups = AliasGroups()
    for advisory, aliases in edges:
        groups.add(advisory, aliases)
    return groups


def _of(
    advisory: str,
    groups: AliasGroups,
    *,
    feed: str = "PyPI",
    aliases: list[str] | None = None,
    upstream: list[str] | None = None,
    related: list[str] | None = None,
) -> tuple[str, ...]:
    return vulnerabilities(feed, advisory, aliases or [], upstream or [], related or [], groups)


@given(edges, st.randoms(use_true_random=False))
def test_groups_are_the_connected_parts_in_whatever_order(made: list[tuple[str, list[str]]], rng: object) -> None:
    shuffled = list(made)
    rng.shuffle(shuffled)
    groups, again = _groups(*made), _groups(*shuffled)
    reached: dict[str, set[str]] = {}
    for advisory, aliases in made:
        joined = set().union({advisory}, aliases, *(reached.get(name, set()) for name in (advisory, *aliases)))
        for name in joined:
            reached[name] = joined
    for name, joined in reached.items():
        assert groups.group(name) == again.group(name) == sorted(joined)


def test_the_canonical_id_is_the_group_s_cve() -> None:
    groups = _groups(("PYSEC-1", ["CVE-2024-1", "GHSA-a"]), ("GHSA-a", []))
    assert _of("PYSEC-1", groups, aliases=["CVE-2024-1", "GHSA-a"]) == ("CVE-2024-1",)
    assert _of("GHSA-a", groups) == ("CVE-2024-1",)


def test_without_a_cve_a_group_is_one_vulnerability_by_github_s_id() -> None:
    groups = _groups(("PYSEC-1", ["GHSA-a"]), ("GHSA-a", ["PYSEC-1"]))
    assert _of("PYSEC-1", groups, aliases=["GHSA-a"]) == _of("GHSA-a", groups, aliases=["PYSEC-1"]) == ("GHSA-a",)


def test_alone_an_advisory_is_its_own_vulnerability() -> None:
    assert _of("MAL-2024-1", _groups(("MAL-2024-1", []))) == ("MAL-2024-1",)


def test_cves_of_one_group_stay_apart() -> None:
    groups = _groups(("A", ["CVE-2024-1", "GHSA-a"]), ("B", ["CVE-2024-2", "GHSA-a"]))
    assert _of("A", groups, aliases=["CVE-2024-1", "GHSA-a"]) == ("CVE-2024-1",)
    assert _of("B", groups, aliases=["CVE-2024-2", "GHSA-a"]) == ("CVE-2024-2",)


def test_a_distribution_s_advisory_is_about_the_cves_upstream_of_it() -> None:
    groups = _groups(("USN-1", []))
    assert _of("USN-1", groups, feed="Ubuntu", upstream=["CVE-2024-2", "CVE-2024-1", "UBUNTU-CVE-2024-1"]) == (
        "CVE-2024-1",
        "CVE-2024-2",
    )


def test_related_counts_for_almalinux_alone() -> None:
    groups = _groups(("ALSA-1", []), ("PYSEC-1", []))
    assert _of("ALSA-1", groups, feed="AlmaLinux", related=["CVE-2024-1"]) == ("CVE-2024-1",)
    assert _of("PYSEC-1", groups, related=["CVE-2024-1"]) == ("PYSEC-1",)


def test_an_advisory_that_is_a_cve_is_that_cve() -> None:
    assert _of("CVE-2024-1", _groups(("CVE-2024-1", ["CVE-2024-2"])), aliases=["CVE-2024-2"]) == ("CVE-2024-1",)


def test_a_group_that_is_too_large_to_be_one_vulnerability_is_not_followed() -> None:
    ids = [f"CVE-2024-{number}" for number in range(LARGEST_GROUP)]
    groups = _groups(("GHSA-1", ["X"]), *((one, ["X"]) for one in ids))
    assert _of("GHSA-1", groups, aliases=["X"]) == ("GHSA-1",)
    assert _of("CVE-2024-7", groups, aliases=["X"]) == ("CVE-2024-7",)
    assert len(_of("GHSA-1", _groups(("GHSA-1", ["X"]), *((one, ["X"]) for one in ids[2:])), aliases=["X"])) == 254
