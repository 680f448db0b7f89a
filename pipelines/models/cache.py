"""The cache of layers of this machine: what `longshore cache status --json` and `cache clear --json` print."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from pipelines.layer_cache import CacheState
from pipelines.models.base import Answer, Count, Moment, moment
from tasks.layer_cache.directory import Cleared


class CacheStatusReport(Answer):
    """What the cache holds."""

    directory: str | None = Field(description="where it is, null where the settings want none")
    cap: Count = Field(description="bytes it may have, 0 where the settings want none")
    bytes: Count = Field(description="of kept layers and of those that arrive")
    files: Count = Field(description="kept layers")
    oldest_use: Moment | None = Field(description="last use of the layer that makes room first, null in an empty cache")

    @classmethod
    def of(cls, state: CacheState) -> CacheStatusReport:
        """The state of a cache."""
        oldest = state.usage.oldest_use
        return cls(
            directory=state.location.directory if state.location else None,
            cap=state.location.cap if state.location else 0,
            bytes=state.usage.bytes,
            files=state.usage.files,
            oldest_use=None if oldest is None else moment(datetime.fromtimestamp(oldest, UTC)),
        )


class CacheClearReport(Answer):
    """What clearing the cache removed."""

    files: Count = Field(description="layers removed")
    bytes: Count = Field(description="bytes removed")
    in_use: Count = Field(description="layers that stayed, because a worker reads or fetches them")

    @classmethod
    def of(cls, cleared: Cleared) -> CacheClearReport:
        """The figures of a cleared cache."""
        return cls(files=cleared.files, bytes=cleared.bytes, in_use=cleared.in_use)
