"""How unseen layers become tasks: shards balanced by bytes, in the images' order so that what is shared stays together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.layers.analysis import LayerTask

_SHARDS_PER_SLOT = 4
"""Shards a slot gets at least, where there is work enough: the last ones to end then leave little idle."""
_UNKNOWN_SIZE = 32 << 20
"""Bytes a layer of unknown size counts for: an average one."""
_ROWS_SIZE = 1 << 20
"""Bytes a layer counts for of which only archived rows are looked at."""


def shards(
    tasks: Sequence[LayerTask], *, slots: int, shard_bytes: int, shard_layers: int
) -> Iterator[tuple[LayerTask, ...]]:
    """Cut layers into shards.

    A shard is closed when it holds its share of the bytes: that of `shard_bytes`, or of an even spread over the slots where
    there is less work than that.

    Args:
        tasks: the layers, in the images' order.
        slots: tasks that run at a time.
        shard_bytes: compressed bytes of a shard, about.
        shard_layers: layers of a shard, at most.

    Yields:
        Shards of at least one layer; every layer once.
    """
    total = sum(_size(task) for task in tasks)
    pieces = max(1, slots * _SHARDS_PER_SLOT)
    aim = max(1, min(shard_bytes, total // pieces))
    most = max(1, min(shard_layers, -(-len(tasks) // pieces)))
    shard: list[LayerTask] = []
    held = 0
    for task in tasks:
        shard.append(task)
        held += _size(task)
        if held >= aim or len(shard) >= most:
            yield tuple(shard)
            shard, held = [], 0
    if shard:
        yield tuple(shard)


def _size(task: LayerTask) -> int:
    if task.location is None:
        return _ROWS_SIZE
    return task.size if task.size >= 0 else _UNKNOWN_SIZE
