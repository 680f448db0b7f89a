"""What an image is besides its packages, read from the archive: configuration, layers, privileged files, secrets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from catalog.active.database import Transaction
from catalog.active.image_secrets import SearchedLayer, searched_layers
from catalog.active.one_image import image_chain, image_keys, image_layers
from catalog.active.views import ChainObjects, LayerState
from catalog.facts import read_facts_many
from catalog.schemas import ENTRIES, ENTRY_KINDS, PRIVILEGED_FILES
from catalog.store import Store
from pipelines.models.image_facts import Configuration, Label, Layer, PrivilegedFile, Secret

_DIRECTORY, _WHITEOUT, _OPAQUE = (ENTRY_KINDS.index(word) for word in ("directory", "whiteout", "opaque"))


@dataclass(frozen=True, slots=True)
class FactSources:
    """Where an image's facts lie.

    Args:
        keys: of objects with the image's own row.
        privileged: its chain, with the objects that hold the chain's privileged files; None where nothing is composed.
        layers: how the analysis of each layer ended.
        searched: the same layers, with what searches for secrets left.
    """

    keys: tuple[str, ...]
    privileged: ChainObjects | None
    layers: tuple[LayerState, ...]
    searched: tuple[SearchedLayer, ...]


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image's facts, ready to be shown.

    Args:
        configuration: None where the image has no row in the archive.
        layers: bottom first.
        privileged: files, by path.
        secrets: those of the configuration first, then by layer, bottom first, path and line.
    """

    configuration: Configuration | None = None
    layers: tuple[Layer, ...] = ()
    privileged: tuple[PrivilegedFile, ...] = ()
    secrets: tuple[Secret, ...] = ()


NO_FACTS = ImageFacts()
"""Of an image that nothing is known of."""


def fact_sources(tx: Transaction, image: int) -> FactSources:
    """Ask where an image's facts lie.

    Args:
        tx: a transaction.
        image: ImageRecord.image.
    """
    return FactSources(
        keys=image_keys(tx, image),
        privileged=image_chain(tx, image, PRIVILEGED_FILES.name),
        layers=tuple(image_layers(tx, image)),
        searched=tuple(searched_layers(tx, image)),
    )


def image_facts(store: Store, digest: str, sources: FactSources, *, evidence_only: bool = False) -> ImageFacts:
    """Read an image's facts.

    Args:
        store: the archive's.
        digest: of the image.
        sources: where they lie.
        evidence_only: its layers hold nothing but that, so they do not count as searched.

    Raises:
        StoreError: an object cannot be read.
    """
    row = _image_row(store, digest, sources.keys)
    history = row.get("history") or ()
    known = len(history) == len(sources.layers)
    layers = tuple(
        Layer(
            digest=state.layer,
            size=state.size if state.size >= 0 else None,
            outcome=state.outcome,
            reason=state.reason,
            instruction=history[state.position] if known else "",
            searched=searched.searched and not evidence_only,
        )
        for state, searched in zip(sources.layers, sources.searched, strict=True)
    )
    return ImageFacts(
        configuration=_configuration(row) if row else None,
        layers=layers,
        privileged=_privileged(store, sources.privileged),
        secrets=(*_configuration_secrets(row), *layer_secrets(store, sources.searched)),
    )


def _image_row(store: Store, digest: str, keys: Sequence[str]) -> dict[str, Any]:
    """The image's own row by its columns, among them perhaps not all of those of today; empty where there is none."""
    rows = read_facts_many(store, keys, where=pc.field("image") == digest).to_pylist() if keys else []
    return rows[0] if rows else {}


def _configuration(row: Mapping[str, Any]) -> Configuration:
    return Configuration(
        user=row["user"] or "",
        entrypoint=tuple(row["entrypoint"] or ()),
        command=tuple(row["command"] or ()),
        environment=tuple(row["environment_names"] or ()),
        ports=tuple(row["ports"] or ()),
        health_check=tuple(row.get("health_check") or ()),
        labels=tuple(Label(name=name, value=value) for name, value in row["labels"] or ()),
        created=row["created"] or "",
    )


def _configuration_secrets(row: Mapping[str, Any]) -> Iterator[Secret]:
    for text in row.get("secrets") or ():
        place, rule, name = text.split("/", 2)
        yield Secret(rule=rule, place=place, name=name, line=None, layer=None, deleted=False)


def _privileged(store: Store, chain: ChainObjects | None) -> tuple[PrivilegedFile, ...]:
    if chain is None or not chain.keys:
        return ()
    rows = read_facts_many(store, chain.keys, where=pc.field("chain") == chain.chain).to_pylist()
    return tuple(
        PrivilegedFile(
            path=row["path"], mode=f"{row['mode']:04o}", uid=row["uid"], gid=row["gid"], layer=row["layer"] or None
        )
        for row in rows
    )


def layer_secrets(store: Store, layers: Sequence[SearchedLayer]) -> Iterator[Secret]:
    """The secrets in an image's layers, bottom first, with what became of their files further up.

    Args:
        store: the archive's.
        layers: of the image, bottom first.

    Raises:
        StoreError: an object cannot be read.
    """
    # A layer that comes twice lies where it comes last.
    highest = {layer.layer: layer for layer in layers}
    found: list[tuple[SearchedLayer, dict[str, Any]]] = []
    for layer in sorted(highest.values(), key=lambda layer: layer.position):
        if layer.secret_keys:
            rows = read_facts_many(store, layer.secret_keys, where=pc.field("layer") == layer.layer)
            found += [(layer, row) for row in rows.to_pylist()]
    if not found:
        return
    lowest = found[0][0].position
    above = [layer for layer in layers if layer.position > lowest]
    gone = _removals(store, above, {place for _, row in found for place in _places(row["path"])})
    for layer, row in found:
        path = row["path"]
        deleted = any(
            position > layer.position for place in _places(path) for position in gone.get((place, path == place), ())
        )
        yield Secret(rule=row["rule"], place="file", name=path, line=row["line"], layer=layer.layer, deleted=deleted)


def _places(path: str) -> Iterator[str]:
    """A path and the folders above it, the root among them."""
    yield path
    while path:
        path = path.rpartition("/")[0]
        yield path


def _removals(
    store: Store, layers: Sequence[SearchedLayer], places: Collection[str]
) -> dict[tuple[str, bool], list[int]]:
    """Positions of layers that take away what lay at a place (True), or what lay below it (False)."""
    gone: dict[tuple[str, bool], list[int]] = {}
    for layer in layers:
        where = (pc.field("layer") == layer.layer) & pc.field("path").isin(sorted(places))
        columns = ("path", "kind")
        for row in read_facts_many(store, layer.entry_keys, columns=columns, where=where, dataset=ENTRIES).to_pylist():
            path, kind = row["path"], row["kind"]
            if kind != _OPAQUE:
                gone.setdefault((path, True), []).append(layer.position)
            if kind != _DIRECTORY:
                gone.setdefault((path, False), []).append(layer.position)
    return gone
