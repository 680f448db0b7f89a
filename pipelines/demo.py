"""`longshore demo`: the main job on what is at hand, to see it work: this machine's packages and a small made fleet.

It lives in a home of its own, so that the sample advisories never take the place of real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from catalog.settings import Settings
from pipelines.advisories import import_advisories
from pipelines.models.show import Problem
from pipelines.observer import Observer
from pipelines.sample.fleet import write_sample_fleet
from pipelines.scan import scan
from pipelines.scan_options import ScanOptions
from pipelines.show import show
from pipelines.summary import ScanSummary


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did.

    Args:
        summary: of its scan.
        home: where its state lives.
        fleet: the OCI layout it made.
        tags: of the images in it.
        unread: what could not be read of this machine: other file systems, places without permission, broken evidence.
    """

    summary: ScanSummary
    home: Path
    fleet: Path
    tags: tuple[str, ...]
    unread: tuple[Problem, ...] = ()


def demo(settings: Settings, observer: Observer, *, machine: bool = True) -> DemoResult:
    """Write the sample fleet, import the sample advisories, and scan the fleet and this machine's root file system.

    Args:
        settings: whose home is the demo's own.
        observer: who watches.
        machine: this machine's `/` is scanned as well.

    Raises:
        LongshoreError: as `scan` and `import_advisories`.
        OSError: the home cannot be written.
    """
    fleet = settings.home / "sample-fleet"
    tags = write_sample_fleet(fleet)
    with as_file(files("pipelines.sample") / "advisories") as advisories:
        import_advisories(advisories, settings, observer)
    sources = (*(["rootfs:/"] if machine else []), f"oci:{fleet}")
    summary = scan(ScanOptions(sources=sources), settings, observer)
    unread = show("rootfs:/", settings).report.problems if machine else ()
    return DemoResult(summary, settings.home, fleet, tags, unread)
