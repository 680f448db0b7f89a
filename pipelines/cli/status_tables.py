"""The fleet in numbers, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from catalog.active.views import FleetStatus
from catalog.states import Outcome
from pipelines.cli.show_tables import coverage_text, finding_text
from pipelines.cli.tables import STATE_STYLES, add_count_column, add_text_column, cell, table
from pipelines.cli.units import count_text, share_text, size_text
from pipelines.models.advisories import FeedLine


def status_view(status: FleetStatus) -> Iterator[RenderableType]:
    """The parts of the view, in reading order."""
    yield _numbers(status)
    if status.reasons:
        yield Text()
        yield _reasons(status.reasons)
    if status.feeds:
        yield Text()
        yield feed_table(status.feeds)


def _numbers(status: FleetStatus) -> Table:
    head = Table(box=None, show_header=False, pad_edge=False)
    head.add_column(style="dim", no_wrap=True)
    head.add_column(overflow="fold")
    gone = f"; {status.references_gone:,} gone" if status.references_gone else ""
    head.add_row("references", cell(_by_state(status.references) + gone))
    head.add_row("images", cell(_by_state(status.images)))
    head.add_row(
        "residence", cell(", ".join(f"{count:,} {where}" for where, count in status.residences if count) or "none")
    )
    head.add_row("layers", cell(_layers(status)))
    head.add_row("sharing", cell(_sharing(status)))
    head.add_row("packages", cell(coverage_text(status.coverage)))
    head.add_row("findings", cell(finding_text(status.findings, status.coverage)))
    head.add_row("advisories", cell(_advisories(status)))
    objects = count_text(status.objects, "object")
    head.add_row("archive", cell(f"{objects}, {size_text(status.object_bytes)}, commit {status.generation:,}"))
    return head


def _by_state(counts: Sequence[tuple[Outcome, int]]) -> str:
    total = sum(count for _, count in counts)
    parts = ", ".join(f"{count:,} {state}" for state, count in counts if count)
    return f"{total:,}: {parts}" if parts else "none"


def _layers(status: FleetStatus) -> str:
    parts = [f"{status.layers:,} distinct", f"{status.layers_with_result:,} analysed"]
    if status.layers_failed:
        parts.append(f"{status.layers_failed:,} failed")
    if status.leases:
        parts.append(f"{status.leases:,} being analysed now")
    return ", ".join(parts)


def _sharing(status: FleetStatus) -> str:
    if not status.edge_bytes:
        return "none"
    share = 1 - status.layer_bytes / status.edge_bytes
    return (
        f"{count_text(status.layer_edges, 'layer')} named, {status.layers:,} distinct; {size_text(status.edge_bytes)} named, "
        f"{size_text(status.layer_bytes)} distinct, {share_text(share)} shared; "
        f"{count_text(status.packages, 'distinct package')} "
        f"in {count_text(status.package_sets, 'set')}"
    )


def _advisories(status: FleetStatus) -> str:
    if not status.snapshot:
        return "none: `longshore advisories import PATH` brings some, the next scan applies them"
    waiting = (
        f"; {count_text(status.unjudged, 'package')} wait for the next scan to be judged" if status.unjudged else ""
    )
    return f"snapshot {status.snapshot[:12]}, {count_text(len(status.feeds), 'feed')}{waiting}"


def _reasons(reasons: Sequence[tuple[Outcome, str, int]]) -> Table:
    shown = table("not analysed in full")
    add_text_column(shown, "state")
    add_text_column(shown, "reason")
    add_count_column(shown, "count")
    for state, reason, count in reasons:
        shown.add_row(cell(state, STATE_STYLES[state]), cell(reason), f"{count:,}")
    return shown


def _to_the_second(moment: str) -> str:
    whole, point, _ = moment.partition(".")
    return f"{whole}Z" if point else moment


def feed_table(feeds: Sequence[FeedLine]) -> Table:
    """Advisory feeds, and what each is complete for."""
    shown = table("advisories")
    add_text_column(shown, "feed")
    add_count_column(shown, "advisories")
    add_count_column(shown, "ranges")
    add_text_column(shown, "as of")
    add_text_column(shown, "complete for")
    for feed in feeds:
        complete = ", ".join(feed.complete)
        covers = cell(complete) if complete else cell("nothing: a sample", "yellow")
        shown.add_row(
            cell(feed.feed), f"{feed.advisories:,}", f"{feed.ranges:,}", cell(_to_the_second(feed.as_of)), covers
        )
    return shown
