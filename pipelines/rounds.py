"""Rounds of reading layers: what fails in passing is tried again, and what one place does not have is read from another."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from catalog.errors import Retry
from catalog.receipts import FormerResult, LayerReceipt
from catalog.states import LayerOutcome
from cluster.errors import TaskLost
from cluster.session import Session
from pipelines.listing import MOST_PLACES, PendingImage
from pipelines.observer import Level, Observer
from tasks.layers.analysis import LayerTask

ROUNDS = 4
"""Rounds a layer gets within a run while its failures are transient."""
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    """A layer and the places where its bytes are said to lie.

    Args:
        task: the layer at the place that is tried next.
        others: the same layer at further places.
    """

    task: LayerTask
    others: tuple[LayerTask, ...] = ()

    def after(self, receipt: LayerReceipt, *, lost: bool) -> Site | None:
        """Where to try the layer next; None where it ended, well or for good.

        Args:
            receipt: how it ended at the present place.
            lost: with its worker, and not by what the place gave.
        """
        if receipt.retry is Retry.TRANSIENT:
            return self if lost or not self.others else Site(self.others[0], (*self.others[1:], self.task))
        elsewhere = receipt.outcome is LayerOutcome.FAILED and not receipt.verified and not lost
        # What is verified is broken everywhere.
        return Site(self.others[0], self.others[1:]) if elsewhere and self.others else None


def sites_of(images: Iterable[PendingImage], digests: frozenset[str]) -> dict[str, Site]:
    """Where some layers of some images lie, by the layers' digests, in the images' order.

    Args:
        images: which say where their layers lie.
        digests: of the layers.
    """
    sites: dict[str, Site] = {}
    for image in images:
        for locations in (image.locations, *image.elsewhere):
            for layer, location in zip(image.manifest.layers, locations, strict=True):
                if layer.digest not in digests:
                    continue
                task = LayerTask(digest=layer.digest, size=layer.size, location=location, notes=image.notes)
                site = sites.setdefault(layer.digest, Site(task))
                # An image may also be wrong about a layer's size, which no other has to pay for.
                known = {(each.location, each.size) for each in (site.task, *site.others)}
                if len(known) < MOST_PLACES and (task.location, task.size) not in known:
                    sites[layer.digest] = replace(site, others=(*site.others, task))
    return sites


def begun_from(site: Site, former: FormerResult | None) -> Site:
    """The same layer, to be begun from a former result of it wherever its bytes are read.

    Args:
        site: of the layer.
        former: the result; None for none.
    """
    return Site(replace(site.task, former=former), tuple(replace(task, former=former) for task in site.others))


@dataclass(slots=True)
class Round:
    """One round, and what it leaves for the next.

    Args:
        sites: the layers to read, by their digests.
        last: no round follows.
        again: those to try again.
        passing: how many of them failed in passing.
        pause: seconds that a server asked us to wait.
    """

    sites: dict[str, Site]
    last: bool
    again: list[Site] = field(default_factory=list)
    passing: int = 0
    pause: float = 0.0

    def ended(self, receipt: LayerReceipt, *, lost: bool) -> bool:
        """Whether a layer ended with this receipt; otherwise it is tried again.

        Args:
            receipt: of one of the round's layers.
            lost: its worker was lost.
        """
        site = None if self.last else self.sites[receipt.layer].after(receipt, lost=lost)
        if site is None:
            return True
        self.again.append(site)
        self.passing += receipt.retry is Retry.TRANSIENT
        self.pause = max(self.pause, receipt.retry_after or 0.0)
        return False


def in_rounds(sites: Iterable[Site], attempt: Callable[[Round], None], session: Session, observer: Observer) -> None:
    """Read layers until all of them ended, or the rounds are used up, or the session stops.

    Args:
        sites: the layers.
        attempt: reads the layers of a round and asks of each whether it ended.
        session: who works.
        observer: who watches.
    """
    for number in range(1, ROUNDS + 1):
        this = Round({site.task.digest: site for site in sites}, last=number == ROUNDS)
        attempt(this)
        sites = this.again
        if not sites or this.last or session.stopping:
            return
        if not this.passing:
            continue  # they are to be had elsewhere, and nobody has to be waited for
        seconds = min(_LONGEST_PAUSE_SECONDS, max(this.pause, _PAUSE_SECONDS * 2**number))
        what = f"{this.passing} layers failed in passing; trying again in {seconds:.0f} s"
        observer.event(what, level=Level.WARNING)
        _sleep(seconds * random.uniform(1.0, 1.25), session)  # noqa: S311 - jitter, no secret


def lost_layers(tasks: Sequence[LayerTask], loss: TaskLost) -> tuple[LayerReceipt, ...]:
    """The layers of a lost task as receipts: they failed, and say with what."""
    return tuple(
        LayerReceipt(
            layer=task.digest, outcome=LayerOutcome.FAILED, reason=loss.reason, detail=str(loss), retry=Retry.POISON
        )
        for task in tasks
    )


def _sleep(seconds: float, session: Session) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not session.stopping:
        time.sleep(0.1)
