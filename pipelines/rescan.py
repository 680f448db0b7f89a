"""`longshore rescan`: what changed in the advisories, and on request in the analysers, applied to what is known.

    known images ─▶ what former rows tell of their layers ─▶ the rest resolved by digest ─▶ changed analysers read what they
                    no byte, nobody is asked                 through their own sources       may want ─▶ compose ─▶ judge

No source is listed: a rescan finds no new image. Without a request only judging is done, which asks no registry anything. An
image that cannot be had any more keeps its former result, and is told of by name and reason.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from catalog.active.former import KnownReference, known_references
from catalog.active.scanned import scanned_figures
from catalog.errors import NotFound, UsageError
from catalog.settings import Settings
from pipelines.journal import COMPLETED, INTERRUPTED, PARTIAL, OpenRun, recorded
from pipelines.judging import Judged, judge
from pipelines.known_images import KeptImage, KnownImages
from pipelines.listing import WAVE_IMAGES
from pipelines.observer import Level, Observer
from pipelines.rescan_options import RescanOptions
from pipelines.rescan_summary import RescannedLayers, RescanSummary
from pipelines.scan import NO_ADVISORIES, STOPPED, registry_access
from pipelines.scan_options import ScanOptions
from pipelines.scan_summary import outcome_counts
from pipelines.working import Work
from pipelines.workspace import Workspace, open_workspace
from tasks.sources.references import parse_source


def rescan(options: RescanOptions, settings: Settings, observer: Observer) -> RescanSummary:
    """Apply changed advisories to everything that is known, and changed analysers to the layers that need it.

    Running the same again goes on where a run ended, however it ended.

    Args:
        options: whether layers are looked at again, and whose.
        settings: where state lives, limits, the cluster.
        observer: who watches.

    Raises:
        UsageError: a source cannot be understood, or is given although no layer is to be looked at; nothing was done.
        NotFound: no image of the sources is known; nothing was done.
        ActiveSetError: Postgres failed; what was committed is kept.
        StoreError: the archive failed; what was committed is kept.
        ClusterError: Ray failed; what was committed is kept.
    """
    if options.sources and not options.reanalyse:
        raise UsageError(
            "advisories are applied to everything that is known",
            where=" ".join(options.sources),
            advice="leave the sources out, or add --reanalyse to look at their layers again",
        )
    wishes = ScanOptions(
        sources=tuple(parse_source(source).text for source in options.sources),
        insecure=options.insecure,
        ca_file=options.ca_file,
        address=options.address,
        retry=options.retry,
        cpus=options.cpus,
    )
    access = registry_access(wishes, settings)
    words = (*(("--reanalyse",) if options.reanalyse else ()), *options.sources)
    with open_workspace(settings) as workspace, recorded(workspace.database, "rescan", words) as opened:
        work = Work(workspace, opened.run, wishes, access, observer)
        run = _Run(work, options, wishes.sources, opened)
        with work.going_on():
            if options.reanalyse:
                run.reanalyse()
            return run.end()


class _Run:
    """One rescan while it runs."""

    def __init__(self, work: Work, options: RescanOptions, prefixes: Sequence[str], opened: OpenRun) -> None:
        self.work = work
        self.options = options
        self.opened = opened
        self._prefixes = prefixes
        self._kept: dict[str, KeptImage] = {}
        self._clock = time.monotonic()

    def reanalyse(self) -> None:
        """Bring the images to the present analysers, a wave at a time."""
        with self.work.workspace.database.transaction() as tx:
            chosen = None if self.options.retry else self.work.fingerprints.id
            references = known_references(tx, self._prefixes, fingerprint_set=chosen)
            if self._prefixes and not references and not known_references(tx, self._prefixes):
                raise NotFound(
                    "no image of these is known",
                    where=" ".join(self._prefixes),
                    advice="`longshore images` lists what is, `longshore scan` takes in what is not",
                )
        source = KnownImages(self.work.access, stopping=lambda: self.work.stopping)
        for wave in _waves(references):
            if self.work.stopping:
                return
            self._wave(wave, source)

    def _wave(self, references: Sequence[KnownReference], source: KnownImages) -> None:
        work = self.work
        left = set(work.renew(list(dict.fromkeys(image for each in references for image in each.images))))
        if not left or work.stopping:
            return
        asked = [each for each in references if not left.isdisjoint(each.images)]
        images, missing = source.resolve(asked, left)
        for kept in missing:
            self._keep(kept)
        work.analyse(images, former=frozenset(image for each in asked for image in each.known))
        for image in images:
            if (why := work.kept.get(image.manifest.digest)) is not None:
                self._keep(KeptImage(image.reference, image.manifest.digest, *why))

    def _keep(self, kept: KeptImage) -> None:
        self._kept[kept.image] = kept
        what = f"keeps what is known of it: {kept.detail or kept.reason}"
        self.work.observer.event(what, where=kept.reference, level=Level.WARNING)

    def end(self) -> RescanSummary:
        """Judge, add up, record the run."""
        work = self.work
        stopped = work.stopping
        judged = Judged() if stopped else judge(work.workspace, work.observer)
        notes = [*work.notes]
        notes += [] if judged.snapshot or stopped else [NO_ADVISORIES]
        notes += [STOPPED] if stopped else []
        summary = self._summary(work.workspace, judged, notes)
        whole = not (self._kept or summary.layers.failed or summary.outcomes.pending or stopped)
        self.opened.outcome = INTERRUPTED if stopped else COMPLETED if whole else PARTIAL
        self.opened.summary = _counters(summary)
        return summary

    def _summary(self, workspace: Workspace, judged: Judged, notes: list[str]) -> RescanSummary:
        with workspace.database.transaction() as tx:
            references = known_references(tx, self._prefixes)
        notes += [] if references else ["no image is known yet"]
        figures = scanned_figures(workspace.database, (each.text for each in references))
        done = self.work.done
        return RescanSummary(
            run=self.work.run,
            sources=self.options.sources,
            reanalysed=self.options.reanalyse,
            images=figures.images,
            outcomes=outcome_counts(figures),
            composed=done.composed,
            unchanged=done.forwarded,
            kept=tuple(self._kept.values()),
            layers=RescannedLayers(
                unique=figures.layers_unique,
                planned=done.planned,
                from_rows=done.from_rows,
                changed_only=done.changed_only,
                whole=done.analysed - done.from_rows - done.changed_only,
                failed=done.failed,
                bytes_read=done.bytes_read,
                bytes_cached=done.bytes_cached,
            ),
            judged=judged.packages,
            matches=judged.matches,
            images_updated=judged.images,
            coverage=figures.coverage,
            findings=figures.findings,
            snapshot=judged.snapshot,
            seconds=time.monotonic() - self._clock,
            cpu_seconds=done.cpu_seconds,
            statements=workspace.database.statements,
            notes=tuple(notes),
        )


def _waves(references: Sequence[KnownReference]) -> Iterator[tuple[KnownReference, ...]]:
    """References in portions of about as many images as a wave of a scan has."""
    iterator = iter(references)
    while wave := tuple(itertools.islice(iterator, WAVE_IMAGES)):
        yield wave


def _counters(summary: RescanSummary) -> dict[str, JsonValue]:
    return {
        "images": summary.images,
        "composed": summary.composed,
        "unchanged": summary.unchanged,
        "kept": len(summary.kept),
        "layers_planned": summary.layers.planned,
        "layers_from_rows": summary.layers.from_rows,
        "layers_changed_only": summary.layers.changed_only,
        "layers_whole": summary.layers.whole,
        "layers_failed": summary.layers.failed,
        "bytes_read": summary.layers.bytes_read,
        "bytes_cached": summary.layers.bytes_cached,
        "judged": summary.judged,
        "findings": summary.findings.total,
        "not_covered": summary.coverage.not_covered,
        "seconds": round(summary.seconds, 3),
        "statements": summary.statements,
        "snapshot": summary.snapshot,
    }
