"""What a composition is given: images, and where the records of their layers lie."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.images import ImageManifest
from catalog.receipts import ChainReceipt, LayerNeed
from catalog.states import LayerOutcome


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer's analysis as the commit log knows it.

    Args:
        layer: its digest.
        composition_hash: 32 bytes over the rows that composition reads; empty where it failed.
        outcome: how the analysis ended.
        reason: the stable word where it is not complete, else empty.
        detail: what is missing, one line; empty where nothing is.
        keys: (dataset, archive key) of the objects that hold the layer's rows, among those of other layers.
    """

    layer: str
    composition_hash: bytes
    outcome: LayerOutcome
    reason: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Supplement:
    """What reading a file of a layer once more gave.

    Each need has its own, so that a chain is named by the files that it needs and by nothing else that was read with them.

    Args:
        need: which file, and as what it was read.
        composition_hash: 32 bytes over those of its rows that composition reads.
        keys: (dataset, archive key) of the objects that hold its rows, among those of other files.
        reason: the stable word where not all of it could be read, else empty.
        detail: what is missing, one line; empty where nothing is.
    """

    need: LayerNeed
    composition_hash: bytes
    keys: tuple[tuple[str, str], ...]
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImageTask:
    """One image to compose.

    Args:
        manifest: what the image is.
        known: its whole chain as it is committed already: then no layer is read.
    """

    manifest: ImageManifest
    known: ChainReceipt | None = None


@dataclass(frozen=True, slots=True)
class CompositionBatch:
    """A unit of composition: images that share layers, best a subtree of the chain trie.

    Args:
        images: those to compose.
        layers: a record for every layer of these images that was analysed or failed.
        month: `YYYY-MM` the work was planned in, part of the objects' keys.
        foreign: digests of layers whose bytes are not served or are encrypted, beside those that the manifests give URLs
            for. An image is composed without them, as partial.
        known: committed chains below these images: they are composed again where something lies above them, but not
            written again.
        supplements: what reading `LayerNeed` files of layers in `layers` once more gave.
        may_ask: whether files can be read again. Otherwise an image that needs one is composed without it, as partial.
    """

    images: tuple[ImageTask, ...]
    layers: tuple[LayerRecord, ...]
    month: str
    foreign: tuple[str, ...] = ()
    known: tuple[ChainReceipt, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    may_ask: bool = False
