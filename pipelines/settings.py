"""`longshore settings`: every setting as it holds, with the variable that sets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from catalog.settings import PREFIX, Settings
from pipelines.models.settings import Setting, SettingsReport


def settings_report(settings: Settings) -> SettingsReport:
    """Every setting by name, inner ones by dotted names; secrets as asterisks.

    Args:
        settings: as `load_settings` found them.
    """
    return SettingsReport(settings=tuple(_flattened(settings.model_dump(mode="json"), "")))


def _flattened(level: Mapping[str, JsonValue], prefix: str) -> Iterator[Setting]:
    for key, value in level.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flattened(value, f"{name}.")
        else:
            yield Setting(name=name, environment=PREFIX + name.replace(".", "__").upper(), value=value)
