"""What a person can ask of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """The wishes of one scan; what holds for every run (archive, database, limits) stands in the settings.

    Args:
        sources: image sources as the command line takes them, `@FILE` lists included, at least one.
        platforms: wanted platforms as `os/architecture[/variant]`; empty for all.
        insecure: registry hosts that may be spoken to without TLS, besides the settings' and loopback.
        ca_file: certificates (PEM) to trust for registries, over the settings' file; None for the settings'.
        address: the Ray cluster's address; None for the settings', and a local session where those name none.
        retry: permanent failures of earlier runs are tried again.
        cpus: CPUs of a local Ray session; None for all.
        lines: image lines the summary holds at most, worst first.
    """

    sources: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_file: Path | None = None
    address: str | None = None
    retry: bool = False
    cpus: int | None = None
    lines: int = 200
