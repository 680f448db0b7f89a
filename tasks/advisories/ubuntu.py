"""What Ubuntu's advisories say of a plain image, where the fix exists only in Ubuntu Pro.

`Ubuntu:Pro:22.04:LTS` speaks of the packages of Expanded Security Maintenance. An image of Ubuntu 22.04 has no subscription:
what is fixed there alone stays open on it, up to the version of that fix, which somebody with a subscription may have
installed. Other parts of Pro (FIPS, real-time kernels) have packages of their own and say nothing of a plain image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tasks.advisories.records import Affected

_PRO = re.compile(r"Ubuntu:Pro:(?P<release>[0-9]+\.[0-9]+(?::LTS)?)", re.ASCII)


def with_plain_releases(affected: Sequence[Affected]) -> Sequence[Affected]:
    """An advisory's entries, completed by what its Pro entries mean for the plain releases."""
    pro: dict[tuple[str, str], Affected] = {}
    for entry in affected:
        if (found := _PRO.fullmatch(entry.ecosystem)) is not None:
            pro[f"Ubuntu:{found['release']}", entry.name] = entry
    if not pro:
        return affected
    completed = []
    for entry in affected:
        subscribed = pro.pop((entry.ecosystem, entry.name), None)
        if subscribed is not None and _is_fixed(subscribed) and not _is_fixed(entry):
            completed.append(replace(entry, ranges=subscribed.ranges, fix_needs_subscription=True))
        else:
            completed.append(entry)
    for (ecosystem, _name), entry in pro.items():
        completed.append(replace(entry, ecosystem=ecosystem, fix_needs_subscription=True))
    return completed


def _is_fixed(entry: Affected) -> bool:
    return any(kind == "fixed" for found in entry.ranges for kind, _version in found.events)
