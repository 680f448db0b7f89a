"""Installed R packages: a `DESCRIPTION` with a `Built` field, which only installing a package adds.

Format: R's manuals "Writing R Extensions" (the DESCRIPTION file; Debian control format) and "R Installation and
Administration". Packages that come with R itself (priority `base`) are packages like the others, of R's own version.
"""

from __future__ import annotations

import re

from catalog.errors import ParseError
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_FIELD = re.compile(rb"^(Package|Version|License|Built):[ \t]*([^\n]*(?:\n[ \t]+[^\n]*)*)", re.MULTILINE)
_BLANKS = re.compile(r"\s+")
_LONGEST_LICENCE = 200
"""Characters; what is longer is a licence's text, not its name."""


class RLanguage(Analyser):
    """R packages, of every library tree."""

    name = "r"
    version = 1
    wanted = Wanted(names=("DESCRIPTION",))

    def confirm(self, path: str) -> bool:
        """In a package's folder, not in the root of the file system."""
        return "/" in path

    def size_cap(self, limits: Limits) -> int:
        """A text."""
        return limits.text_bytes

    def analyse(self, path: str, data: Data) -> Findings:  # noqa: ARG002
        """Read the fields; without `Built` it is a source, or no R at all, and no package.

        Raises:
            ParseError: an installed package without a name or version.
        """
        fields: dict[bytes, str] = {}
        for found in _FIELD.finditer(data):
            if found[1] not in fields:
                fields[found[1]] = _BLANKS.sub(" ", found[2].decode("utf-8", "replace")).strip()
        if not fields.get(b"Built", "").startswith("R "):
            return Findings()
        name, version, licence = (fields.get(key, "") for key in (b"Package", b"Version", b"License"))
        if not name or not version:
            raise ParseError("an installed R package without a name or version")
        licences = (licence,) if licence and len(licence) <= _LONGEST_LICENCE else ()
        return Findings(packages=[PackageFacts("cran", name, version, licences=licences)])
