"""The evidence in a directory tree: which files and links an analyser wants, and which places could not be looked at.

A walk over directory handles: every directory is opened below its parent without following links, so nothing that changes
meanwhile can lead out of the tree. Other file systems are not entered. A file is recognised by its name, or by its first bytes:
those are looked at where a file may be started, or has a name that an analyser of programs asks for, and only there; that is
what makes half a million entries a matter of seconds.

Package databases are also looked for where the distributions' own links lead: `/var/lib/rpm` may be a link, and so may `/lib`.
Such links belong to the evidence, and so do the files behind them. So do links to folders of evidence in the root and one
folder below it: a package's list of files may name `/bin/bash` for what lies in `/usr/bin`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import NotFound, SourceError
from catalog.problems import Problem
from tasks.analyzers import wants
from tasks.analyzers.binaries.elf import section_names
from tasks.analyzers.binaries.go_build_info import SECTION as GO_SECTION
from tasks.analyzers.go_binary import GoBinary
from tasks.analyzers.rust_binary import SECTION as RUST_SECTION
from tasks.analyzers.rust_binary import RustBinary
from tasks.analyzers.selection import DEFAULT, SUFFIX_LENGTH
from tasks.layers.paths import normalised
from tasks.layers.paths import text as path_text
from tasks.layers.privileged import SET_ID
from tasks.layers.walker import HEAD_BYTES
from tasks.sources.mounts import PSEUDO_FILE_SYSTEMS, FileSystems

DATABASE_PLACES = (
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
    "usr/share/rpm",
    "var/lib/rpmmanifest",
    "usr/lib/opkg/status",
    "opt/lib/opkg/status",
    "var/lib/pacman/local",
    "var/db/pkg",
)
"""Where package databases lie, and may be reached through links."""

_DEEPEST = 200
_DEEPEST_FOLDER_LINK = 2
_MOST_LINKS = 40  # as Linux has it
_MOST_PROBLEMS = 1000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_STARTED = 0o111
_SECTIONS = {GoBinary.name: GO_SECTION, RustBinary.name: RUST_SECTION}
"""Without which these analysers find nothing in a file whose sections have names."""
_CHANGED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(slots=True)
class Evidence:
    """What a walk found.

    Args:
        files: raw relative paths of regular files that somebody wants.
        privileged: raw relative paths of regular files with a suid or sgid bit, whether somebody wants them or not.
        links: raw relative paths of symbolic links on the way to evidence, with their targets.
        problems: places that were not looked at, in order of their paths.
    """

    files: set[bytes] = field(default_factory=set)
    privileged: set[bytes] = field(default_factory=set)
    links: dict[bytes, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def find_evidence(root: Path) -> Evidence:
    """Walk a tree.

    Args:
        root: the directory; may itself be a symbolic link.

    Raises:
        NotFound: it is no directory.
        SourceError: it cannot be opened.
    """
    with opened_root(root) as handle:
        walk = _Walk(handle, root)
        walk.directory(handle, b"", 0)
        for place in DATABASE_PLACES:
            walk.follow(place.encode())
        walk.keep_folder_links()
        return walk.finished()


@contextmanager
def opened_root(root: Path) -> Iterator[int]:
    """A handle on the tree's root directory. Raises NotFound, SourceError."""
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound("there is no such directory", where=str(root)) from error
    except NotADirectoryError as error:
        raise NotFound("is no directory", where=str(root)) from error
    except OSError as error:
        raise SourceError(f"cannot be opened: {error.strerror}", where=str(root)) from error
    try:
        yield handle
    finally:
        os.close(handle)


