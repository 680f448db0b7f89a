"""One line an event: a name, fields, and never a secret.

    2026-11-20T10:42:01.123Z INFO longshore.scan layers-committed run=… layers=64 bytes=268435456

Text for eyes, JSON for collectors (`log_format`). Events go to standard error, because standard output is for answers.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Protocol, TextIO

from pydantic import SecretStr

from catalog.errors import LongshoreError

ROOT = "longshore"
"""The logger above all of ours."""

Value = str | int | float | bool | None | LongshoreError | SecretStr
"""What a field may hold."""

_HIDDEN = "***"
_USERINFO = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@]+(?:@[^\s/?#@]+)*@")
_AUTHORISATION = re.compile(r"(?i)\b(?P<scheme>basic|bearer)\s+[A-Za-z0-9+/_.~=-]{8,}")
_PARAMETER = re.compile(
    r"(?i)(?P<name>\b(?:[a-z0-9_-]*(?:password|passwd|secret|token|signature|credential)|authorization)\b"
    r"[\"']?\s*[=:]\s*)(?P<quote>[\"']?)(?:(?:basic|bearer)\s+)?[^\s&;,\"']+"
)
_SECRET_FIELD = re.compile(r"(?i)(password|passwd|secret|token|authori[sz]ation|credential|dsn)")
_PLAIN = re.compile(r"[^\s\"=\\]+\Z")


class LogSettings(Protocol):
    """The settings that logging needs; `Settings` has them."""

    @property
    def log_level(self) -> str:
        """Least level that is logged: debug, info, warning or error."""

    @property
    def log_format(self) -> str:
        """`text` or `json`."""


def redact(text: str) -> str:
    """The text without what must not be seen: user information in URLs, authorisation headers, passwords and tokens."""
    text = _USERINFO.sub(rf"\g<scheme>{_HIDDEN}@", text)
    text = _PARAMETER.sub(rf"\g<name>\g<quote>{_HIDDEN}", text)
    return _AUTHORISATION.sub(rf"\g<scheme> {_HIDDEN}", text)


def configure_logging(settings: LogSettings, *, stream: TextIO | None = None) -> None:
    """Send our events to a stream, in the form that the settings ask for; calling it again replaces the first call.

    Args:
        settings: level and format.
        stream: where to; None for standard error.
    """
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(_JsonLines() if settings.log_format == "json" else _TextLines())
    logger = logging.getLogger(ROOT)
    for old in tuple(logger.handlers):
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(settings.log_level.upper())
    logger.propagate = False


def event(logger: logging.Logger, name: str, *, level: int = logging.INFO, **fields: Value) -> None:
    """Log one event.

    Args:
        logger: whose; `logging.getLogger("longshore.scan")`.
        name: what happened, in lower case with hyphens: the word to search for.
        level: one of logging's levels.
        fields: what it happened to. An error of ours also gives its reason; a value whose field is named like a secret is
            hidden.
    """
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={"fields": dict(_shown(fields))})


def _shown(fields: dict[str, Value]) -> list[tuple[str, str | int | float | bool | None]]:
    shown: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in fields.items():
        if isinstance(value, LongshoreError):
            shown += [("reason", value.reason), (name, redact(str(value)))]
        elif isinstance(value, SecretStr) or (_SECRET_FIELD.search(name) and isinstance(value, str)):
            shown.append((name, _HIDDEN))
        else:
            shown.append((name, redact(value) if isinstance(value, str) else value))
    return shown


def _fields(record: logging.LogRecord) -> dict[str, str | int | float | bool | None]:
    fields = dict(getattr(record, "fields", {}))
    if record.exc_info and record.exc_info[1] is not None:
        kind = type(record.exc_info[1])
        fields["exception"] = redact(f"{kind.__name__}: {record.exc_info[1]}")
    return fields


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _TextLines(logging.Formatter):
    """Name and `key=value`; a value with spaces, quotes or control characters stands in JSON's quotes."""

    def format(self, record: logging.LogRecord) -> str:
        parts = [_moment(record), record.levelname, record.name, _one_line(redact(record.getMessage()))]
        for name, value in _fields(record).items():
            text = "" if value is None else str(value)
            parts.append(f"{name}={text if _PLAIN.match(text) and text.isprintable() else json.dumps(text)}")
        return " ".join(parts)


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
        }
        return json.dumps({**_fields(record), **line})


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
