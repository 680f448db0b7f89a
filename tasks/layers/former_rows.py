"""A layer's rows in the archive, as a former result left them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import ObjectCorrupt
from catalog.facts import read_facts_many
from catalog.receipts import FormerResult, ObjectReceipt
from catalog.schemas import LAYERS, Dataset
from catalog.store.interface import Store


class FormerRows:
    """Reads a layer's rows from the objects of a former result, a dataset when it is asked for.

    Args:
        store: the archive's.
        digest: of the layer.
        former: the result.
    """

    def __init__(self, store: Store, digest: str, former: FormerResult) -> None:
        self._store = store
        self._digest = digest
        self._objects = former.objects

    def objects(self, dataset: Dataset) -> tuple[ObjectReceipt, ...]:
        """The objects of a dataset."""
        return tuple(each for each in self._objects if each.dataset == dataset.name)

    def table(self, dataset: Dataset, columns: Sequence[str] | None = None) -> pa.Table:
        """The layer's rows of a dataset, in their order and without the layer's digest.

        Args:
            dataset: which.
            columns: those wanted; None for all.

        Raises:
            StoreError: an object is missing, corrupt or of a newer version, or the store fails.
        """
        wanted = [name for name in dataset.schema.names if name != "layer" and (columns is None or name in columns)]
        keys = [each.key for each in self.objects(dataset)]
        rows = read_facts_many(
            self._store, keys, columns=wanted, where=pc.field("layer") == self._digest, dataset=dataset
        )
        return rows.combine_chunks()

    def layer_row(self) -> dict[str, Any]:
        """The layer's own row, by its columns; what it says of the bytes is the same under whichever analysers.

        Raises:
            StoreError: as `table`; ObjectCorrupt also where no object has it.
        """
        rows: list[dict[str, Any]] = self.table(LAYERS).to_pylist()
        if not rows:
            raise ObjectCorrupt("no object has the layer's row", where=self._digest)
        return rows[0]
