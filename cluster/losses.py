"""Tells what became of a task that did not return: was it lost, and how, or did its function raise?"""

from __future__ import annotations

from ray import exceptions

from cluster.errors import NodeLost, OutOfMemory, TaskLost, WorkerCrashed

_NODE_GONE = (exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.LocalRayletDiedError)
_WORKER_GONE = (exceptions.WorkerCrashedError, exceptions.TaskCancelledError)


def kind_of_loss(error: exceptions.RayError) -> type[TaskLost] | None:
    """Says how a task was lost; None where it was not: its function raised, or Ray itself cannot go on.

    A `MemoryError` in the function is a loss as well: alone on its worker, or on a larger node, the same work may pass.
    """
    if isinstance(error, exceptions.OutOfMemoryError):
        return OutOfMemory
    if isinstance(error, exceptions.RayTaskError):
        return OutOfMemory if isinstance(error.cause, MemoryError) else None
    if isinstance(error, _NODE_GONE):
        return NodeLost
    if isinstance(error, _WORKER_GONE):
        return WorkerCrashed
    return None


def explain(error: exceptions.RayError) -> str:
    """Ray's account on one line: its first sentence, enough to search the logs by."""
    if isinstance(error, exceptions.RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".removesuffix(": ")
    text = " ".join(str(error).split())
    return text.split(". ", 1)[0][:200]
