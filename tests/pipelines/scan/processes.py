"""Scans in processes of their own, to be interrupted, and what they leave running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from catalog.settings import Settings

_MARK = "STARTED_BY_TEST"
PATIENCE_SECONDS = 120.0


@dataclass
class Terminal:
    """Where scans are started: one home, one environment, a temporary directory of its own.

    Args:
        settings: of the home.
        temporary: TMPDIR of the processes.
        more: further environment.
    """

    settings: Settings
    temporary: Path
    more: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid4().hex)

    @property
    def home(self) -> Path:
        return self.settings.home

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `python -m pipelines …`."""
        dsn = self.settings.database_url
        environment = {
            **os.environ,
            **self.more,
            _MARK: self.mark,
            "TMPDIR": str(self.temporary),
            "LONGSHORE_HOME": str(self.home),
            # A batch for each layer, so that there is a moment between any two of them; and little patience with the dead.
            "LONGSHORE_BATCH_LAYERS": "1",
            "LONGSHORE_LEASE_SECONDS": "3",
            **({"LONGSHORE_DATABASE_URL": dsn.get_secret_value()} if dsn else {}),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[3],
        )

    def scan(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Scan to the end, without an interruption, and give the summary."""
        process = self.start("scan", "--jobs", "2", "--json", "--quiet", *words)
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == code, output
        report: dict[str, Any] = json.loads(output[output.index("{") :])
        return report

    def scan_until(self, moment: Callable[[], bool], *words: str) -> subprocess.Popen[str]:
        """Start a scan and come back, while it runs, when the moment has come."""
        process = self.start("scan", "--jobs", "2", *words)
        until = time.monotonic() + PATIENCE_SECONDS
        while not moment():
            assert process.poll() is None, f"ended before its moment: {process.communicate()[0]}"
            assert time.monotonic() < until, "the moment never came"
            time.sleep(0.003)
        return process

    def processes(self) -> list[psutil.Process]:
        """Everything that our scans started and that still runs, Postgres included."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def workers(self) -> list[psutil.Process]:
        """Ray's workers that have a task just now."""
        return [process for process in self.processes() if "analyse_layers" in _first_word(process)]

    def left(self, seconds: float = 10.0) -> list[str]:
        """What still runs although everything has ended, Ray's processes having had some seconds."""
        until = time.monotonic() + seconds
        while (found := self.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        # Local copies of a remote archive's objects are meant to stay.
        files = [str(path) for path in self.temporary.iterdir() if not path.name.startswith("longshore-copies-")]
        return [_first_word(process) for process in found] + files

    def age_leftovers(self) -> None:
        """Let what a killed scan's Ray left look old, once that Ray has ended: nobody removes a young directory."""
        until = time.monotonic() + PATIENCE_SECONDS
        while any("ray" in _first_word(process) for process in self.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        for path in self.temporary.iterdir():
            os.utime(path, (0, 0))

    def postmaster(self) -> int:
        """Process id of the embedded Postgres."""
        return int((self.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                return False
            # Postgres has an environment of its own; it works in its data directory.
            return process.environ().get(_MARK) == self.mark or Path(process.cwd()).is_relative_to(self.home)
        except psutil.Error:
            return False


def manifests(settings: Settings) -> int:
    """Commits mirrored so far: a clock that runs with the work."""
    folder = Path(settings.home / "archive" / "_manifests")
    return sum(1 for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0


def ended(process: subprocess.Popen[str], seconds: float = PATIENCE_SECONDS) -> tuple[int, str]:
    """Exit code and output of a process that is about to end."""
    output, _ = process.communicate(timeout=seconds)
    return process.returncode, output


@contextmanager
def terminal(settings: Settings) -> Iterator[Terminal]:
    """A terminal, and the end of whatever its scans leave behind."""
    temporary = Path(tempfile.mkdtemp(prefix="ls-", dir="/tmp"))
    opened = Terminal(settings, temporary)
    try:
        yield opened
    finally:
        for process in opened.processes():
            process.send_signal(signal.SIGKILL)
        shutil.rmtree(temporary, ignore_errors=True)


def _first_word(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:3])
    except psutil.Error:
        return str(process.pid)
