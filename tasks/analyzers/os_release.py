"""os-release(5) and its forebears: kept as they are, because the distribution is decided on the composed image and not here."""

from __future__ import annotations

from catalog.distributions import OS_RELEASE_PATHS
from catalog.limits import Limits
from catalog.release_files import LINKED_RELEASE_FILES, RELEASE_FILES
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

PATHS = frozenset(OS_RELEASE_PATHS)
OLDER_PATHS = frozenset((*RELEASE_FILES, *LINKED_RELEASE_FILES))
"""What is asked only where no os-release answers."""


class OsRelease(Analyser):
    """The two places of os-release(5), and the files that distributions had before it."""

    name = "os-release"
    version = 2
    wanted = Wanted(names=tuple(sorted({path.rpartition("/")[2] for path in PATHS | OLDER_PATHS})))

    def confirm(self, path: str) -> bool:
        """Only the places that the manual page names, and those of the older files."""
        return path in PATHS or path in OLDER_PATHS

    def size_cap(self, limits: Limits) -> int:
        """A file that is kept whole must be small."""
        return limits.content_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Keep the content."""
        return Findings(content=bytes(data))
