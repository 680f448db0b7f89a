"""The first part of a scan: what the sources name, what of it is new, and the images that wait for analysis.

A reference that the active set knows as settled, with the same target and the same wish of platforms, needs no second look.
The others are resolved side by side and committed as pending before anything is read, so that nothing that a registry named
is ever lost: whatever happens later, it has a row that says so.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import IO, TypeVar

from catalog.active.listing import ListedImage, ListedReference, commit_listing, mark_gone
from catalog.active.planning import settled_references
from catalog.errors import NotAnImage, Retry, SourceError
from catalog.images import BlobLocation, ImageManifest
from catalog.problems import Problem
from catalog.states import Outcome
from pipelines.observer import Level, Observer, Phase
from pipelines.workspace import Workspace
from tasks.sources.interface import Listed, PlatformChoice, ResolvedImage, Source

T = TypeVar("T")

CHUNK_REFERENCES = 1_000
"""References that are looked up, resolved and committed at a time."""
WAVE_IMAGES = 5_000
"""Images that are analysed and composed at a time: what bounds the driver's memory."""
MOST_PLACES = 4
"""Places of one layer that are remembered, in case one of them does not have it."""


@dataclass(frozen=True, slots=True)
class PendingImage:
    """An image that waits for its layers' analysis or for its composition.

    Args:
        reference: one that named it.
        manifest: what it is made of.
        locations: where each layer's bytes lie.
        notes: problems known before a layer is read.
        elsewhere: further places, by layer each, where other references say that they lie.
    """

    reference: str
    manifest: ImageManifest
    locations: tuple[BlobLocation, ...]
    notes: tuple[Problem, ...]
    elsewhere: tuple[tuple[BlobLocation, ...], ...] = ()


@dataclass(slots=True)
class Wishes:
    """What a listing needs to know of the run.

    Args:
        run: its id.
        fingerprint_set: what a layer's result must have been made by.
        platforms: the wanted ones.
        retry: permanent failures are looked at again.
    """

    run: str
    fingerprint_set: bytes
    platforms: PlatformChoice
    retry: bool


