"""What a task hands back: names and counts, never rows. A batch's receipt stays under 100 KB.

Facts go to the archive; a receipt says which objects hold them and how each item of the batch ended. What varies between
two tries of the same work (seconds, host) is here and in commit rows only, never inside an object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from catalog.errors import Retry
from catalog.states import LayerOutcome, Outcome


@dataclass(frozen=True, slots=True)
class ObjectReceipt:
    """One archive object that is there now.

    Args:
        dataset: name of the dataset.
        key: its key in the store.
        content_hash: hex of the hash over schema version and logical rows.
        rows: rows in it.
        size: bytes of the Parquet file.
    """

    dataset: str
    key: str
    content_hash: str
    rows: int
    size: int


class Effort(StrEnum):
    """How much of a layer its result took; the value is what a receipt says."""

    WHOLE = "whole"
    """All of its bytes, by every analyser."""
    CHANGED = "changed"
    """All of its bytes, by those analysers alone that changed since a former result."""
    ROWS = "rows"
    """No byte: the rows of a former result told all."""


@dataclass(frozen=True, slots=True)
class FormerResult:
    """What other analysers than those of now left of a layer.

    Args:
        fingerprint_set: 16 bytes, what made it.
        members: those, as `<analyser>/<version>/<hex>`.
        composition_hash: 32 bytes over the rows that composition reads.
        objects: the archive objects that hold its rows, and those of other layers.
    """

    fingerprint_set: bytes
    members: tuple[str, ...]
    composition_hash: bytes
    objects: tuple[ObjectReceipt, ...]


@dataclass(frozen=True, slots=True)
class LayerReceipt:
    """How one layer's analysis ended.

    Args:
        layer: its digest.
        outcome: complete, partial or failed.
        reason: the error's word where it is not complete, else empty.
        detail: the error's one line, else empty.
        retry: the error's class where it failed.
        verified: the true bytes were seen (size and digest right): a failure is then the layer's own and permanent.
        composition_hash: 32 bytes; empty where it failed.
        size: compressed bytes, all of them read unless `effort` says otherwise.
        tar_size: uncompressed bytes up to the end marker.
        entries: tar entries.
        packages: packages found.
        problems: problems recorded.
        cpu_seconds: CPU time of this layer.
        retry_after: seconds that a registry asked us to wait.
        effort: what of the layer was read.
        objects: keys of the objects that hold its rows; empty for all that the batch wrote.
        bytes_cached: of `size`, those that came from the node's cache: all or none.
        cache_trouble: why the node's cache could not be used, one line; empty where it could.
    """

    layer: str
    outcome: LayerOutcome
    reason: str = ""
    detail: str = ""
    retry: Retry | None = None
    verified: bool = False
    composition_hash: bytes = b""
    size: int = 0
    tar_size: int = 0
    entries: int = 0
    packages: int = 0
    problems: int = 0
    cpu_seconds: float = 0.0
    retry_after: float | None = None
    bytes_cached: int = 0
    cache_trouble: str = ""
    effort: Effort = Effort.WHOLE
    objects: tuple[str, ...] = ()

    @property
    def bytes_fetched(self) -> int:
        """Compressed bytes that came from where the layer lies, over the network or from a file."""
        return 0 if self.effort is Effort.ROWS else self.size - self.bytes_cached


@dataclass(frozen=True, slots=True)
class AnalysisReceipt:
    """A batch of analysed layers.

    Args:
        fingerprint_set: 16 bytes, what analysed them.
        layers: how each ended.
        objects: archive objects written.
        kept: objects of former results that hold rows of these layers still.
        also: further fingerprint sets whose results these are as well, because theirs is part of what was done.
    """

    fingerprint_set: bytes
    layers: tuple[LayerReceipt, ...]
    objects: tuple[ObjectReceipt, ...]
    kept: tuple[ObjectReceipt, ...] = ()
    also: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageReceipt:
    """How one image's composition ended."""

    image: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChainReceipt:
    """One chain that a composition finished.

    Args:
        chain: its id.
        parent: the chain below, empty for none.
        layer: digest of its top layer.
        platform: 16 bytes; empty where the image names no distribution.
        distribution: os-release ID, version (VERSION_ID) and PRETTY_NAME; empty texts where there is none.
        sets: ids of its package sets.
        packages: distinct packages over those sets; None where no image of the batch ends at this chain, or what one lacks
            could not be read: its sets are then not written (`platform`, `distribution` and `sets` are empty), and an
            image that ends here later is composed then.
        owned_sets: ids of the sets of language packages that the operating system's packages own; none of them is in `sets`.
    """

    chain: bytes
    parent: bytes
    layer: str
    platform: bytes
    distribution: tuple[str, str, str]
    sets: tuple[bytes, ...]
    packages: int | None
    owned_sets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerNeed:
    """A file whose bytes nobody kept, and which a link makes evidence after all.

    Args:
        layer: digest of the layer that holds it.
        path: the file's path as that layer's archive names it.
        wanted: the path under which the composed image shows it, and by which an analyser wants it.
    """

    layer: str
    path: str
    wanted: str


@dataclass(frozen=True, slots=True)
class NeedReceipt:
    """A file that was read once more.

    Args:
        need: which one.
        composition_hash: 32 bytes over those of its rows that composition reads.
        reason: the stable word where not all of it could be read, else empty.
        detail: what is missing, one line; empty where nothing is.
    """

    need: LayerNeed
    composition_hash: bytes
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RereadReceipt:
    """A batch of layers that were read once more for some of their files.

    Args:
        layers: how reading each of them ended.
        files: those that were found and looked at; a need that is not among them stays unanswered.
        objects: archive objects that hold the files' rows.
    """

    layers: tuple[LayerReceipt, ...]
    files: tuple[NeedReceipt, ...]
    objects: tuple[ObjectReceipt, ...]


@dataclass(frozen=True, slots=True)
class CompositionReceipt:
    """A batch of composed images.

    Args:
        images: how each ended; those that wait for `needs` are not among them.
        objects: archive objects written.
        chains: chains finished, each after the one below it.
        cpu_seconds: CPU time of the batch.
        needs: files to read once more before the images that are missing in `images` can be composed.
    """

    images: tuple[ImageReceipt, ...]
    objects: tuple[ObjectReceipt, ...]
    chains: tuple[ChainReceipt, ...] = field(default=())
    cpu_seconds: float = 0.0
    needs: tuple[LayerNeed, ...] = ()
