"""Composition: an image's packages from its layers' records, nothing unpacked.

`batch` says what is given, `compose` does the work; in between `records` reads layers, `apply` lays them over each other on
the small `tree` that is worth remembering, `state` compares before and after, `chains` shares what images have in common.
`replay` goes the way back, from written deltas to what an image has.
"""

from tasks.composition.batch import CompositionBatch, ImageTask, LayerRecord, Supplement
from tasks.composition.chains import chain_ids
from tasks.composition.compose import compose_images
from tasks.composition.replay import live_occurrences

__all__ = [
    "CompositionBatch",
    "ImageTask",
    "LayerRecord",
    "Supplement",
    "chain_ids",
    "compose_images",
    "live_occurrences",
]
