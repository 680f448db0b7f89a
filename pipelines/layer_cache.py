"""`longshore cache`: the layers that this machine keeps, so that reading one again costs no network."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.receipts import LayerReceipt
from catalog.settings import LayerCacheLocation, Settings
from pipelines.observer import Level, Observer
from tasks.layer_cache.directory import CacheUsage, Cleared, LayerCache


@dataclass(frozen=True, slots=True)
class CacheState:
    """The cache of layers of this machine.

    Args:
        location: where it is and its cap; None where the settings want none.
        usage: what it holds.
    """

    location: LayerCacheLocation | None
    usage: CacheUsage = field(default_factory=CacheUsage)


def cache_status(settings: Settings) -> CacheState:
    """What this machine's cache holds, whether a scan runs or not.

    Args:
        settings: where it is.

    Raises:
        StoreError: the directory cannot be read.
    """
    location = settings.layer_cache(settings.ray_address)
    return CacheState(None) if location is None else CacheState(location, LayerCache(location).usage())


def clear_cache(settings: Settings) -> Cleared:
    """Empty this machine's cache. Safe while a scan runs: what its workers use at this moment stays.

    Args:
        settings: where it is.

    Raises:
        StoreError: the directory is not ours, or cannot be written.
    """
    location = settings.layer_cache(settings.ray_address)
    return Cleared() if location is None else LayerCache(location).clear()


def note_trouble(layer: LayerReceipt, known: set[str], observer: Observer) -> None:
    """Tell of a cache that cannot be used, once a run for each thing that is wrong.

    Args:
        layer: how a layer ended.
        known: what was told already; it is added to.
        observer: who is told.
    """
    if layer.cache_trouble and layer.cache_trouble not in known:
        known.add(layer.cache_trouble)
        what = f"a layer cache cannot be used, layers are read without it: {layer.cache_trouble}"
        observer.event(what, level=Level.WARNING)
