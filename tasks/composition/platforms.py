"""Which distribution an image is: decided on the composed image, so that an upgrade in place reports the new one."""

from __future__ import annotations

from functools import lru_cache

from catalog.distributions import NO_DISTRIBUTION, OS_RELEASE_PATHS, Distribution, parse_os_release
from catalog.identities import platform_id
from catalog.release_files import RELEASE_FILES, parse_release_file
from tasks.composition.tree import File, Folder, resolve, split_path

NO_PLATFORM = b""
"""The platform of an image that names no distribution."""


def decide_distribution(root: Folder) -> Distribution:
    """The distribution that a tree names, links followed: in os-release, else in a file older than that.

    The first of the places that names one decides; where none does, the first name without an id is kept for people.
    """
    named = NO_DISTRIBUTION
    for path in (*OS_RELEASE_PATHS, *RELEASE_FILES):
        place = resolve(root, split_path(path), follow=True)
        node = place.node if place else None
        if type(node) is File and node.evidence is not None and node.evidence.content is not None:
            distribution = _parse(path, node.evidence.content)
            if distribution.id:
                return distribution
            named = named if named.name else distribution
    return named


def platform_of(distribution: Distribution) -> bytes:
    """The identity of a distribution's release, NO_PLATFORM for none."""
    return platform_id(distribution.id, distribution.version) if distribution.id else NO_PLATFORM


@lru_cache(maxsize=1024)
def _parse(path: str, content: bytes) -> Distribution:
    return parse_os_release(content) if path in OS_RELEASE_PATHS else parse_release_file(path, content)
