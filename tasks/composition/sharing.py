"""Mappings that never change, of which many versions cost no more than what differs between them.

The chains that a walk holds at one time are all on one path from the root, so of their mappings only the topmost is asked,
until the walk goes back to a lower one. Baker's rerooting fits that (Baker 1991, "Shallow Binding Makes Functional Arrays
Fast"): the version asked last holds the values in a dict, every other one only what to change on the way to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, KeysView, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class SharedMapping(Collection[Key], Generic[Key, Value]):
    """One version of a mapping; going from one version to another costs what differs between them.

    Args:
        values: what it holds; taken over, not copied.
    """

    __slots__ = ("_changes", "_nearer", "_values")

    def __init__(self, values: dict[Key, Value] | None = None) -> None:
        self._values: dict[Key, Value] | None = {} if values is None else values
        # Without values: the next version on the way to the one that has them, and what makes this one of that one.
        # None beside the values: no version refers to itself, so that counting references is enough to free it.
        self._nearer: SharedMapping[Key, Value] | None = None
        self._changes: dict[Key, Value | None] = {}

    def changed(self, changes: Mapping[Key, Value | None]) -> SharedMapping[Key, Value]:
        """A further version.

        Args:
            changes: new values; None takes a key away.
        """
        values = self._present()
        if not values:
            # There is nothing to share, and what is empty lives as long as the program.
            return SharedMapping({key: value for key, value in changes.items() if value is not None})
        further = SharedMapping(values)
        self._values, self._nearer, self._changes = None, further, _apply(values, changes)
        return further

    def _present(self) -> dict[Key, Value]:
        way: list[SharedMapping[Key, Value]] = []
        present = self
        while present._nearer is not None:
            way.append(present)
            present = present._nearer
        values = present._values
        assert values is not None
        for version in reversed(way):
            present._values, present._nearer, present._changes = None, version, _apply(values, version._changes)
            version._values, version._nearer, version._changes = values, None, {}
            present = version
        return values

    def view(self) -> Mapping[Key, Value]:
        """The values as they are, right until another version is asked for anything."""
        return self._present()

    def keys(self) -> KeysView[Key]:
        """A view of the keys, right until another version is asked for anything."""
        return self._present().keys()

    def get(self, key: Key) -> Value | None:
        """The value of a key; None where it has none."""
        return self._present().get(key)

    def __contains__(self, key: object) -> bool:
        return key in self._present()

    def __iter__(self) -> Iterator[Key]:
        return iter(self._present())

    def __len__(self) -> int:
        return len(self._present())


def _apply(values: dict[Key, Value], changes: Mapping[Key, Value | None]) -> dict[Key, Value | None]:
    """Change values in place; returns the changes that undo it."""
    undo: dict[Key, Value | None] = {}
    for key, value in changes.items():
        undo[key] = values.pop(key, None) if value is None else values.get(key)
        if value is not None:
            values[key] = value
    return undo
