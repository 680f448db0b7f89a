"""What a run's progress writes, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest

from pipelines.cli.progress import BarObserver, LineObserver, QuietObserver, observer_on, sharing_text
from pipelines.observer import Level, Phase, Sharing
from tests.pipelines.made import HOSTILE

SHARING = Sharing(named=100, unique=20, to_read=5, bytes_named=1_000_000_000, bytes_to_read=50_000_000)


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _run(observer: LineObserver | BarObserver, clock: Clock) -> None:
    observer.started(Phase.ANALYSE, 10, total_bytes=50_000_000)
    clock.now += 20
    observer.advanced(Phase.ANALYSE, 4, bytes_done=20_000_000)
    clock.now += 20
    observer.advanced(Phase.ANALYSE, 4, bytes_done=20_000_000)
    clock.now += 10
    observer.advanced(Phase.ANALYSE, 2, bytes_done=10_000_000)
    observer.finished(Phase.ANALYSE, "2 failed")


def test_elsewhere_a_phase_is_a_line_now_and_then_and_one_at_its_end(clock: Clock) -> None:
    stream = io.StringIO()
    _run(LineObserver(stream, clock), clock)
    assert stream.getvalue().splitlines() == [
        "analysing layers: 8 of 10, 1.0 MB/s, ETA 10 s",
        "analysing layers: 10 of 10 in 50 s, 1.0 MB/s, 2 failed",
    ]


def test_a_phase_without_bytes_has_a_rate_of_items(clock: Clock) -> None:
    stream = io.StringIO()
    observer = LineObserver(stream, clock)
    observer.started(Phase.LIST)
    clock.now += 2
    observer.advanced(Phase.LIST, 300)
    observer.finished(Phase.LIST)
    assert stream.getvalue() == "listing references: 300 in 2.0 s, 150/s\n"


def test_sharing_is_a_sentence() -> None:
    stream = io.StringIO()
    LineObserver(stream).shared(SHARING)
    assert stream.getvalue() == "100 layers named, 20 distinct, 5 to read: 50.0 MB of 1.0 GB, 95 % shared\n"


def test_a_single_layer_is_said_in_the_singular() -> None:
    assert sharing_text(Sharing(1, 1, 1, 5, 5)).startswith("1 layer named, 1 distinct, 1 to read: ")


def test_events_say_where_and_how_bad() -> None:
    stream = io.StringIO()
    observer = LineObserver(stream)
    observer.event("no such tag", where="registry.example/a:b", level=Level.ERROR)
    observer.event("took over 3 layers")
    assert stream.getvalue() == "error: registry.example/a:b: no such tag\ntook over 3 layers\n"


def test_an_event_is_one_line_whatever_it_holds() -> None:
    stream = io.StringIO()
    LineObserver(stream).event(HOSTILE, where=HOSTILE)
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()


def test_a_reader_that_went_away_does_not_stop_the_work() -> None:
    LineObserver(Gone()).event("hello")


def test_a_terminal_gets_bars_and_lines(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    observer = observer_on(stream)
    assert isinstance(observer, BarObserver)
    observer.started(Phase.ANALYSE, 10, total_bytes=1_000)
    observer.shared(SHARING)
    observer.advanced(Phase.ANALYSE, 5, bytes_done=500)
    observer.event(f"{HOSTILE} went wrong", level=Level.WARNING)
    observer.finished(Phase.ANALYSE)
    observer.close()
    shown = stream.getvalue()
    assert "5 of 10" in shown
    assert "95 % shared" in shown
    assert "went wrong" in shown
    assert "\x1b]0;" not in shown
    assert "\x1b[2J" not in shown


def test_bars_take_a_total_that_becomes_known_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    observer = BarObserver(stream)
    observer.started(Phase.LIST)
    observer.advanced(Phase.LIST, 3, total=7)
    observer.finished(Phase.LIST)
    observer.close()
    assert "3 of 7" in stream.getvalue()


def test_phases_nobody_started_are_ignored(clock: Clock) -> None:
    stream = io.StringIO()
    observer = LineObserver(stream, clock)
    observer.advanced(Phase.MATCH)
    observer.finished(Phase.MATCH)
    assert stream.getvalue() == ""


def test_a_dumb_terminal_and_a_pipe_get_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(observer_on(Terminal()), LineObserver)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(observer_on(io.StringIO()), LineObserver)


def test_quiet_is_silent() -> None:
    stream = Terminal()
    observer = observer_on(stream, quiet=True)
    assert isinstance(observer, QuietObserver)
    observer.started(Phase.LIST)
    observer.event("hello")
    observer.close()
    assert stream.getvalue() == ""


def test_one_large_item_at_the_end_does_not_frighten(clock: Clock) -> None:
    stream = io.StringIO()
    observer = LineObserver(stream, clock)
    observer.started(Phase.ANALYSE, 21, total_bytes=4_000_000)
    clock.now += 31
    observer.advanced(Phase.ANALYSE, 20, bytes_done=4_000)
    assert "ETA 34 s" in stream.getvalue()
