"""Images that are known, resolved once more through the sources that named them: for the bytes of their layers, and nothing else.

What a source has now is not looked for: a reference is resolved to the very manifests that it led to, by their digests. Whatever
cannot be had any more, or is another image now, is said with its reason; what is known of it stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from catalog.active.former import KnownReference
from catalog.errors import SourceError
from pipelines.listing import PendingImage, also_at
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Source, SourceKind
from tasks.sources.opening import open_source
from tasks.sources.references import SourceReference
from tasks.transport import RegistryAccess


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An image that keeps its former result.

    Args:
        reference: one that names it.
        image: its digest.
        reason: why, a stable word.
        detail: the same in one line.
    """

    reference: str
    image: str
    reason: str
    detail: str


@dataclass(slots=True)
class KnownImages:
    """Resolves known references.

    Args:
        access: how registries are spoken to.
        stopping: true once nothing more may be begun.
    """

    access: RegistryAccess
    stopping: Callable[[], bool] = lambda: False
    _sources: dict[tuple[str, str], Source] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resolve(
        self, references: Sequence[KnownReference], wanted: Collection[str]
    ) -> tuple[list[PendingImage], list[KeptImage]]:
        """The images behind some references, and those that cannot be had.

        Args:
            references: several may name one image: it is had where one of them has it.
            wanted: digests of the images that are asked for.
        """
        found: dict[str, PendingImage] = {}
        missing: dict[str, KeptImage] = {}
        for reference, outcome in self._outcomes(references):
            for image in _pending(reference, outcome):
                digest = image.manifest.digest
                if digest in wanted:
                    found[digest] = also_at(found[digest], image) if digest in found else image
            for digest in reference.images:
                if digest in wanted and digest not in found:
                    missing.setdefault(digest, _kept(reference, digest, outcome))
        return list(found.values()), [kept for digest, kept in missing.items() if digest not in found]

    def _outcomes(
        self, references: Sequence[KnownReference]
    ) -> Iterator[tuple[KnownReference, tuple[ResolvedImage, ...] | SourceError]]:
        with ThreadPoolExecutor(self.access.concurrency, thread_name_prefix="resolve") as pool:
            for reference, outcome in zip(references, pool.map(self._outcome, references), strict=True):
                if outcome is not None:
                    yield reference, outcome

    def _outcome(self, reference: KnownReference) -> tuple[ResolvedImage, ...] | SourceError | None:
        """Resolve one reference; its trouble is a value, because the others go on. None where there is no time left."""
        if self.stopping():
            return None
        kind = SourceKind(reference.kind)
        listed = Listed(
            reference.text, reference.registry, reference.repository, reference.name, kind, reference.target
        )
        platforms = PlatformChoice(tuple(filter(None, reference.wanted_platforms.split(","))))
        try:
            return self._source(listed).resolve(listed, platforms)
        except SourceError as error:
            return error

    def _source(self, listed: Listed) -> Source:
        place = listed.registry or listed.repository.partition(":")[2]
        key = (listed.kind.value, place)
        with self._lock:
            if key not in self._sources:
                self._sources[key] = open_source(SourceReference(listed.kind, place), self.access)
            return self._sources[key]


def _pending(reference: KnownReference, outcome: tuple[ResolvedImage, ...] | SourceError) -> Iterable[PendingImage]:
    if isinstance(outcome, SourceError):
        return
    for image in outcome:
        if image.manifest is not None:
            yield PendingImage(reference.text, image.manifest, image.locations, image.notes)


def _kept(reference: KnownReference, digest: str, outcome: tuple[ResolvedImage, ...] | SourceError) -> KeptImage:
    if isinstance(outcome, SourceError):
        return KeptImage(reference.text, digest, outcome.reason, str(outcome))
    for image in outcome:
        if image.digest == digest and image.reason:
            return KeptImage(reference.text, digest, image.reason, image.detail)
    return KeptImage(reference.text, digest, "not-found", "the reference leads to it no more")
