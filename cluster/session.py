"""The connection to Ray: a cluster of this machine's own for as long as a run needs it, or one that is there already.

    with start_session() as session:
        for batch, result in session.stream(analyse, batches, group="analyzer", deadline_seconds=600):
            ...

A session of this machine's own leaves nothing behind: its processes end with it, its directory is removed, and nobody else
on the network can use it (a token made for it, held in memory only).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import ray

from cluster.connection import cluster_at, own_cluster
from cluster.errors import ClusterError, NoSuchNodeGroup, TaskLost
from cluster.groups import GROUP_LABEL, Group, Node, Placement, place
from cluster.streaming import Flow, FlowRules

B = TypeVar("B")
R = TypeVar("R")

_MEMBERSHIP_SECONDS = 3.0
"""How old what is known of the cluster's nodes may be."""


class Session:
    """A cluster that can be given work.

    Args:
        address: where it is, `local` for this machine's own.
        group_grace_seconds: how long a group may be without any node, mid-run, before that is an error: nodes get replaced.
    """

    def __init__(self, address: str, *, group_grace_seconds: float = 120.0) -> None:
        self.address = address
        self._group_grace_seconds = group_grace_seconds
        self._stopping = False
        self._nodes: list[Node] = []
        self._nodes_at = float("-inf")

    @property
    def stopping(self) -> bool:
        """True once `stop` was called."""
        return self._stopping

    def stop(self) -> None:
        """Asks every stream to begin nothing more, to yield what ends within its grace, and to end.

        Safe in a signal handler: it only sets a flag.
        """
        self._stopping = True

    def nodes(self) -> list[Node]:
        """The live nodes, as of at most three seconds ago.

        Raises:
            ClusterError: the cluster does not answer.
        """
        now = time.monotonic()
        if now - self._nodes_at > _MEMBERSHIP_SECONDS:
            self._nodes = _live_nodes()
            self._nodes_at = now
        return self._nodes

    def elsewhere(self) -> list[str]:
        """Names of the machines, other than this one, that nodes run on: what lies here is not there.

        Raises:
            ClusterError: the cluster does not answer.
        """
        here = socket.gethostname()
        return sorted({node.host for node in self.nodes() if node.host and node.host != here})

    def slots(self, group: Group) -> int:
        """How many tasks of this group run at a time.

        Raises:
            NoSuchNodeGroup: none can.
        """
        return place(group, self.nodes()).slots

    def stream(
        self,
        function: Callable[[B], R],
        batches: Iterable[B],
        *,
        group: Group,
        deadline_seconds: float,
        max_attempts: int = 3,
        split: Callable[[B], Sequence[B]] | None = None,
    ) -> Iterator[tuple[B, R | TaskLost]]:
        """Runs a function over batches on a group's nodes, bounded, in whatever order they end.

        Args:
            function: a plain function of one batch that the workers can import; it returns what is small enough to send back.
            batches: pulled as room allows, at most twice the group's CPUs ahead.
            group: whose nodes serve.
            deadline_seconds: how long one attempt may run, waiting not counted.
            max_attempts: how often a batch may be lost by its own fault before it is given back as lost.
            split: halves a batch, so that a lost one is bisected until the item at fault is alone; then only parts of the
                batch come back. Without it the batch is tried again whole.

        Yields:
            Each batch (or part) once, with its result or a `TaskLost`. After `stop`, only what ended in time.

        Raises:
            NoSuchNodeGroup: no node serves the group, from the start or for longer than the grace.
            ClusterError: Ray cannot go on.
            Exception: whatever the function raised.
        """
        rules = FlowRules(deadline_seconds=deadline_seconds, max_attempts=max_attempts)
        placement = self._steady_placement(group)
        flow = Flow(function, batches, placement=placement, rules=rules, split=split, stopping=lambda: self._stopping)
        return flow.results()

    def _steady_placement(self, group: Group) -> Callable[[], Placement]:
        """A placement that outlives a moment without nodes: their replacements get the grace to come."""
        last = place(group, self.nodes())
        seen = time.monotonic()

        def placement() -> Placement:
            nonlocal last, seen
            try:
                last = place(group, self.nodes())
                seen = time.monotonic()
            except NoSuchNodeGroup:
                if time.monotonic() - seen > self._group_grace_seconds:
                    raise
            return last

        return placement


@contextmanager
def start_session(
    address: str | None = None, *, cpus: int | None = None, group_grace_seconds: float = 120.0
) -> Iterator[Session]:
    """Connects to a cluster, or starts one of this machine's own (about five seconds, half a gigabyte).

    A process that is connected to Ray already (a notebook) keeps and lends its connection.

    Args:
        address: `host:port` of a cluster's head, `auto` for one that runs on this machine; None or `local` for our own.
        cpus: CPUs of our own cluster; None for those this machine grants. Says nothing of a cluster that is there already.
        group_grace_seconds: how long a node group may be empty mid-run.

    Raises:
        ClusterError: no cluster answers there, or none can be started here.
    """
    where = address or "local"
    session = Session(where, group_grace_seconds=group_grace_seconds)
    if ray.is_initialized():
        yield session
    elif where == "local":
        with own_cluster(cpus):
            yield session
    else:
        with cluster_at(where):
            yield session


def _live_nodes() -> list[Node]:
    try:
        rows: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    except (RuntimeError, ray.exceptions.RayError) as error:
        raise ClusterError("the Ray cluster does not answer", advice="see its logs, then run the same again") from error
    return [
        Node(
            node_id=row["NodeID"],
            group=row["Labels"].get(GROUP_LABEL, ""),
            cpus=int(row["Resources"].get("CPU", 0)),
            host=row["NodeManagerHostname"],
        )
        for row in rows
        if row["Alive"]
    ]
