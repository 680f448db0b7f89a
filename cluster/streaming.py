"""The bounded flow of tasks: batches in, results out as they end, never more in flight than the cluster can soon run.

A batch is pulled from its iterable only when there is room for it, so a listing of millions costs no memory here. It comes
back with what the function returned, or with a `TaskLost`: losing a task is a value, because the rest must go on. An
exception that the function itself raises is neither: it is a mistake or a failure that concerns the whole run, is raised to
whoever reads the stream, and is never tried again.

How a loss is treated:

- A crash, memory running out, or the deadline is taken for the batch's own fault. A batch that can be halved is halved at
  once, until the item at fault is alone; one that cannot is tried `max_attempts` times and then given back as lost.
- A node that went away is the cluster's fault. The batch is tried again whole, up to three times as often.

Each task is a generator that first says it has begun and then gives its result. Ray has no time-out for tasks, and one that
waits behind others must not lose its time doing so: the deadline runs from that first word.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import ray
from ray import ObjectRefGenerator
from ray.exceptions import RayError, RayTaskError

from cluster.errors import ClusterError, DeadlinePassed, NodeLost, TaskLost
from cluster.groups import Placement
from cluster.losses import explain, kind_of_loss

B = TypeVar("B")
R = TypeVar("R")

IN_FLIGHT_PER_SLOT = 2
"""One task runs and one waits, so that no slot is idle while the driver looks away; more would only cost memory."""

NODE_LOSSES_PER_ATTEMPT = 3
"""How many times more often than by its own fault a batch may be lost with its node."""

_GLANCE_SECONDS = 0.25
"""The longest the driver waits without looking at deadlines and the wish to stop."""


@dataclass(frozen=True, slots=True)
class FlowRules:
    """How a stream treats time and loss.

    Args:
        deadline_seconds: how long one attempt may run.
        max_attempts: how often a batch that cannot be halved may be lost by its own fault.
        stop_grace_seconds: once stopping, how long tasks that run already may take to end.
    """

    deadline_seconds: float
    max_attempts: int = 3
    stop_grace_seconds: float = 1.5


@dataclass(slots=True)
class _Work(Generic[B]):
    """A batch and how often it was lost so far."""

    batch: B
    losses: int = 0
    node_losses: int = 0


@dataclass(slots=True)
class _Flight(Generic[B]):
    """One attempt that Ray holds; `began` is this process's monotonic clock, None until the task said so."""

    work: _Work[B]
    began: float | None = None


def attempt(function: Callable[[B], R], batch: B) -> Iterator[R | None]:
    """What a worker runs: says that it has begun, then gives the result."""
    yield None
    yield function(batch)


def halves(batch: Sequence[B]) -> tuple[Sequence[B], ...]:
    """Cuts a batch in two, the way a lost one is bisected; one item or none cannot be cut and comes back alone."""
    middle = len(batch) // 2
    return (batch[:middle], batch[middle:]) if middle else (batch,)


