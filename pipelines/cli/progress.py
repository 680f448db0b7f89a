"""Observers that write to standard error: bars on a terminal, one line an event elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TextIO

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from pipelines.cli.console import console_on
from pipelines.cli.meter import Meter
from pipelines.cli.plain_text import plain
from pipelines.cli.units import count_text, duration_text, share_text, size_text
from pipelines.observer import Level, Observer, Phase, Sharing, SilentObserver

LINE_SECONDS = 30.0
"""How often a running phase writes a line where there is no terminal."""

_STYLES = {Level.INFO: "", Level.WARNING: "yellow", Level.ERROR: "red"}


class ClosingObserver(Observer, Protocol):
    """An observer that gives its stream back."""

    def close(self) -> None:
        """Take down what is displayed; the observer is not used afterwards."""


class QuietObserver(SilentObserver):
    """Nothing is written."""

    def close(self) -> None:
        """Nothing is displayed."""


def observer_on(stream: TextIO, *, quiet: bool = False) -> ClosingObserver:
    """The observer that fits a stream: silent when quiet, bars on a terminal that can move its cursor, else lines."""
    if quiet:
        return QuietObserver()
    console = console_on(stream, least=0)
    return BarObserver(stream) if console.is_terminal and not console.is_dumb_terminal else LineObserver(stream)


def sharing_text(sharing: Sharing) -> str:
    """What planning found shared, in a sentence."""
    return (
        f"{count_text(sharing.named, 'layer')} named, {sharing.unique:,} distinct, {sharing.to_read:,} to read: "
        f"{size_text(sharing.bytes_to_read)} of {size_text(sharing.bytes_named)}, {share_text(sharing.share)} shared"
    )


class LineObserver:
    """One line an event, for logs and pipes.

    Args:
        stream: where to write; a stream nobody reads any more is ignored.
        clock: seconds that never go back.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._meters: dict[Phase, Meter] = {}
        self._written: dict[Phase, float] = {}

    def started(self, phase: Phase, total: int | None = None, *, total_bytes: int | None = None) -> None:
        """Note when it began; a phase is worth a line only once it got somewhere."""
        now = self._clock()
        self._meters[phase] = Meter(phase, now, total, total_bytes)
        self._written[phase] = now

    def advanced(self, phase: Phase, items: int = 1, *, bytes_done: int = 0, total: int | None = None) -> None:
        """Count, and write a line when the last one is old."""
        meter = self._meters.get(phase)
        if meter is None:
            return
        meter.advance(items, bytes_done, total)
        now = self._clock()
        if now - self._written[phase] >= LINE_SECONDS:
            self._written[phase] = now
            self._write(
                _joined(f"{phase.value}: {meter.count_text()}", meter.rate_text(now), meter.remaining_text(now))
            )

    def finished(self, phase: Phase, outcome: str = "") -> None:
        """Write what came of it."""
        meter = self._meters.pop(phase, None)
        if meter is None:
            return
        now = self._clock()
        took = duration_text(now - meter.began)
        self._write(_joined(f"{phase.value}: {meter.count_text()} in {took}", meter.rate_text(now), outcome))

    def shared(self, sharing: Sharing) -> None:
        """Write the sentence."""
        self._write(sharing_text(sharing))

    def event(self, what: str, *, where: str = "", level: Level = Level.INFO) -> None:
        """Write the event."""
        self._write(_event_text(what, where, level))

    def close(self) -> None:
        """Nothing is displayed that would have to go."""

    def _write(self, line: str) -> None:
        try:
            self._stream.write(plain(line) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return  # whoever read the progress is gone: the work goes on


class _FigureColumn(ProgressColumn):
    """One text of a task's meter."""

    def __init__(self, text: Callable[[Meter], str], style: str) -> None:
        super().__init__()
        self._text = text
        self._style = style

    def render(self, task: Task) -> Text:
        """The figure as it is now."""
        return Text(self._text(task.fields["meter"]), style=self._style)


class BarObserver:
    """Bars with rate and remaining time, and what is shared, for a terminal.

    Args:
        stream: the terminal.
        clock: seconds that never go back.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meters: dict[Phase, tuple[Meter, TaskID]] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _FigureColumn(Meter.count_text, "bold"),
            _FigureColumn(lambda meter: meter.rate_text(clock()), "cyan"),
            _FigureColumn(lambda meter: meter.remaining_text(clock()), "dim"),
            TextColumn("{task.fields[note]}", style="green", markup=False),
            console=console_on(stream, least=0),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._progress.start()

    def started(self, phase: Phase, total: int | None = None, *, total_bytes: int | None = None) -> None:
        """Put a bar up."""
        meter = Meter(phase, self._clock(), total, total_bytes)
        task = self._progress.add_task(phase.value, total=None if meter.total is None else 1.0, meter=meter, note="")
        self._meters[phase] = (meter, task)

    def advanced(self, phase: Phase, items: int = 1, *, bytes_done: int = 0, total: int | None = None) -> None:
        """Move the bar."""
        if phase in self._meters:
            meter, task = self._meters[phase]
            meter.advance(items, bytes_done, total)
            share = meter.share
            self._progress.update(task, total=None if share is None else 1.0, completed=share or 0.0)

    def finished(self, phase: Phase, outcome: str = "") -> None:
        """Take the bar down and leave a line."""
        if phase in self._meters:
            meter, task = self._meters.pop(phase)
            self._progress.remove_task(task)
            now = self._clock()
            took = duration_text(now - meter.began)
            line = _joined(f"{phase.value}: {meter.count_text()} in {took}", meter.rate_text(now), outcome)
            self._print(line, "dim")

    def shared(self, sharing: Sharing) -> None:
        """Leave the sentence, and the share beside the bars."""
        self._print(sharing_text(sharing), "green")
        for _, task in self._meters.values():
            self._progress.update(task, note=f"{share_text(sharing.share)} shared")

    def event(self, what: str, *, where: str = "", level: Level = Level.INFO) -> None:
        """Leave a line above the bars."""
        self._print(_event_text(what, where, level), _STYLES[level])

    def close(self) -> None:
        """Take the bars down."""
        self._progress.stop()

    def _print(self, line: str, style: str) -> None:
        self._progress.console.print(Text(plain(line), style=style), soft_wrap=True)


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _event_text(what: str, where: str, level: Level) -> str:
    text = f"{where}: {what}" if where else what
    return text if level is Level.INFO else f"{level.value}: {text}"
