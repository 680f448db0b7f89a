"""HTTP."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """How registries are spoken to: what a task is told. Holds no secret; credentials are found on the node that reads.

    Args:
        insecure: hosts (`name` or `name:port`) that may be spoken to in plain HTTP; loopback always may.
        ca_file: PEM file of authorities trusted beside the system's.
        docker_config: Docker's configuration file or its directory; None for where Docker looks.
        timeout_seconds: seconds without a byte until a request is given up.
        retries: further tries after a passing failure.
        backoff_seconds: pause before the first of them; it doubles each time, with jitter.
        longest_wait_seconds: a server that asks for a longer pause than this is left to the caller.
        concurrency: requests in flight while references are listed.
    """

    insecure: tuple[str, ...] = ()
    ca_file: str | None = None
    docker_config: str | None = None
    timeout_seconds: float = 60.0
    retries: int = 4
    backoff_seconds: float = 0.5
    longest_wait_seconds: float = 30.0
    concurrency: int = 8