class Flow(Generic[B, R]):
    """One stream while it runs; `results()` is its whole use.

    Args:
        function: a plain function of one batch, importable by name on the workers.
        batches: where batches come from, pulled as room allows.
        placement: asked again and again, because nodes come and go.
        rules: deadlines and attempts.
        split: parts of a batch, one part where it cannot be halved; None where batches are indivisible.
        stopping: true once no more may be begun.
    """

    def __init__(
        self,
        function: Callable[[B], R],
        batches: Iterable[B],
        *,
        placement: Callable[[], Placement],
        rules: FlowRules,
        split: Callable[[B], Sequence[B]] | None,
        stopping: Callable[[], bool],
    ) -> None:
        self._function = function
        self._source = iter(batches)
        self._exhausted = False
        self._again: deque[_Work[B]] = deque()
        self._placement = placement
        self._rules = rules
        self._split = split
        self._stopping = stopping
        self._stopped_at: float | None = None
        self._flights: dict[ObjectRefGenerator, _Flight[B]] = {}
        self._remote: Any = ray.remote(attempt)
        # Retries are ours to count, and without task events the cluster's memory does not grow with every task.
        self._options: dict[str, Any] = {
            "num_cpus": 1,
            "num_returns": "streaming",
            "max_retries": 0,
            "enable_task_events": False,
            "name": getattr(getattr(function, "func", function), "__name__", "task"),  # also of a partial function
        }

    def results(self) -> Iterator[tuple[B, R | TaskLost]]:
        """Runs the flow; closing the iterator early cancels what is in flight.

        Yields:
            Each batch, or part of one, exactly once, with its result or its loss; nothing for what a stop cut off.

        Raises:
            ClusterError: Ray cannot go on.
            Exception: whatever the function raised.
        """
        try:
            self._fill()
            while self._flights and not self._out_of_grace():
                for generator in self._wait(list(self._flights), _GLANCE_SECONDS):
                    yield from self._advance(generator)
                    self._fill()
                yield from self._expire()
                self._fill()
        finally:
            for generator in self._flights:
                ray.cancel(generator, force=True)
            self._flights.clear()

    def _fill(self) -> None:
        """Begins as much as there is room for: first what must be tried again, then what comes next."""
        if self._stopping():
            return
        room = IN_FLIGHT_PER_SLOT * self._placement().slots
        while len(self._flights) < room and (work := self._next()) is not None:
            self._begin(work)

    def _next(self) -> _Work[B] | None:
        if self._again:
            return self._again.popleft()
        if not self._exhausted:
            for batch in self._source:
                return _Work(batch)
            self._exhausted = True
        return None

    def _begin(self, work: _Work[B]) -> None:
        selector = dict(self._placement().selector)
        task = self._remote.options(**self._options, label_selector=selector or None)
        self._flights[task.remote(self._function, work.batch)] = _Flight(work)

    def _out_of_grace(self) -> bool:
        if not self._stopping():
            return False
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        return time.monotonic() > self._stopped_at + self._rules.stop_grace_seconds

    def _wait(self, generators: list[ObjectRefGenerator], seconds: float) -> list[ObjectRefGenerator]:
        """Those that have something to say: all that do now, else the first one to within these seconds."""
        try:
            ready, _ = ray.wait(generators, num_returns=len(generators), timeout=0)
            if not ready and seconds:
                ready, _ = ray.wait(generators, num_returns=1, timeout=seconds)
        except RayError as error:
            raise ClusterError("the Ray cluster went away", advice="see its logs, then run the same again") from error
        return list(ready)

    def _advance(self, generator: ObjectRefGenerator) -> Iterator[tuple[B, R | TaskLost]]:
        flight = self._flights[generator]
        try:
            word: Any = ray.get(next(generator))
        except RayError as error:
            del self._flights[generator]
            yield from self._lost(flight.work, error)
            return
        if flight.began is None:
            flight.began = time.monotonic()
            return
        del self._flights[generator]
        yield flight.work.batch, word

    def _expire(self) -> Iterator[tuple[B, TaskLost]]:
        """Ends what ran too long, unless it ended by itself while nobody looked."""
        latest = time.monotonic() - self._rules.deadline_seconds
        overdue = [g for g, flight in self._flights.items() if flight.began is not None and flight.began < latest]
        finished = set(self._wait(overdue, 0)) if overdue else set()
        for generator in overdue:
            if generator in finished:
                continue
            ray.cancel(generator, force=True)
            work = self._flights.pop(generator).work
            yield from self._again_or_lost(
                work, DeadlinePassed, f"it ran longer than {self._rules.deadline_seconds:g} s"
            )

    def _lost(self, work: _Work[B], error: RayError) -> Iterator[tuple[B, TaskLost]]:
        kind = kind_of_loss(error)
        if kind is not None:
            yield from self._again_or_lost(work, kind, explain(error))
        elif isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
            # Its own exception, and Ray's as the cause, which carries the traceback of the worker.
            raise error.cause from error
        else:
            raise ClusterError(f"Ray could not run a task: {explain(error)}") from error

    def _again_or_lost(self, work: _Work[B], kind: type[TaskLost], why: str) -> Iterator[tuple[B, TaskLost]]:
        rules = self._rules
        if kind is NodeLost:
            work.node_losses += 1
            given_up = work.node_losses >= rules.max_attempts * NODE_LOSSES_PER_ATTEMPT
        else:
            work.losses += 1
            parts = self._split(work.batch) if self._split else ()
            if len(parts) > 1:
                self._again.extend(_Work(part) for part in parts)
                return
            given_up = work.losses >= rules.max_attempts
        if given_up:
            times = work.losses + work.node_losses
            yield work.batch, kind(f"lost after {times} attempt{'s' if times > 1 else ''}: {why}")
        else:
            self._again.append(work)
