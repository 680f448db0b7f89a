"""A file that lists sources, one a line: `@FILE`. Empty lines and lines that begin with `#` count for nothing.

A list may name a million references, so it is read line by line, each time anew; only its mistakes are looked for at once. A
line that cannot be read costs itself alone, and a registry that has stopped answering is not asked again for every line.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from catalog.errors import InvalidReference, LongshoreError, NotFound, Retry, SourceError
from tasks.registry.client import registries
from tasks.sources.ahead import in_order
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Scope, Source, SourceKind
from tasks.sources.references import SourceReference, parse_source
from tasks.sources.registry import PATIENCE, look_up, resolve_listed
from tasks.transport import RegistryAccess

_LONGEST_LINE = 16 << 10
_SOURCES_KEPT = 32

Opener = Callable[[SourceReference, RegistryAccess], Source]
"""Opens the source of one line."""


class ListFileSource:
    """The sources that a file lists (see `interface.Source`).

    Args:
        path: of the file.
        access: how registries are spoken to.
        opener: opens the source of one line.

    Raises:
        NotFound, SourceError: the file cannot be read.
        InvalidReference: a line names no source; the error says which.
    """

    def __init__(self, path: str, access: RegistryAccess, opener: Opener) -> None:
        self._path = Path(path).expanduser().absolute()
        self.text = f"@{self._path}"
        self._access = access
        self._opener = opener
        self._local: OrderedDict[str, Source] = OrderedDict()
        self._lock = threading.Lock()
        self._scopes: list[Scope] = []
        self._failures: dict[str, tuple[int, LongshoreError]] = {}
        for _ in self._references():
            pass

    def list(self) -> Iterator[Listed]:
        """The references of all lines in order; a source that cannot be listed is one reference with its error."""
        self._scopes, self._failures = [], {}
        for single, references in groupby(self._references(), key=_is_single):
            if single:
                yield from in_order(self._look_up, references, self._access.concurrency)
            else:
                for reference in references:
                    yield from self._list_one(reference)

    def resolve(self, listed: Listed, platforms: PlatformChoice) -> tuple[ResolvedImage, ...]:
        """The images of a reference."""
        if listed.kind is SourceKind.REGISTRY:
            return resolve_listed(listed, platforms, self._access)
        return self._local_source(listed.repository).resolve(listed, platforms)

    def scopes(self) -> tuple[Scope, ...]:
        """What the lines that name more than one reference listed completely."""
        return tuple(self._scopes)

    def _references(self) -> Iterator[SourceReference]:
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
                    if (text := line.strip()) and not text.startswith(b"#"):
                        yield self._parse(text, number)
        except FileNotFoundError as error:
            raise NotFound("there is no such list", where=str(self._path)) from error
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", where=str(self._path)) from error

    def _parse(self, line: bytes, number: int) -> SourceReference:
        try:
            return parse_source(line.decode())
        except UnicodeDecodeError as error:
            raise InvalidReference("is no UTF-8", where=f"{self._path}:{number}") from error
        except InvalidReference as error:
            raise InvalidReference(
                f"{error.where} {error.what}", where=f"{self._path}:{number}", advice=error.advice
            ) from error

    def _look_up(self, reference: SourceReference) -> Listed:
        count, last = self._failures.get(reference.place, (0, None))
        if last is not None and count >= PATIENCE:
            return _failed(reference, last)
        listed = look_up(registries(self._access).client(reference.place), reference.repository, reference.name)
        if listed.error is not None and listed.error.retry is Retry.TRANSIENT:
            self._failures[reference.place] = (count + 1, listed.error)
        else:
            self._failures.pop(reference.place, None)
        return listed

    def _list_one(self, reference: SourceReference) -> Iterator[Listed]:
        try:
            if reference.kind is SourceKind.REGISTRY:
                source = self._opener(reference, self._access)
            else:
                source = self._local_source(reference.text)
            yield from source.list()
            self._scopes.extend(source.scopes())
        except SourceError as error:
            yield _failed(reference, error)

    def _local_source(self, text: str) -> Source:
        # A source keeps what it read of its archive or tree, so only the last few stay open.
        with self._lock:
            source = self._local.pop(text, None) or self._opener(parse_source(text), self._access)
            self._local[text] = source
            if len(self._local) > _SOURCES_KEPT:
                self._local.popitem(last=False)
            return source


def _is_single(reference: SourceReference) -> bool:
    return reference.kind is SourceKind.REGISTRY and bool(reference.name)


def _failed(reference: SourceReference, error: LongshoreError) -> Listed:
    local = reference.kind is not SourceKind.REGISTRY
    return Listed(
        reference.text,
        "" if local else reference.place,
        f"{reference.kind.value}:{reference.place}" if local else reference.repository,
        reference.name,
        reference.kind,
        error=error,
    )
