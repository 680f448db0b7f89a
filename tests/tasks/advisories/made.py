"""OSV records made for tests, and files that hold them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

Event = dict[str, str]
Record = dict[str, object]


def affected(ecosystem: str, name: str, *ranges: list[Event], kind: str = "ECOSYSTEM", **more: object) -> Record:
    """One entry of `affected`."""
    entry: Record = {"package": {"ecosystem": ecosystem, "name": name}}
    if ranges:
        entry["ranges"] = [{"type": kind, "events": events} for events in ranges]
    return entry | more


def span(introduced: str = "0", fixed: str = "", last_affected: str = "") -> list[Event]:
    """The events of one interval."""
    events = [{"introduced": introduced}]
    if fixed:
        events.append({"fixed": fixed})
    if last_affected:
        events.append({"last_affected": last_affected})
    return events


def record(identity: str, *entries: Record, **more: object) -> Record:
    """A record."""
    return {
        "schema_version": "1.7.0",
        "id": identity,
        "modified": "2024-05-01T00:00:00Z",
        "affected": list(entries),
    } | more


def data(made: Record) -> bytes:
    """A record's JSON."""
    return json.dumps(made).encode()


def write_zip(path: Path, records: Iterable[Record | tuple[str, bytes]]) -> Path:
    """A zip file of records, or of (name, bytes)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in records:
            name, content = one if isinstance(one, tuple) else (f"{one['id']}.json", data(one))
            archive.writestr(name, content)
    return path
