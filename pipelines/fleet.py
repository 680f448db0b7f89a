"""`longshore images`, `status` and `runs`: questions about the fleet as a whole, answered from the active set alone."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.active.fleet import ImageFilter, ImageOrder, fleet_status, list_images
from catalog.active.runs import list_runs
from catalog.active.views import FleetStatus, ImageLine, RunRecord
from catalog.settings import Settings
from pipelines.workspace import open_workspace

DEFAULT_IMAGES = 100
"""Images a listing shows unless told otherwise."""
DEFAULT_RUNS = 20
"""Runs a listing shows unless told otherwise."""


@dataclass(frozen=True, slots=True)
class ImageListing:
    """Some of the fleet's images.

    Args:
        lines: the first ones.
        more: there are more than the limit let through.
    """

    lines: tuple[ImageLine, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class RunListing:
    """Some of the runs, newest first.

    Args:
        runs: the latest ones.
        more: there are older ones.
    """

    runs: tuple[RunRecord, ...]
    more: bool


def images(
    settings: Settings,
    wanted: ImageFilter = ImageFilter(),  # noqa: B008 - frozen
    *,
    order: ImageOrder = ImageOrder.REFERENCE,
    limit: int | None = DEFAULT_IMAGES,
) -> ImageListing:
    """List images.

    Args:
        settings: where everything is.
        wanted: which ones.
        order: how they are sorted.
        limit: how many at most; None for all.

    Raises:
        ActiveSetError: Postgres cannot be asked.
    """
    with open_workspace(settings, writes=False) as workspace:
        asked = None if limit is None else limit + 1
        found = tuple(list_images(workspace.database, wanted, limit=asked, order=order))
    return ImageListing(found[:limit], more=limit is not None and len(found) > limit)


def status(settings: Settings) -> FleetStatus:
    """The whole fleet in numbers.

    Raises:
        ActiveSetError: Postgres cannot be asked.
    """
    with open_workspace(settings, writes=False) as workspace, workspace.database.transaction() as tx:
        return fleet_status(tx)


def runs(settings: Settings, *, limit: int = DEFAULT_RUNS) -> RunListing:
    """List runs, newest first.

    Args:
        settings: where everything is.
        limit: how many at most.

    Raises:
        ActiveSetError: Postgres cannot be asked.
    """
    with open_workspace(settings, writes=False) as workspace, workspace.database.transaction() as tx:
        found = tuple(list_runs(tx, limit=limit + 1))
    return RunListing(found[:limit], more=len(found) > limit)
