"""Running the command: whatever happens ends in one line and the right exit code, never in a trace."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
from click.exceptions import NoArgsIsHelpError

from catalog.errors import LongshoreError
from cluster.errors import ClusterError
from pipelines.cli.console import prepare_streams, say
from pipelines.cli.exit_codes import ExitCode, of_error
from pipelines.cli.group import longshore


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: without the program's name; None for the process's own.

    Returns:
        The exit code, see `ExitCode`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    prepare_streams()
    try:
        with _sigterm_interrupts():
            code = longshore.main(words, prog_name="longshore", standalone_mode=False)
        return int(code or ExitCode.COMPLETED)
    except NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return ExitCode.USAGE
    except click.ClickException as error:
        say(_usage_line(error))
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        say("longshore: interrupted; what was committed is kept, the same command goes on from there")
        return ExitCode.INTERRUPTED
    except (LongshoreError, ClusterError) as error:
        _say_trace(words)
        say(f"longshore: {error}")
        return of_error(error)
    except OSError as error:
        _say_trace(words)
        say(f"longshore: {_system_line(error)}")
        return ExitCode.ERROR
    except Exception as error:  # the last resort: said to be a bug, with its place, and shown in full on request
        _say_trace(words)
        say(
            f"longshore: internal error at {_place(error)}: {type(error).__name__}: {error}; this is a bug, -v shows its trace"
        )
        return ExitCode.ERROR


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does, and leaves no server behind; a running scan has a gentler answer of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _usage_line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "longshore"
    text = error.format_message().rstrip(".")
    return f"{command}: {text[:1].lower()}{text[1:]}; `{command} --help` shows the usage"


def _system_line(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _place(error: Exception) -> str:
    ours = str(Path(__file__).parents[2])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(ours)]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


def _say_trace(words: Sequence[str]) -> None:
    if not {"-v", "--verbose"}.isdisjoint(words):
        for line in traceback.format_exc().splitlines():
            say(line)
