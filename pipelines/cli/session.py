"""What a verb needs from its flags: settings with the flags over them, logging set up, an observer for its progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.logging import configure_logging
from catalog.settings import Settings, load_settings
from pipelines.cli.progress import ClosingObserver, observer_on


def settings_for(*, verbose: bool = False, **flags: object) -> Settings:
    """Settings as they hold for one command.

    Args:
        verbose: log in full detail.
        flags: settings given on the command line; None where a flag was not given.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = load_settings(log_level="debug" if verbose else None, **flags)
    configure_logging(settings)
    return settings


@contextmanager
def observing(*, quiet: bool) -> Iterator[ClosingObserver]:
    """An observer on standard error, taken down at the end."""
    observer = observer_on(sys.stderr, quiet=quiet)
    try:
        yield observer
    finally:
        observer.close()
