"""Claims: what package databases say of whose file is whose, as analysers hand them on.

Databases write such a list in one of two ways: a path a line in a file of its own, or names below a folder. Either may come
from anybody, so what is kept of one file is bounded here, for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO

from tasks.analyzers.interface import Claim, Data, Findings, Remark
from tasks.layers.paths import normalised, text

MOST_OWNED_BYTES = 128 << 20
"""Memory that the paths of one file may take, about: a million of them. A large distribution installed whole has half of that."""
TOO_MANY_PATHS = Remark("limit-exceeded", "more owned paths in one file than any real database has")
"""What is remarked where it has more; the paths before that are kept."""

LONGEST_PATH = 4_096
"""Bytes of a path, as Linux has it; longer ones are no paths of files."""

_PATH_BYTES = 64
_DOTS = re.compile(rb"/\.\.?(?:[/\n]|\Z)")


class ClaimList:
    """Adds claims to findings until one file has had its share.

    Args:
        findings: of one file.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._room = MOST_OWNED_BYTES

    def add(self, owner: str, package: bytes, paths: Iterable[str]) -> None:
        """Add what one package owns.

        Args:
            owner: `<purl type>/<package name>`.
            package: its id, or empty.
            paths: as `catalog.schemas` writes them; taken one at a time, because they may be without end.
        """
        kept = []
        room, overlong = self._room, 0
        if room < 0:
            return
        for path in paths:
            if len(path) > LONGEST_PATH:
                overlong += 1
                continue
            room -= _PATH_BYTES + len(path)
            if room < 0:
                self._findings.remarks.append(TOO_MANY_PATHS)
                break
            kept.append(path)
        self._room = room
        if kept:
            self._findings.claims.append(Claim(owner, package, tuple(kept)))
        if overlong:
            self._findings.remarks.append(Remark("parse-error", f"{overlong} paths longer than any file's"))


def claim_lines(findings: Findings, owner: str, data: Data, path_of: Callable[[bytes], bytes | None]) -> None:
    """Add what one package owns by a list with a path a line; a line without one is remarked and costs the others nothing.

    Args:
        findings: of the file.
        owner: `<purl type>/<package name>`.
        data: the lines.
        path_of: the path in a line that is not empty; None where there is none, though it should be.
    """
    broken = 0

    def paths() -> Iterator[str]:
        nonlocal broken
        for line in BytesIO(data):
            name = line.rstrip(b"\n")
            path = path_of(name) if name else b""
            broken += path is None
            if path and (plain := normalised(path)):
                yield text(plain)

    ClaimList(findings).add(owner, b"", paths())
    if broken:
        findings.remarks.append(Remark("parse-error", f"{broken} lines that are no path"))


def claim_absolute(findings: Findings, owner: str, data: Data) -> None:
    """Add what one package owns by a list of absolute paths.

    Args:
        findings: of the file.
        owner: `<purl type>/<package name>`.
        data: the lines.
    """
    paths = _plain_paths(data)
    if paths is None:
        claim_lines(findings, owner, data, lambda line: line if line.startswith(b"/") else None)
    elif paths:
        findings.claims.append(Claim(owner, b"", paths))


def _plain_paths(data: Data) -> tuple[str, ...] | None:
    """The paths of a list without anything odd, as nearly all are, cut all at once; None for others.

    There are hundreds of such lists in an image.
    """
    # dpkg begins with the root folder.
    data = data.removeprefix(b"/.\n").removesuffix(b"\n")
    if not data:
        return ()
    if data[:1] != b"/" or b"\0" in data or len(data) > MOST_OWNED_BYTES // _PATH_BYTES:
        return None
    if b"/." in data and _DOTS.search(data):
        return None
    try:
        # systemd's units have backslashes in their names.
        paths = tuple(data[1:].decode().replace("\\", "\\\\").split("\n/"))
    except UnicodeDecodeError:
        return None
    # A line that is not absolute, a slash too many and an empty line are seen at once in what the pieces come to.
    joined = "/".join(("", *paths, ""))
    return None if "//" in joined or "\n" in joined or len(max(paths, key=len)) > LONGEST_PATH else paths
