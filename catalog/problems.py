"""What could not be read, as a value: a problem is recorded beside what was found and never stops the work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be read.

    Args:
        path: where in the layer or tree, written as `catalog.schemas` says; empty for the whole.
        analyser: name of the analyser that wanted it, empty where none is to blame.
        reason: a short stable word, such as an error's `reason`.
        detail: one line for a person.
        partial: evidence may be missing because of it, so the image is at best partial; otherwise a mere note.
    """

    path: str
    analyser: str
    reason: str
    detail: str = ""
    partial: bool = True
