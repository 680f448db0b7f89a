"""What holds for every run: what `longshore settings --json` prints."""

from __future__ import annotations

from pydantic import Field, JsonValue

from pipelines.models.base import Answer


class Setting(Answer):
    """One setting."""

    name: str = Field(description="as in the settings file, dots between levels")
    environment: str = Field(description="the environment variable that sets it")
    value: JsonValue = Field(description="as it holds; secrets are never shown")


class SettingsReport(Answer):
    """All settings, by name."""

    settings: tuple[Setting, ...]
