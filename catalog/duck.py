"""DuckDB sessions: bounded in memory and threads, and deaf to the network."""

from __future__ import annotations

from pathlib import Path

import duckdb


def open_session(
    *, memory_limit_bytes: int = 1 << 30, threads: int = 1, temp_dir: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB.

    It reads and writes local files (Parquet), loads and installs no extension by itself, and so reaches no network.

    Args:
        memory_limit_bytes: what it may hold in memory; more is spilled to `temp_dir`.
        threads: how many it may use.
        temp_dir: where it spills; None: nowhere, and a query that needs more memory fails.

    Raises:
        ValueError: a limit below one.
    """
    if memory_limit_bytes < 1 or threads < 1:
        raise ValueError("a session needs at least one byte and one thread")
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_limit_bytes}B",
            "threads": threads,
            "temp_directory": "" if temp_dir is None else str(temp_dir),
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "allow_community_extensions": False,
            # Bytes compare as bytes and text as UTF-8 bytes: the order of the archive's keys and of version keys.
            "default_collation": "",
        },
    )