@dataclass(slots=True)
class Listing:
    """Lists sources, once.

    Args:
        workspace: where what is known lies.
        wishes: of the run.
        observer: who watches.
        stopping: true once nothing more may be begun.
        notes: sentences about sources that could not be listed.
        failed_sources: sources that could not be listed to their end.
        named: references that the sources named.
    """

    workspace: Workspace
    wishes: Wishes
    observer: Observer
    stopping: Callable[[], bool] = lambda: False
    notes: list[str] = field(default_factory=list)
    failed_sources: list[SourceError] = field(default_factory=list)
    named: int = 0
    _unlisted: set[str] = field(default_factory=set)
    _texts: IO[bytes] = field(default_factory=lambda: tempfile.TemporaryFile())  # noqa: SIM115 - lives as long as we

    def waves(self, sources: Sequence[Source]) -> Iterator[list[PendingImage]]:
        """List every source and hand out the images that wait, a wave at a time, each image once in its wave.

        Raises:
            ActiveSetError: what was listed cannot be committed.
        """
        wave: dict[str, PendingImage] = {}
        self.observer.started(Phase.LIST)
        threads = self.workspace.settings.registry_concurrency
        with ThreadPoolExecutor(threads, thread_name_prefix="resolve") as pool:
            for source in sources:
                for chunk in _chunks(self._listed(source)):
                    for image in self._resolve(source, chunk, pool):
                        known = wave.get(image.manifest.digest)
                        wave[image.manifest.digest] = image if known is None else also_at(known, image)
                    if len(wave) >= WAVE_IMAGES:
                        yield list(wave.values())
                        wave = {}
                self._forget_gone(source)
        self.observer.finished(Phase.LIST)
        if wave:
            yield list(wave.values())

    def close(self) -> None:
        """Forget what was listed."""
        self._texts.close()

    def texts(self) -> Iterator[tuple[str, ...]]:
        """Every reference that was listed, in chunks; kept on disk where there are many."""
        self._texts.seek(0)
        lines = (line.rstrip(b"\n").decode("utf-8", "surrogatepass") for line in self._texts)
        yield from _chunks(lines)

    def _listed(self, source: Source) -> Iterator[Listed]:
        """The source's references; one that cannot be listed as a whole ends early, with its reason noted."""
        try:
            for listed in source.list():
                if self.stopping():
                    self._unlisted.add(source.text)
                    return
                self.named += 1
                self._texts.write(listed.reference.encode("utf-8", "surrogatepass") + b"\n")
                yield listed
        except SourceError as error:
            self.failed_sources.append(error)
            self._unlisted.add(source.text)
            self.notes.append(str(error))

    def _resolve(self, source: Source, chunk: Sequence[Listed], pool: ThreadPoolExecutor) -> Iterator[PendingImage]:
        wishes = self.wishes
        with self.workspace.database.transaction() as tx:
            known = settled_references(
                tx,
                [listed.reference for listed in chunk],
                fingerprint_set=wishes.fingerprint_set,
                retry_permanent=wishes.retry,
            ).to_pylist()
        state = {row["reference"]: row for row in known}
        wanted = ",".join(wishes.platforms.wanted)
        fresh = [
            listed
            for listed in chunk
            if (row := state.get(listed.reference)) is None
            or not row["settled"]
            or row["target"] != listed.target
            or row["wanted_platforms"] != wanted
        ]
        self.observer.advanced(Phase.LIST, len(chunk) - len(fresh))
        references = []
        for listed, outcome in zip(fresh, pool.map(lambda one: self._outcome(source, one), fresh), strict=True):
            if outcome is None:
                continue
            self.observer.advanced(Phase.LIST)
            if isinstance(outcome, SourceError):
                self.observer.event(str(outcome), where=listed.reference, level=Level.WARNING)
                if outcome.retry is Retry.TRANSIENT and listed.reference in state and state[listed.reference]["target"]:
                    # What is known stays known: a registry that is down for a moment says nothing about its images.
                    self.notes.append(f"{listed.reference}: {outcome}; what was known of it is kept")
                    continue
                references.append(_failed(listed, outcome, wanted))
                continue
            references.append(_reference(listed, outcome, wanted))
            for image in outcome:
                if image.manifest is not None and image.outcome is Outcome.PENDING:
                    yield PendingImage(listed.reference, image.manifest, image.locations, image.notes)
        if references:
            commit_listing(self.workspace.database, wishes.run, references)

    def _outcome(self, source: Source, listed: Listed) -> tuple[ResolvedImage, ...] | SourceError | None:
        """Resolve one reference; its trouble is a value, because the others go on. None where there is no time left."""
        if self.stopping():
            return None
        if listed.error is not None:
            return listed.error if isinstance(listed.error, SourceError) else SourceError(str(listed.error))
        try:
            return source.resolve(listed, self.wishes.platforms)
        except SourceError as error:
            return error

    def _forget_gone(self, source: Source) -> None:
        if source.text in self._unlisted:
            return  # a listing that broke off says nothing of what it did not reach
        for scope in source.scopes():
            listed = (text for chunk in self.texts() for text in chunk)
            mark_gone(
                self.workspace.database,
                self.wishes.run,
                registry=scope.registry,
                repository=scope.repository or None,
                listed=listed,
            )
        self._texts.seek(0, 2)


def also_at(image: PendingImage, same: PendingImage) -> PendingImage:
    """An image that two references name, with the places of both.

    Args:
        image: as one names it.
        same: as the other does.
    """
    places = (image.locations, *image.elsewhere)
    if same.locations in places or len(places) >= MOST_PLACES:
        return image
    return replace(image, elsewhere=(*image.elsewhere, same.locations))


def _reference(listed: Listed, images: Iterable[ResolvedImage], wanted: str) -> ListedReference:
    return ListedReference(
        text=listed.reference,
        registry=listed.registry,
        repository=listed.repository,
        name=listed.name,
        kind=listed.kind,
        target=listed.target,
        wanted_platforms=wanted,
        images=tuple(
            ListedImage(
                platform=image.platform,
                outcome=image.outcome,
                reason=image.reason,
                detail=image.detail,
                retry=image.retry,
                digest=image.digest,
                manifest=image.manifest,
            )
            for image in images
        ),
    )


def _failed(listed: Listed, error: SourceError, wanted: str) -> ListedReference:
    return ListedReference(
        text=listed.reference,
        registry=listed.registry,
        repository=listed.repository,
        name=listed.name,
        kind=listed.kind,
        target=listed.target,
        wanted_platforms=wanted,
        outcome=Outcome.SKIPPED if isinstance(error, NotAnImage) else Outcome.FAILED,
        reason=error.reason,
        detail=str(error),
        retry=error.retry,
    )


def _chunks(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    iterator = iter(items)
    while chunk := tuple(itertools.islice(iterator, CHUNK_REFERENCES)):
        yield chunk
