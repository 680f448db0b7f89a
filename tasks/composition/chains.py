"""Walk the trie of layer lists, composing each chain once.

Images come sorted by their layers, so the walk is depth-first: it keeps the states of one path from the root, and drops a
state as soon as no later image can need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from catalog.identities import ROOT_CHAIN, chain_id, hash_fields
from tasks.composition.apply import NOTHING, Applied, Watch, apply_layer
from tasks.composition.batch import LayerRecord, Supplement
from tasks.composition.evidence import Interest
from tasks.composition.layer_rows import LayerRows
from tasks.composition.state import BOTTOM, ChainState, DeltaRow, settle
from tasks.composition.tree import Folder

FOREIGN_HASH = b""
"""What a layer without rows contributes to its chain's id."""
SUPPLEMENT_RECIPE = "supplemented-layer/1"
"""Tag of the hash that stands for a layer with files read again."""


def supplemented_hash(record: LayerRecord, supplements: Sequence[Supplement], watch: Watch = NOTHING) -> bytes:
    """What a layer contributes to its chain's id where an image makes more of it than its own rows say.

    Args:
        record: the layer's record.
        supplements: those of its files that were read again and that the image needs, in any order.
        watch: places that are remembered for the image's sake.
    """
    places = (*sorted(watch.files), "", *sorted(watch.folders))
    files = sorted((supplement.need.path, supplement.composition_hash) for supplement in supplements)
    fields = (part for path, rows_hash in files for part in (path, rows_hash))
    return hash_fields(SUPPLEMENT_RECIPE, record.composition_hash, *places, "", *fields, size=32)


def chain_ids(layers: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """The ids of the chains that end at each of some layers.

    Args:
        layers: (digest, composition hash, or FOREIGN_HASH) of each, bottom first.
    """
    ids: list[bytes] = []
    for layer, rows_hash in layers:
        ids.append(chain_id(ids[-1] if ids else ROOT_CHAIN, layer, rows_hash))
    return ids


class ChainWalk:
    """Composes chains, sharing the states of what they have in common.

    Args:
        rows_of: gives a layer's rows; None for a layer whose rows nobody has (foreign ones change nothing).
        hash_of: gives a layer's contribution to chain ids.
        interest: who wants which files.
        finished: called once for each chain, the lower first, with its state and the rows of its delta.
        watch: further places to remember.
    """

    def __init__(
        self,
        rows_of: Callable[[str], LayerRows | None],
        hash_of: Callable[[str], bytes],
        interest: Interest,
        finished: Callable[[ChainState, list[DeltaRow]], None],
        watch: Watch = NOTHING,
    ) -> None:
        self._rows_of = rows_of
        self._hash_of = hash_of
        self._interest = interest
        self._finished = finished
        self._watch = watch
        self._path: list[ChainState] = [BOTTOM]

    def compose(self, layers: Sequence[str]) -> ChainState:
        """The state of a chain.

        Args:
            layers: digests, bottom first.

        Raises:
            StoreError: a layer's rows cannot be read.
        """
        shared = 0
        for state, layer in zip(self._path[1:], layers, strict=False):
            if state.layer != layer:
                break
            shared += 1
        del self._path[shared + 1 :]
        for layer in layers[shared:]:
            below = self._path[-1]
            chain = chain_id(below.chain, layer, self._hash_of(layer))
            state, rows = settle(below, chain, layer, self._apply(below.root, layer, self._watch))
            self._finished(state, rows)
            self._path.append(state)
        return self._path[-1]

    def replay(self, layers: Sequence[str], watch: Watch) -> Folder:
        """The tree of a chain with further places remembered; nothing is shared and nobody is told.

        Args:
            layers: digests, bottom first.
            watch: those places.

        Raises:
            StoreError: a layer's rows cannot be read.
        """
        root = BOTTOM.root
        for layer in layers:
            root = self._apply(root, layer, watch).root
        return root

    def _apply(self, root: Folder, layer: str, watch: Watch) -> Applied:
        rows = self._rows_of(layer)
        if rows is None:
            return Applied(root, set())
        return apply_layer(root, rows, self._interest, watch)
