"""The commit log, mirrored into the archive: one small JSON object a commit, numbered without gaps.

The commit itself is a transaction in Postgres; its manifest follows and is written again when it is missing. With Postgres
gone, the manifests say what was committed, and in which order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from catalog.errors import ObjectCorrupt, StoreError
from catalog.keys import MANIFESTS, manifest_key, parse_manifest_key
from catalog.receipts import ObjectReceipt
from catalog.store.interface import Store


class ManifestObject(BaseModel):
    """One archive object that a commit names; the fields are those of `ObjectReceipt`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    key: str
    content_hash: str
    rows: int = Field(ge=0)
    size: int = Field(ge=0)


class CommitManifest(BaseModel):
    """One commit.

    Args:
        version: of this form.
        generation: the commit's number, from one on.
        run: id of the run that made it.
        kind: what was committed (`layers`, `images`, `advisories`, …).
        at: when, as the database's clock had it.
        objects: what it brought into the archive.
        undoes: the generation that it takes back, where it does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    generation: int = Field(ge=1)
    run: str
    kind: str
    at: AwareDatetime
    objects: tuple[ManifestObject, ...] = ()
    undoes: int | None = None

    @classmethod
    def of(
        cls,
        generation: int,
        run: str,
        kind: str,
        at: datetime,
        objects: tuple[ObjectReceipt, ...],
        undoes: int | None = None,
    ) -> Self:
        """The manifest of a commit that brought the objects of these receipts."""
        named = tuple(
            ManifestObject(
                dataset=receipt.dataset,
                key=receipt.key,
                content_hash=receipt.content_hash,
                rows=receipt.rows,
                size=receipt.size,
            )
            for receipt in objects
        )
        return cls(generation=generation, run=run, kind=kind, at=at, objects=named, undoes=undoes)


def write_manifest(store: Store, manifest: CommitManifest) -> bool:
    """Mirror a commit.

    Returns:
        True where this call wrote it, False where it was there.

    Raises:
        StoreError: another commit's manifest has this number (two databases write to one archive), or the store fails.
    """
    key = manifest_key(manifest.generation)
    if store.put_if_absent(key, manifest.model_dump_json().encode()):
        return True
    if _parse(store.get(key), key) != manifest:
        raise StoreError(
            f"generation {manifest.generation} was committed with other content",
            where=key,
            advice="give each database an archive of its own; where the database was lost, begin with an empty home",
        )
    return False


def read_manifests(store: Store, *, after: int = 0) -> Iterator[CommitManifest]:
    """The manifests with a higher generation, in the order of their commits.

    Raises:
        ObjectCorrupt: a manifest that cannot be read.
        StoreError: the store fails.
    """
    for generation in _generations(store):
        if generation > after:
            key = manifest_key(generation)
            manifest = _parse(store.get(key), key)
            if manifest.generation != generation:
                raise ObjectCorrupt(f"is the manifest of generation {manifest.generation}", where=key)
            yield manifest


def missing(store: Store, upto: int) -> tuple[int, ...]:
    """Generations from one to `upto`, inclusive, that have no manifest.

    Raises:
        StoreError: the store fails.
    """
    there = set(_generations(store))
    return tuple(generation for generation in range(1, upto + 1) if generation not in there)


def _generations(store: Store) -> Iterator[int]:
    for found in store.list(MANIFESTS):
        generation = parse_manifest_key(found.key)
        if generation is not None:
            yield generation


def _parse(data: bytes, key: str) -> CommitManifest:
    try:
        return CommitManifest.model_validate_json(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, fault["loc"])) or "the whole"
        raise ObjectCorrupt(f"is no manifest ({name}: {fault['msg']})", where=key) from None
