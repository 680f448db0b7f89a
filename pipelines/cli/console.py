"""Standard output and standard error as the command writes them.

Results go to standard output, everything else to standard error, so that a pipe carries results alone. A reader that goes
away (`longshore images | head`) is no error: the rest of the output is dropped and the exit code stays the verb's own.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from pipelines.cli.plain_text import plain

UNBOUNDED = 1 << 16
"""Columns where no terminal bounds a line: a table in a pipe or a file is never cut."""
LEAST = 80
"""Columns a table takes at least: on a narrower terminal its lines wrap, and nothing is left out."""
ROOMY = 120
"""Columns from which on heads are words in full."""


def prepare_streams() -> None:
    """Make both streams able to carry any text, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def is_roomy() -> bool:
    """Whether standard output has room for wide tables."""
    return not sys.stdout.isatty() or shutil.get_terminal_size().columns >= ROOMY


class _PassingConsole(Console):
    """A console that leaves a reader who went away to its caller, instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Called while the error is being handled."""
        raise


def console_on(stream: TextIO, *, least: int = LEAST) -> Console:
    """A console that obeys no markup in what it prints, colours on a terminal only, and cuts nothing elsewhere.

    Args:
        stream: where it writes.
        least: columns it takes at least on a terminal, 0 for exactly what the terminal has.
    """
    on_terminal = stream.isatty()
    return _PassingConsole(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=not on_terminal,
        width=max(least, shutil.get_terminal_size().columns) if on_terminal else UNBOUNDED,
        color_system="auto" if on_terminal else None,
        force_terminal=None if on_terminal else False,
        legacy_windows=False,
    )


def write(*renderables: RenderableType) -> None:
    """Print results, tables or text, to standard output; no blanks at the ends of lines in a pipe."""
    console = console_on(sys.stdout)
    try:
        if console.is_terminal:
            for renderable in renderables:
                # A sentence or a command that is wider than the terminal is wrapped by it: it can still be copied whole.
                console.print(renderable, soft_wrap=isinstance(renderable, Text))
        else:
            with console.capture() as captured:
                for renderable in renderables:
                    console.print(renderable)
            sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().split("\n")[:-1])
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def write_text(text: str) -> None:
    """Print a result that is already text, as it is, with a line break behind it."""
    try:
        sys.stdout.write(text)
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def say(line: str) -> None:
    """Print one line to standard error, controls escaped; silently nothing where nobody can read it."""
    try:
        sys.stderr.write(plain(line) + "\n")
        sys.stderr.flush()
    except OSError:
        return


def drop_output() -> None:
    """Send what is still to be written to standard output nowhere, so that nothing complains when the process ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
