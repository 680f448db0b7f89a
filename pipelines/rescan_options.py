"""What a person can ask of a rescan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RescanOptions:
    """The wishes of one rescan.

    Args:
        reanalyse: also bring layers that other analysers read to those of now; without it only advisories are applied.
        sources: registries, repositories, references or local sources whose images are brought there; empty for all.
        insecure: registry hosts that may be spoken to without TLS, besides the settings' and loopback.
        ca_file: certificates (PEM) to trust for registries, over the settings' file; None for the settings'.
        address: the Ray cluster's address; None for the settings', and a local session where those name none.
        retry: permanent failures of earlier runs are tried again.
        cpus: CPUs of a local Ray session; None for all.
    """

    reanalyse: bool = False
    sources: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_file: Path | None = None
    address: str | None = None
    retry: bool = False
    cpus: int | None = None
