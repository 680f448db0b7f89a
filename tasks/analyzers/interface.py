"""What an analyser is: it names the files it wants to see and turns one file's bytes into findings.

The walker asks by base name, suffix, folder or first bytes, so that a file nobody wants costs a few dictionary lookups; only
then `confirm` looks at the whole path. An analyser knows nothing of layers, archives or other files, touches no network, and
raises `ParseError` alone: one failure costs one problem row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from catalog.identities import fingerprint
from catalog.limits import Limits
from catalog.packages import PackageFacts
from tasks.analyzers.places import PLACES

T = TypeVar("T")

Data = bytes | bytearray
"""A member's bytes; an analyser must not keep them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """By what a file is recognised before its path is looked at; any one of them is enough.

    Args:
        names: exact base names.
        suffixes: endings of the base name, of four characters or more.
        folders: folders (relative, without a trailing slash) whose direct children are wanted, whatever their name.
        magics: first bytes of the content, exactly four of them.
        within: where the suffixes are as common as `.json`: texts of which a file's whole path must hold one to be found by
            its suffix; nothing asks for none.
    """

    names: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    magics: tuple[bytes, ...] = ()
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a file that could be read as a whole.

    Args:
        reason: a short stable word.
        detail: one line for a person; never the file's content.
        partial: evidence is missing because of it.
    """

    reason: str
    detail: str
    partial: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """What a package database says that one package owns.

    Args:
        owner: `<purl type>/<package name>`.
        package: the owner's 16-byte id where the same file lists it as a package, else empty.
        listed: the files as `catalog.schemas` writes paths, as UTF-8 with a slash before and a NUL behind each, because there
            are hundreds of thousands; links in them not resolved, folders among them or not.
    """

    owner: str
    package: bytes
    listed: bytes

    @classmethod
    def of(cls, owner: str, package: bytes, paths: Iterable[str]) -> Claim:
        """A claim of single paths.

        Args:
            owner: as above.
            package: as above.
            paths: the files.
        """
        return cls(owner, package, "".join([f"/{path}\0" for path in paths]).encode())

    @property
    def paths(self) -> tuple[str, ...]:
        """The files, one by one."""
        return tuple(path[1:] for path in self.listed.decode().split("\0")[:-1])


MOST_PACKAGES = 100_000
"""Packages that one file may list; the largest real databases have some thousands. What comes after them is not read."""
TOO_MANY_PACKAGES = Remark("limit-exceeded", f"more than {MOST_PACKAGES} packages in one file")
"""What is remarked then."""
MOST_LICENCES = 64
"""Licences of one package that are kept."""


@dataclass(slots=True)
class Findings:
    """What an analyser found in one file.

    Args:
        packages: in the order of the file.
        content: the file's bytes, where later steps need them as they are.
        remarks: what was skipped or is odd.
        claims: whose file is whose, in the order of the file.
    """

    packages: list[PackageFacts] = field(default_factory=list)
    content: bytes | None = None
    remarks: list[Remark] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)


def at_most(items: Iterable[T], findings: Findings) -> Iterator[T]:
    """The entries of a list of packages, up to `MOST_PACKAGES` of them: broken ones cost time too, so they count.

    Args:
        items: the entries.
        findings: where it is remarked that there are more.
    """
    for number, item in enumerate(items):
        if number == MOST_PACKAGES:
            findings.remarks.append(TOO_MANY_PACKAGES)
            return
        yield item


class Analyser(ABC):
    """One kind of evidence.

    A change of what it finds is a new `version`: layers analysed by the old one are then analysed again by this analyser.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    wanted: ClassVar[Wanted]
    claims: ClassVar[bool] = False
    """Whether it reads whose file is whose: what is kept of that is part of its behaviour."""

    @abstractmethod
    def confirm(self, path: str) -> bool:
        """Whether the file at this path (the path rule of `catalog.schemas`) is really wanted, after `wanted` matched."""

    @abstractmethod
    def size_cap(self, limits: Limits) -> int:
        """The largest file in bytes that is read; a larger one becomes a problem."""

    @abstractmethod
    def analyse(self, path: str, data: Data) -> Findings:
        """Read one file.

        Args:
            path: where it lies.
            data: its bytes, complete.

        Raises:
            ParseError: the bytes are not what the path promises.
        """

    def analyse_within(self, path: str, data: Data, limits: Limits) -> Findings:  # noqa: ARG002
        """Read one file under the caps of its layer, which matter where a file may unfold to more than its own bytes.

        Args:
            path: where it lies.
            data: its bytes, complete.
            limits: the caps.

        Raises:
            ParseError: as `analyse`.
        """
        return self.analyse(path, data)

    def looks_right(self, path: str, head: Data) -> bool:  # noqa: ARG002
        """Whether a file found by its first bytes, at a confirmed path, is wanted.

        Args:
            path: where it lies.
            head: its first 4 KiB at most.
        """
        return True

    def configuration(self, limits: Limits) -> str:
        """Canonical text of everything beside the version that decides what is found."""
        size_cap = f"size_cap={self.size_cap(limits)}"
        return f"{size_cap} places={PLACES}" if self.claims else size_cap

    def fingerprint(self, limits: Limits) -> bytes:
        """16 bytes that name this analyser's behaviour."""
        return fingerprint(self.name, self.version, self.configuration(limits))