class _Walk:
    def __init__(self, handle: int, root: Path) -> None:
        self._root = handle
        self._device = os.fstat(handle).st_dev
        self._systems = FileSystems(root)
        self._found = Evidence()
        self._unnamed = 0
        self._upper_links: list[bytes] = []
        self._names = {os.fsdecode(name) for name in DEFAULT.names}
        self._suffixes = {os.fsdecode(suffix) for suffix in DEFAULT.suffixes}
        self._folders = set(DEFAULT.folders)
        by_content = dict.fromkeys(analyser for found in DEFAULT.magics.values() for analyser in found)
        self._by_content_and_name = tuple(analyser for analyser in by_content if not analyser.confirm(""))

    def finished(self) -> Evidence:
        self._found.problems.sort(key=lambda problem: problem.path)
        if self._unnamed:
            detail = f"{self._unnamed:,} more places could not be read"
            self._found.problems.append(Problem("", "", "unreadable", detail))
        return self._found

    def directory(self, handle: int, path: bytes, depth: int) -> None:
        """Look at a directory's entries, then at the directories among them."""
        prefix = path + b"/" if path else b""
        names, suffixes, all_wanted = self._names, self._suffixes, path in self._folders
        below: list[bytes] = []
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    name = entry.name
                    if entry.is_dir(follow_symlinks=False):
                        below.append(os.fsencode(name))
                    elif all_wanted or name in names or name[-SUFFIX_LENGTH:] in suffixes:
                        self._candidate(handle, prefix + os.fsencode(name))
                    elif entry.is_file(follow_symlinks=False):
                        self._other_file(handle, prefix + os.fsencode(name), entry)
                    elif depth < _DEEPEST_FOLDER_LINK and entry.is_symlink():
                        self._upper_links.append(prefix + os.fsencode(name))
        except OSError as error:
            self._unreadable(path, error)
        for inner in below:
            self._below(handle, prefix + inner, inner, depth + 1)

    def _below(self, handle: int, path: bytes, name: bytes, depth: int) -> None:
        if depth > _DEEPEST:
            self._note(path, "limit-exceeded", f"directories nested deeper than {_DEEPEST} are not read")
            return
        try:
            inner = os.open(name, _DIRECTORY, dir_fd=handle)
        except OSError as error:
            self._unreadable(path, error)
            return
        try:
            if os.fstat(inner).st_dev == self._device:
                self.directory(inner, path, depth)
            else:
                kind = self._systems.kind_at(path)
                partial = kind not in PSEUDO_FILE_SYSTEMS
                self._note(path, "other-file-system", f"{kind or 'another file system'} is not read", partial=partial)
        finally:
            os.close(inner)

    def _candidate(self, handle: int, path: bytes) -> None:
        """An entry that is no directory and has a wanted name: a regular file counts, a link leads on, the rest is nothing."""
        if not wants(path_text(path)):
            return
        try:
            mode = os.lstat(path.rpartition(b"/")[2], dir_fd=handle).st_mode
        except OSError as error:
            self._unreadable(path, error)
            return
        if stat.S_ISREG(mode):
            self._found.files.add(path)
        elif stat.S_ISLNK(mode):
            self.follow(path)

    def _other_file(self, handle: int, path: bytes, entry: os.DirEntry[str]) -> None:
        """A regular file that nobody wants by its name: its first bytes may make it evidence, its mode a fact."""
        try:
            facts = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._unreadable(path, error)
            return
        if facts.st_mode & SET_ID:
            self._found.privileged.add(path)
        started = facts.st_mode & _STARTED
        if facts.st_size < HEAD_BYTES or not (started or self._by_content_and_name):
            return
        place = path_text(path)
        asked_for = started or any(each.confirm(place) for each in self._by_content_and_name)
        if asked_for and self._looks_right(handle, path, place):
            self._found.files.add(path)

    def _looks_right(self, handle: int, path: bytes, place: str) -> bool:
        """Whether an analyser wants a file by its first bytes."""
        try:
            with opened_below(handle, path.rpartition(b"/")[2], _FILE) as file:
                head = os.read(file, HEAD_BYTES)
                wanting = [
                    each
                    for each in DEFAULT.magics.get(head[:4], ())
                    if each.confirm(place) and each.looks_right(place, head)
                ]
                # Nearly every program looks right, and few have what is looked for: their sections' names tell.
                if all(each.name in _SECTIONS for each in wanting):
                    names = section_names(head, lambda offset, size: _at(file, offset, size)) if wanting else None
                    wanting = [each for each in wanting if names is None or _SECTIONS[each.name] in names]
        except OSError as error:
            self._unreadable(path, error)
            return False
        return bool(wanting)

    def follow(self, path: bytes) -> None:
        """Follow a path as a process in the tree would see it; the links on the way and the file at its end are evidence."""
        links: dict[bytes, bytes] = {}
        real = self._resolve(path, links)
        if real is None:
            return
        mode = self._mode(real)
        if stat.S_ISREG(mode):
            self._found.files.add(real)
        elif stat.S_ISDIR(mode) and links:
            reached = [name for name in self._children(real) if wants(path_text(path + b"/" + name))]
            self._found.files.update(real + b"/" + name for name in reached)
            links = links if reached else {}
        else:
            return
        self._found.links.update(links)

    def keep_folder_links(self) -> None:
        """Count the links by which folders of evidence have a second, shorter name as evidence too."""
        folders = {parent for path in self._found.files for parent in _parents(path)}
        for path in self._upper_links:
            links: dict[bytes, bytes] = {}
            if self._resolve(path, links) in folders:
                self._found.links.update(links)

    def _resolve(self, path: bytes, links: dict[bytes, bytes]) -> bytes | None:
        """The path with all links on its way resolved inside the tree; None where it leads nowhere."""
        done, left, hops = b"", path.split(b"/"), 0
        while left:
            here = normalised(done + b"/" + left.pop(0))
            if not here or here == done.rpartition(b"/")[0]:  # upwards: that was resolved on the way down
                done = here
                continue
            try:
                target = os.readlink(here, dir_fd=self._root)
            except OSError as error:
                if error.errno != errno.EINVAL:  # EINVAL: there, and no link
                    return None
                done = here
                continue
            links[here] = target
            hops += 1
            if hops > _MOST_LINKS or len(left) > _DEEPEST:
                return None
            left = [part for part in target.split(b"/") if part not in (b"", b".")] + left
            done = b"" if target.startswith(b"/") else done
        return done

    def _mode(self, path: bytes) -> int:
        try:
            return os.lstat(path, dir_fd=self._root).st_mode
        except OSError:
            return 0

    def _children(self, path: bytes) -> list[bytes]:
        try:
            with opened_below(self._root, path, _DIRECTORY) as handle:
                return [os.fsencode(entry.name) for entry in os.scandir(handle) if entry.is_file(follow_symlinks=False)]
        except OSError as error:
            self._unreadable(path, error)
            return []

    def _unreadable(self, path: bytes, error: OSError) -> None:
        if error.errno not in _CHANGED:  # gone since its directory was read: then it is not part of the tree
            self._note(path, "unreadable", (error.strerror or "cannot be read").lower())

    def _note(self, path: bytes, reason: str, detail: str, *, partial: bool = True) -> None:
        if len(self._found.problems) < _MOST_PROBLEMS:
            self._found.problems.append(Problem(path_text(path), "", reason, detail, partial))
        else:
            self._unnamed += partial


def _parents(path: bytes) -> Iterator[bytes]:
    folder = path.rpartition(b"/")[0]
    while folder:
        yield folder
        folder = folder.rpartition(b"/")[0]


def _at(file: int, offset: int, size: int) -> bytes:
    # What a file says of itself may lie anywhere, beyond what the system takes as an offset too.
    return os.pread(file, size, offset) if offset < 1 << 62 else b""


@contextmanager
def opened_below(root: int, path: bytes, flags: int) -> Iterator[int]:
    """A handle on a path below a directory handle, no component of which may be a link. Raises OSError."""
    handle = os.dup(root)
    try:
        *parents, last = path.split(b"/")
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        inner = os.open(last, flags, dir_fd=handle)
        os.close(handle)
        handle = inner
        yield handle
    finally:
        os.close(handle)
