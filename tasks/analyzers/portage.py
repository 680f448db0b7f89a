"""Gentoo packages: Portage's database of installed packages, a folder for each.

Format: portage(5), `/var/db/pkg`, and the Package Manager Specification's "Names and versions". The folders' names alone say
what is installed: `<category>/<name>-<version>`; a folder that is being merged has a name of its own. Of the files in them
`PF` is always there, small and called so nowhere else; a licence lies in another file and is not known here. `CONTENTS` lists the
package's files, a kind (`obj`, `sym`, `dir`, `fif`, `dev`) and an absolute path a line; behind a file's path stand its sum and time,
behind a link's its target and time.
"""

from __future__ import annotations

import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.file_lists import claim_lines
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

DATABASE = "var/db/pkg"

_PLACE = re.compile(rf"{DATABASE}/([^/]+)/([^/]+)/(PF|CONTENTS)")
_NAME_AND_VERSION = re.compile(
    r"(.+?)-([0-9]+(?:\.[0-9]+)*[a-z]?(?:_(?:alpha|beta|pre|rc|p)[0-9]*)*(?:-r[0-9]+)?)", re.ASCII
)
_CONTENT = re.compile(rb"(?:obj (/.*) [0-9a-f]+ [0-9]+|sym (/.*?) -> .*|(?:dir|fif|dev) (/.*))", re.DOTALL)
_BEING_MERGED = "-MERGING-"


class Portage(Analyser):
    """Packages of Gentoo; their name has the category before it, as in `dev-libs/openssl`."""

    name = "portage"
    version = 2
    wanted = Wanted(names=("PF", "CONTENTS"))
    claims = True

    def confirm(self, path: str) -> bool:
        """`PF` and `CONTENTS` in a package's folder."""
        place = _PLACE.fullmatch(path)
        return place is not None and not place[2].startswith(_BEING_MERGED)

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Read the package from its folder's name, as Portage does, or the list of its files.

        Raises:
            ParseError: the folder's name is no name and version.
        """
        place = _PLACE.fullmatch(path)
        parts = _NAME_AND_VERSION.fullmatch(place[2]) if place else None
        if not place or not parts:
            raise ParseError("a folder of Portage's database that is no name and version")
        name = f"{place[1]}/{parts[1]}"
        findings = Findings()
        if place[3] == "PF":
            findings.packages.append(PackageFacts(type="portage", name=name, version=parts[2]))
        else:
            claim_lines(findings, f"portage/{name}", data, _path_of)
        return findings


def _path_of(line: bytes) -> bytes | None:
    found = _CONTENT.fullmatch(line)
    return found[found.lastindex or 0] if found else None
