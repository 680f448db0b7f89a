"""How a process comes to Ray and leaves it again: nothing of it stays in the environment, on the disk or on standard output."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import ray
import ray._private.ray_constants
import ray._raylet
from ray import LoggingConfig
from ray.job_config import JobConfig

from cluster.errors import ClusterError
from cluster.output import log_what_ray_prints
from cluster.scratch import scratch_directory

OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Shared memory of a cluster of our own: receipts are small, and Ray's own default takes a third of the memory."""

WORKERS_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 20),
}
"""What keeps a worker small, where nobody has set it otherwise: Arrow's memory from the C library, because its own allocator keeps
more than twice of what a worker has in use at a time; and large pieces given back at once (mallopt(3)): left alone, the C
library learns from each that is freed to keep more of them, up to 64 MiB."""

_KNOCK_SECONDS = 10.0


@contextmanager
def own_cluster(cpus: int | None) -> Iterator[None]:
    """Starts a cluster of this machine's own and ends it, all its processes included.

    Args:
        cpus: CPUs for tasks; None for those this machine (or its cgroup) grants.

    Raises:
        ClusterError: it does not start.
    """
    with _environment(_TOKEN_NAMES), _loopback(), scratch_directory() as directory, log_what_ray_prints():
        with _initialising("local", "is there room in memory and on the disk for temporary files?"):
            ray.init(
                address="local",
                num_cpus=cpus,
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=False,
                logging_level=logging.ERROR,
                job_config=_job(),
                _temp_dir=str(directory),
            )
        try:
            yield
        finally:
            ray.shutdown(wait_for_processes=True)


@contextmanager
def cluster_at(address: str) -> Iterator[None]:
    """Connects to a cluster that is there already, and leaves it as it was.

    Args:
        address: `host:port` of its head, or `auto` for one on this machine.

    Raises:
        ClusterError: it does not answer, or is of another Ray or Python version.
    """
    if "://" in address:
        raise ClusterError(
            "this is no address of a Ray head", where=address, advice="give host:port, or submit the run as a Ray job"
        )
    _knock(address)
    with _environment(()), log_what_ray_prints():
        with _initialising(address, "is it running, and of the same Ray and Python version?"):
            ray.init(address=address, logging_level=logging.ERROR, job_config=_job())
        try:
            yield
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself would try an address where nobody listens for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Ray cluster answers ({error})", where=address, advice="is its head running?") from error


def _job() -> JobConfig:
    """Workers log from INFO on; Ray would drop that, and set up this process's own logging too if asked the usual way."""
    job = JobConfig()
    job.set_py_logging_config(LoggingConfig(encoding="TEXT", log_level="INFO"))
    return job


@contextmanager
def _initialising(address: str, advice: str) -> Iterator[None]:
    """Around `ray.init`: its failures in our words, and SIGTERM given back to whom it belonged, for Ray takes it unasked."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM) if main else None
    try:
        yield
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        ray.shutdown()
        told = str(error).strip() or type(error).__name__
        raise ClusterError(
            f"cannot connect to Ray: {told.splitlines()[0][:300]}", where=address, advice=advice
        ) from error
    finally:
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)


_SET_BY_RAY = ("RAY_AUTH_MODE", "PYTHONBREAKPOINT")
_NO_OTHER_MACHINES = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_TOKEN_NAMES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


@cache
def _token() -> str:
    """One token for all clusters that this process starts."""
    return secrets.token_hex(32)


@contextmanager
def _loopback() -> Iterator[None]:
    """Where Ray knows that no other machine comes, its processes listen on loopback only, and on every interface elsewhere.

    It takes that from the platform (no clusters on Windows and macOS), or from a variable, read once in each process: those
    that it starts find the variable, this one has read it already. `ray.init` with a loopback address would not do.
    """
    constants: Any = ray._private.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _environment(tokens: tuple[str, ...]) -> Iterator[None]:
    """What Ray reads from the environment, as it was again afterwards.

    No usage statistics, and memory as `WORKERS_MEMORY` has it. A cluster of our own expects no other machine (`_loopback`), and
    asks for a token; given here, Ray need not write one to the home directory.
    """
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        **{name: os.environ.get(name, value) for name, value in WORKERS_MEMORY.items()},
    }
    if tokens:
        wanted[_NO_OTHER_MACHINES] = "0"
    if tokens and not any(name in os.environ for name in tokens):
        wanted[tokens[0]] = _token()
    before = {name: os.environ.get(name) for name in (*wanted, *_SET_BY_RAY)}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        # Ray keeps the mode and the token for the process; with them left, a next cluster that asks for none would wait for ever
        # for workers that cannot show one.
        internals: Any = ray._raylet
        internals.Config.initialize("")
        internals.AuthenticationTokenLoader.instance().reset_cache()
