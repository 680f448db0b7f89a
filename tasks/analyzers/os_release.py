"""os-release(5): kept as it is, because the distribution is decided on the composed image and not here."""

from __future__ import annotations

from catalog.limits import Limits
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

PATHS = frozenset({"etc/os-release", "usr/lib/os-release"})


class OsRelease(Analyser):
    """The two places of os-release(5)."""

    name = "os-release"
    version = 1
    wanted = Wanted(names=("os-release",))

    def confirm(self, path: str) -> bool:
        """Only the two places that the manual page names."""
        return path in PATHS

    def size_cap(self, limits: Limits) -> int:
        """A file that is kept whole must be small."""
        return limits.content_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Keep the content."""
        return Findings(content=bytes(data))
