"""Claims: what package databases say of whose file is whose, as analysers hand them on.

Databases write such a list in one of two ways: a path a line in a file of its own, or names below a folder. Either may come
from anybody, so what is kept of one file is bounded here, for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO

import numpy as np
import numpy.typing as npt

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
            self._findings.claims.append(Claim.of(owner, package, kept))
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
    listed = _plain_list(data)
    if listed is None:
        claim_lines(findings, owner, data, lambda line: line if line.startswith(b"/") else None)
    elif listed:
        findings.claims.append(Claim(owner, b"", listed))


def _plain_list(data: Data) -> bytes | None:
    """A list without anything odd, as nearly all are, in the form of a claim's; None for others.

    There are hundreds of such lists in an image, so none of their lines is looked at singly.
    """
    # dpkg begins with the root folder.
    data = bytes(data.removeprefix(b"/.\n"))
    if not data:
        return b""
    if not data.endswith(b"\n"):
        data += b"\n"
    if data[:1] != b"/" or b"\0" in data or len(data) > MOST_OWNED_BYTES // _PATH_BYTES:
        return None
    if (b"/." in data and _DOTS.search(data)) or not (data.isascii() or _is_utf8(data)):
        return None
    # systemd's units have backslashes in their names.
    data = data.replace(b"\\", b"\\\\")
    return data.replace(b"\n", b"\0") if _is_regular(np.frombuffer(data, dtype=np.uint8)) else None


def _is_regular(data: npt.NDArray[np.uint8]) -> bool:
    """Whether every line begins with a slash, none ends with one, none has two in a row, and none is too long."""
    breaks = data == ord("\n")
    edges = breaks | (data == ord("/"))
    # A break is followed by a slash, and a slash by neither.
    if (breaks[:-1] & breaks[1:]).any() or ((edges[:-1] & edges[1:]) != breaks[:-1]).any():
        return False
    return len(data) <= LONGEST_PATH or int(np.diff(np.flatnonzero(breaks), prepend=-1).max()) <= LONGEST_PATH


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
