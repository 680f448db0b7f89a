"""Tables of packages as the active set hands them out."""

from __future__ import annotations

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("package", pa.int32()), ("platform", pa.int32()), ("distribution", pa.string()), ("distribution_version", pa.string()),
        ("type", pa.string()), ("namespace", pa.string()), ("name", pa.string()), ("version", pa.string()), ("epoch", pa.int32()),
        ("architecture", pa.string()), ("source_name", pa.string()), ("source_version", pa.string()), ("module", pa.string()),
        ("qualifiers", pa.string()),
    ]
)  # fmt: skip

BOOKWORM = {"platform": 1, "distribution": "debian", "distribution_version": "12"}
ALPINE = {"platform": 2, "distribution": "alpine", "distribution_version": "3.19.1"}
JAMMY = {"platform": 3, "distribution": "ubuntu", "distribution_version": "22.04"}


def packages(*rows: dict[str, object]) -> pa.Table:
    """Packages, numbered from 1; what a row does not say is empty, as Postgres gives it."""
    empty: dict[str, object] = dict.fromkeys(SCHEMA.names, "") | {"platform": 0, "epoch": None}
    return pa.Table.from_pylist(
        [empty | {"package": number} | row for number, row in enumerate(rows, 1)], schema=SCHEMA
    )


def deb(name: str, version: str, source: str = "", source_version: str = "", **more: object) -> dict[str, object]:
    """A package of Debian 12."""
    return (
        BOOKWORM
        | {"type": "deb", "name": name, "version": version, "source_name": source, "source_version": source_version}
        | more
    )


def language(kind: str, name: str, version: str, namespace: str = "") -> dict[str, object]:
    """A language package."""
    return {"type": kind, "name": name, "version": version, "namespace": namespace}
