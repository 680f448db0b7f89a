"""A tree's evidence as a canonical tar stream: the one synthetic layer of a `rootfs:` source.

First a pax global header whose comment lists the places that could not be read, since a tree of which less was seen is
another tree; then the evidence, sorted by path, with owners, times and modes left out. The same tree gives the same bytes on every
node, so the stream's sha256 names the layer, and reading it again tells whether the tree has changed.

Files with a suid or sgid bit are facts that are asked of a tree as of any image. They keep mode and owner, and are there whether they
are evidence or not: one that nobody wants is an empty member, since its content is nobody's business and it may not even be ours
to read.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import SourceChanged
from catalog.problems import Problem
from tasks.layers.paths import text as path_text
from tasks.layers.privileged import SET_ID
from tasks.sources.tree_walk import find_evidence, opened_below, opened_root

LARGEST_FILE = 256 << 20
"""Bytes of one piece of evidence at most; a larger one is a problem."""

_PIECE = 1 << 20
_BLOCK = 512
_NAME_ONLY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES = 3


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """What a tree's stream is known by.

    Args:
        digest: `sha256:<hex>` of the stream.
        size: bytes of it.
        problems: places that could not be read.
    """

    digest: str
    size: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Member:
    path: bytes
    size: int = 0
    target: bytes | None = None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


def measure_tree(root: Path) -> TreeFacts:
    """Read a tree's evidence once, keeping nothing of it.

    Raises:
        NotFound: it is no directory.
        SourceError: it cannot be opened.
        SourceChanged: it changes faster than it can be read.
    """
    for _ in range(_TRIES - 1):
        try:
            return _measure(root)
        except SourceChanged:
            continue  # something is being installed: perhaps it is done now
    return _measure(root)


def _measure(root: Path) -> TreeFacts:
    content, size = hashlib.sha256(), 0
    members, problems = _take_stock(root)
    for piece in _stream(root, members, problems):
        content.update(piece)
        size += len(piece)
    return TreeFacts(f"sha256:{content.hexdigest()}", size, tuple(problems))


class EvidenceStream:
    """A tree's evidence as a blob stream (see `tasks.blobs.BlobStream`).

    Args:
        root: the directory.
        digest: what the stream had when the tree was listed.
        size: its bytes then.

    Raises:
        NotFound, SourceError: the tree cannot be opened.
        SourceChanged: while reading: it is not what it was.
    """

    def __init__(self, root: Path, digest: str, size: int) -> None:
        self._root = root
        self._digest = digest
        self._left = size
        self._content = hashlib.sha256()
        self._pieces = _stream(root, *_take_stock(root))
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, empty at the end."""
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
            self._content.update(self._rest)
            self._left -= len(self._rest)
            ended = not self._rest
            if self._left < 0 or (ended and f"sha256:{self._content.hexdigest()}" != self._digest):
                raise SourceChanged("has changed since it was listed", where=str(self._root), advice="scan it again")
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer's beginning; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let go of the file that is being read."""
        self._pieces.close()

    def __enter__(self) -> EvidenceStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _take_stock(root: Path) -> tuple[list[_Member], list[Problem]]:
    """The members of the stream in order, and the problems, those of single files included."""
    evidence = find_evidence(root)
    problems = evidence.problems
    members = [_Member(path, target=target) for path, target in evidence.links.items()]
    with opened_root(root) as top:
        for path in sorted(evidence.files | evidence.privileged):
            content = path in evidence.files
            try:
                # A file that cannot be read still has a mode.
                with opened_below(top, path, _FLAGS if content else _NAME_ONLY) as handle:
                    facts = os.fstat(handle)
            except OSError as error:
                problems.append(
                    Problem(path_text(path), "", "unreadable", (error.strerror or "cannot be read").lower())
                )
                continue
            if not stat.S_ISREG(facts.st_mode):
                continue
            if content and facts.st_size > LARGEST_FILE:
                problems.append(Problem(path_text(path), "", "limit-exceeded", f"has {facts.st_size:,} bytes"))
                content = False
            if content or facts.st_mode & SET_ID:
                members.append(_member(path, facts, facts.st_size if content else 0))
    members.sort(key=lambda member: member.path)
    problems.sort(key=lambda problem: problem.path)
    return members, problems


def _member(path: bytes, facts: os.stat_result, size: int) -> _Member:
    """A regular file's member; only a privileged one has a mode and an owner of its own."""
    if facts.st_mode & SET_ID:
        return _Member(path, size, mode=stat.S_IMODE(facts.st_mode), uid=facts.st_uid, gid=facts.st_gid)
    return _Member(path, size)


def _stream(root: Path, members: list[_Member], problems: list[Problem]) -> Generator[bytes, None, None]:
    unread = "\n".join(f"{problem.reason} {problem.path}" for problem in problems if problem.partial)
    if unread:
        yield tarfile.TarInfo.create_pax_global_header({"comment": unread})
    with opened_root(root) as top:
        for member in members:
            yield _header(member)
            if member.target is None:
                yield from _content(top, root, member)
    yield bytes(2 * _BLOCK)


def _header(member: _Member) -> bytes:
    info = tarfile.TarInfo(os.fsdecode(member.path))
    info.size, info.mode, info.uid, info.gid = member.size, member.mode, member.uid, member.gid
    if member.target is not None:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.fsdecode(member.target), 0o777
    # GNU's form writes long names as raw bytes, whatever their encoding.
    return info.tobuf(tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape")


def _content(top: int, root: Path, member: _Member) -> Iterator[bytes]:
    left = member.size
    try:
        with opened_below(top, member.path, _FLAGS) as handle:
            while left > 0 and (data := os.read(handle, min(left, _PIECE))):
                left -= len(data)
                yield data
    except OSError as error:
        raise SourceChanged(f"{path_text(member.path)} went away while it was read", where=str(root)) from error
    if left:
        raise SourceChanged(f"{path_text(member.path)} became shorter while it was read", where=str(root))
    if padding := -member.size % _BLOCK:
        yield bytes(padding)
