"""Real clusters of several nodes, on one machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from cluster.groups import GROUP_LABEL
from tests.cluster import work

ray.cloudpickle.register_pickle_by_value(work)


@contextmanager
def running_cluster(**head: Any) -> Iterator[Cluster]:
    """A head without CPUs, in a directory short enough for socket paths; Ray notes its address in its own folder."""
    Path("/tmp/ray").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="longshore-test-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(
            head_node_args={"num_cpus": 0, "include_dashboard": False, "temp_dir": folder, **head}, initialize_head=True
        )
        try:
            yield cluster
        finally:
            cluster.shutdown()


def add_node(cluster: Cluster, group: str | None, cpus: int = 1) -> Any:
    return cluster.add_node(num_cpus=cpus, labels={GROUP_LABEL: group} if group else {})


def kill_node(cluster: Cluster, node_id: str) -> None:
    """Ends a node as a power cut does: its raylet and all below it, at once, without a word."""
    node = next(node for node in cluster.worker_nodes if node.node_id == node_id)
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    for process in [*raylet.children(recursive=True), raylet]:
        process.kill()
    cluster.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="session")
def quiet_ray() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    yield


@pytest.fixture(scope="module")
def grouped(quiet_ray: None) -> Iterator[Cluster]:
    """A head that serves nothing, two analyser nodes and a core node of one CPU each."""
    with running_cluster() as cluster:
        for group in ("analyzer", "analyzer", "core"):
            add_node(cluster, group)
        yield cluster
