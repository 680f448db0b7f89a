"""Node groups: which nodes serve which kind of task.

A node belongs to a group by the label `longshore/group=<name>`. A cluster of which no node carries that label (one machine,
a cluster made for something else) has no groups: every node serves everything. Ray itself leaves a task that no node fits
pending for ever and silently, so whether a group can be served is asked first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cluster.errors import NoSuchNodeGroup

Group = Literal["analyzer", "core"]
"""The groups there are: analysers read layers, core tasks compose and match."""

GROUP_LABEL = "longshore/group"
"""The node label that names a node's group."""


@dataclass(frozen=True, slots=True)
class Node:
    """A live node, as far as placement cares.

    Args:
        node_id: Ray's hexadecimal id.
        group: its group, empty where it carries no label.
        cpus: CPUs it offers to tasks.
        host: name of the machine it runs on.
    """

    node_id: str
    group: str
    cpus: int
    host: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a group's tasks go.

    Args:
        selector: Ray's `label_selector`, empty where any node serves.
        slots: tasks of one CPU that run there at a time, at least 1.
    """

    selector: tuple[tuple[str, str], ...]
    slots: int


def place(group: Group, nodes: Iterable[Node]) -> Placement:
    """Says where a group's tasks go on these nodes.

    Raises:
        NoSuchNodeGroup: the nodes are grouped and none with a CPU is in this group, or there is no CPU at all.
    """
    nodes = list(nodes)
    grouped = any(node.group for node in nodes)
    slots = sum(node.cpus for node in nodes if not grouped or node.group == group)
    if slots >= 1:
        return Placement(selector=((GROUP_LABEL, group),) if grouped else (), slots=slots)
    if grouped:
        raise NoSuchNodeGroup(
            f"no live node with a CPU carries the label {GROUP_LABEL}={group}",
            advice=f'start one with --labels "{GROUP_LABEL}={group}", or label no node at all',
        )
    raise NoSuchNodeGroup("no live node offers a CPU to tasks", advice="add a node, or give the head some CPUs")
