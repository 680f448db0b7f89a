"""Analysers: each reads one kind of evidence. `interface` says what one is, `selection` which ones run."""

from tasks.analyzers.selection import DEFAULT, FingerprintSet, Selection, wants

__all__ = ["DEFAULT", "FingerprintSet", "Selection", "wants"]
