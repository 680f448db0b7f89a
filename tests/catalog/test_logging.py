from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from catalog.errors import StoreFull
from catalog.logging import configure_logging, event, redact


@dataclass
class Wanted:
    log_level: str = "info"
    log_format: str = "text"


@pytest.fixture
def out():
    stream = io.StringIO()
    yield stream
    root = logging.getLogger("longshore")
    for handler in tuple(root.handlers):
        root.removeHandler(handler)


LOGGER = logging.getLogger("longshore.test")


def test_an_event_is_one_line_of_text(out: io.StringIO) -> None:
    configure_logging(Wanted(), stream=out)
    event(LOGGER, "layers-committed", run="run-1", layers=64, share=0.5, note="two\nlines", empty=None)
    line = out.getvalue()
    assert line.count("\n") == 1
    assert line.split("Z ", 1)[1] == (
        'INFO longshore.test layers-committed run=run-1 layers=64 share=0.5 note="two\\nlines" empty=""\n'
    )


def test_an_event_is_one_json_object(out: io.StringIO) -> None:
    configure_logging(Wanted(log_format="json"), stream=out)
    event(LOGGER, "layers-committed", layers=64, note="two\nlines")
    line = json.loads(out.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "longshore.test",
        "event": "layers-committed",
        "layers": 64,
        "note": "two\nlines",
    }


def test_what_is_below_the_level_is_not_logged(out: io.StringIO) -> None:
    configure_logging(Wanted(log_level="warning"), stream=out)
    event(LOGGER, "small")
    event(LOGGER, "large", level=logging.WARNING)
    assert "large" in out.getvalue()
    assert "small" not in out.getvalue()


def test_configuring_again_replaces_the_first(out: io.StringIO) -> None:
    configure_logging(Wanted(), stream=io.StringIO())
    configure_logging(Wanted(), stream=out)
    event(LOGGER, "once")
    assert out.getvalue().count("once") == 1


def test_an_error_gives_its_reason(out: io.StringIO) -> None:
    configure_logging(Wanted(), stream=out)
    event(LOGGER, "commit-failed", error=StoreFull("no space", where="/archive"))
    assert 'reason=store-full error="/archive: no space"' in out.getvalue()


def test_an_exception_is_one_line(out: io.StringIO) -> None:
    configure_logging(Wanted(), stream=out)
    try:
        raise ValueError("broken\nhttps://user:hunter2@host/x")
    except ValueError:
        LOGGER.exception("failed")
    assert out.getvalue().count("\n") == 1
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_logged(out: io.StringIO, form: str) -> None:
    configure_logging(Wanted(log_format=form), stream=out)
    event(
        LOGGER,
        "opened https://user:hunter2@host",
        url="postgresql://me:hunter2@db/x",
        password="hunter2",
        database=SecretStr("hunter2"),
        header="Authorization: Bearer hunter2hunter2",
        error=StoreFull("https://me:hunter2@host", where="x?token=hunter2&a=b"),
    )
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/path", "https://***@host/path"),
        ("https://token@host/path", "https://***@host/path"),
        ("https://u:p@ss@host/", "https://***@host/"),
        ("https://host/a@b", "https://host/a@b"),
        ("registry:5000/x@sha256:ab", "registry:5000/x@sha256:ab"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"),
        ("got Bearer abcdefgh.ijk", "got Bearer ***"),
        ("dbname=x password=pw host=y", "dbname=x password=*** host=y"),
        ('{"identitytoken": "abc"}', '{"identitytoken": "***"}'),
        ("?X-Amz-Signature=abc&x=1", "?X-Amz-Signature=***&x=1"),
        ("no secret here", "no secret here"),
    ],
)
def test_secrets_are_hidden_in_any_text(text: str, shown: str) -> None:
    assert redact(text) == shown
