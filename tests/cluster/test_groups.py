from __future__ import annotations

import pytest

from cluster.errors import NoSuchNodeGroup
from cluster.groups import GROUP_LABEL, Node, place


def test_nodes_without_labels_serve_every_group() -> None:
    nodes = [Node("a", "", 2), Node("b", "", 3)]
    for group in ("analyzer", "core"):
        placed = place(group, nodes)
        assert (placed.selector, placed.slots) == ((), 5)


def test_a_grouped_cluster_counts_only_the_group_itself() -> None:
    placed = place("analyzer", [Node("a", "analyzer", 4), Node("b", "core", 8), Node("head", "", 16)])
    assert (placed.selector, placed.slots) == (((GROUP_LABEL, "analyzer"),), 4)


def test_a_group_that_no_node_carries_is_refused_with_its_label() -> None:
    with pytest.raises(NoSuchNodeGroup, match="longshore/group=core"):
        place("core", [Node("a", "analyzer", 4)])


def test_a_group_whose_nodes_offer_no_cpu_is_refused() -> None:
    with pytest.raises(NoSuchNodeGroup):
        place("core", [Node("a", "core", 0), Node("b", "analyzer", 1)])


def test_a_cluster_without_any_cpu_is_refused() -> None:
    with pytest.raises(NoSuchNodeGroup, match="offers a CPU"):
        place("core", [Node("head", "", 0)])
