"""What can go wrong with a cluster. A tree of its own: this room knows nothing of images, and imports nothing else of ours.

ClusterError
├── NoSuchNodeGroup
└── TaskLost             its worker went away under it: the item may be poison
├── WorkerCrashed
├── OutOfMemory
├── DeadlinePassed
└── NodeLost
"""

from __future__ import annotations

from typing import ClassVar


class ClusterError(Exception):
    """Ray cannot do what was asked.

    Args:
        what: what went wrong, a sentence without a full stop.
        where: the address or node it concerns; empty when `what` says it.
        advice: what to do next; empty when there is nothing to do.
    """

    reason: ClassVar[str] = "cluster"

    def __init__(self, what: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return " ".join((f"{line}; {self.advice}" if self.advice else line).split())


class NoSuchNodeGroup(ClusterError):
    """No node carries the label that a task needs."""

    reason = "no-such-node-group"


class TaskLost(ClusterError):
    """A task took its worker down, or ran past its deadline."""

    reason = "task-lost"


class WorkerCrashed(TaskLost):
    """The worker process ended while it ran the task."""

    reason = "worker-crashed"


class OutOfMemory(TaskLost):
    """The task was ended because memory ran out."""

    reason = "out-of-memory"


class DeadlinePassed(TaskLost):
    """The task ran longer than it may, and was ended."""

    reason = "deadline-passed"


class NodeLost(TaskLost):
    """The task's node went away, more often than chance explains."""

    reason = "node-lost"
