"""Which vulnerabilities an advisory is about: one canonical id for every alias group of a feed.

`aliases` is symmetric and transitive, so ids fall into groups (union-find); a group's one CVE is its canonical id. Where
a group holds several CVEs they stay apart. A distribution's advisory has no alias but an `upstream`: the CVEs it fixes,
often several, each of which is then a vulnerability of its own. AlmaLinux lists those in `related`, which otherwise says
too little to count.
"""

from __future__ import annotations

from collections.abc import Iterable

_CVE = "CVE-"
LARGEST_GROUP = 256
"""Ids up to which a group stands for one vulnerability; real ones have a few dozen."""
_RELATED_IS_UPSTREAM = frozenset({"AlmaLinux"})


class AliasGroups:
    """The alias groups of one feed; fed first, asked afterwards."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._groups: dict[str, list[str]] | None = None

    def add(self, advisory: str, aliases: Iterable[str]) -> None:
        """Join an advisory and its aliases."""
        self._groups = None
        root = self._root(advisory)
        for alias in aliases:
            other = self._root(alias)
            if other != root:
                self._parents[other] = root

    def group(self, advisory: str) -> list[str]:
        """All ids of an advisory's group, sorted; at least its own."""
        if self._groups is None:
            self._groups = {}
            for member in sorted(self._parents):
                self._groups.setdefault(self._root(member), []).append(member)
        return self._groups.get(self._root(advisory), [advisory])

    def _root(self, member: str) -> str:
        parents = self._parents
        root = parents.setdefault(member, member)
        while (above := parents[root]) != root:
            root = above
        while parents[member] != root:  # path compression
            parents[member], member = root, parents[member]
        return root


def vulnerabilities(
    feed: str,
    advisory: str,
    aliases: Iterable[str],
    upstream: Iterable[str],
    related: Iterable[str],
    groups: AliasGroups,
) -> tuple[str, ...]:
    """The canonical ids of what an advisory is about, sorted; at least one.

    Args:
        feed: whose advisory it is.
        advisory: its id.
        aliases: as the advisory lists them.
        upstream: as the advisory lists them.
        related: as the advisory lists them.
        groups: the feed's alias groups.
    """
    group = groups.group(advisory)
    if len(group) > LARGEST_GROUP:
        # Thousands of records with one alias in common would each be about the CVEs of all the others.
        group = [advisory]
    candidates = (
        _cves((advisory,)),
        _cves(aliases),
        _cves(group),
        _cves(upstream),
        _cves(related) if feed in _RELATED_IS_UPSTREAM else (),
    )
    for found in candidates:
        if found:
            return found
    # Without a CVE the group still is one vulnerability: GitHub's id is the one that other databases point at.
    return (next((member for member in group if member.startswith("GHSA-")), group[0]),)


def _cves(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({member for member in ids if member.startswith(_CVE)}))
