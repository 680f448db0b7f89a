"""Products compiled from source or copied into an image as a program, by the version text in it (see `binaries.products`).

Only files whose name a row of the table has are searched, and for that row's evidence alone. Their version is what the program
says of itself: that of the upstream release, not of a distribution's package.
"""

from __future__ import annotations

import re

from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.binaries.elf import MAGIC
from tasks.analyzers.binaries.products import PRODUCTS, Clue
from tasks.analyzers.interface import Analyser, Data, Findings, Wanted

_ANY_FILE = re.compile("|".join(f"(?:{product.files.pattern})" for product in PRODUCTS))
_MOST_PLACES = 10_000
"""Places of one anchor that are looked at."""
_AFTER = 256
"""Bytes behind an anchor's beginning in which the pattern ends."""


class ProductBinary(Analyser):
    """Well-known servers, interpreters and libraries, as generic packages."""

    name = "product-binary"
    version = 1
    wanted = Wanted(magics=(MAGIC,))

    def confirm(self, path: str) -> bool:
        """Only names of the table."""
        return _ANY_FILE.fullmatch(path.rpartition("/")[2]) is not None

    def size_cap(self, limits: Limits) -> int:
        """A program."""
        return limits.binary_bytes

    def analyse(self, path: str, data: Data) -> Findings:
        """Look for each product that has files of this name."""
        base = path.rpartition("/")[2]
        findings = Findings()
        for product in PRODUCTS:
            named = product.files.fullmatch(base)
            if not named:
                continue
            word = next(filter(None, named.groups()), "").encode()
            version = next(filter(None, (_version(clue, word, data) for clue in product.clues)), "")
            if version:
                findings.packages.append(PackageFacts(type="generic", name=product.name, version=version))
        return findings


def _version(clue: Clue, word: bytes, data: Data) -> str:
    anchor = clue.anchor.replace(b"{}", word)
    at = data.find(anchor)
    for _ in range(_MOST_PLACES):
        if at < 0:
            break
        end = at + _AFTER
        if clue.before:
            found = clue.pattern.search(data, max(0, at - clue.before), end)
        else:
            found = clue.pattern.match(data, at, end)
        if found:
            return found[1].decode("ascii")
        at = data.find(anchor, at + 1)
    return ""
