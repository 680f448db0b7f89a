"""Every setting, in one frozen object: flags above `LONGSHORE_` variables above a TOML file above the defaults.

The file is the one that `LONGSHORE_SETTINGS` names, else `longshore.toml` in the home directory. Inner settings are written
`LONGSHORE_S3__ENDPOINT` in the environment and as a table `[s3]` in the file. A name that no setting has is an error
wherever it stands, so that a typing mistake is never silently a default. `Settings(...)` itself reads nothing but its
arguments; `load_settings` is what looks around.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import ByteSize, Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from catalog.errors import SettingsError
from catalog.limits import Limits

PREFIX = "LONGSHORE_"
"""What the name of every environment variable of ours begins with."""
FILE_NAME = "longshore.toml"
"""The settings file's name in the home directory."""

_SIZE = TypeAdapter(ByteSize)
# Ours, but no settings: where the file is, and what the test suite reads.
_RESERVED = frozenset({"SETTINGS", "CI", "DATA"})
# Kubernetes puts the addresses of a service called "longshore" into the environment of every pod beside it.
_SERVICE_LINK = re.compile(r"(.*_)?(SERVICE_(HOST|PORT(_.+)?)|PORT(_\d+_(TCP|UDP)(_.+)?)?)\Z")


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to speak to an S3 server. Credentials are found by boto3's own chain on the node that uses them.

    Args:
        endpoint: URL of the server; None for Amazon's.
        region: region name; None for what boto3's configuration says.
        path_style: the bucket in the path instead of the host name, as most servers other than Amazon's need.
        sse: server-side encryption, `AES256` or `aws:kms`; None for the bucket's default.
        kms_key: key id for `aws:kms`.
        timeout_seconds: seconds without an answer until a request is given up.
        attempts: tries of a request, with growing pauses between them.
    """

    endpoint: str | None = None
    region: str | None = None
    path_style: bool = False
    sse: Literal["AES256", "aws:kms"] | None = None
    kms_key: str | None = None
    timeout_seconds: float = 60.0
    attempts: int = 6


@dataclass(frozen=True, slots=True)
class ArchiveLocation:
    """Where the archive is: what a task is told. Holds no secret.

    Args:
        url: an absolute directory, `file:///…` or `s3://bucket/prefix`.
        s3: for an `s3://` URL.
        copies_bytes: bytes of local copies of objects that a node keeps; only where the store is remote.
    """

    url: str
    s3: S3Options = field(default_factory=S3Options)
    copies_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class LayerCacheLocation:
    """Where a node keeps the layers that it fetched: what a task is told.

    Args:
        directory: an absolute path, the same on every node; made for the worker's user alone.
        cap: bytes it may have, those that arrive included.
    """

    directory: str
    cap: int


def default_home() -> Path:
    """Where all state lives unless told otherwise: `/var/lib/longshore` for root, else the platform's data directory of the user."""
    return Path("/var/lib/longshore") if os.geteuid() == 0 else platformdirs.user_data_path("longshore")


Names = Annotated[tuple[str, ...], NoDecode]
"""Several names: an array in the file, separated by commas in the environment."""


class Settings(BaseSettings):
    """Every setting with its default; sizes are bytes or texts such as `256MiB`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    home: Path = Field(default_factory=default_home, description="directory of all state")
    database_url: SecretStr | None = Field(None, description="Postgres DSN; none: our own embedded server")
    archive_url: str | None = Field(None, description="directory or s3://bucket/prefix; none: `archive` in the home")
    s3: S3Options = Field(default_factory=S3Options, description="how to speak to an S3 server")
    copies_bytes: ByteSize = Field(ByteSize(4 << 30), gt=0, description="cap on local copies of remote objects")

    layer_cache_bytes: ByteSize = Field(
        ByteSize(10 << 30), ge=0, description="cap on a node's cache of layers; 0: none"
    )
    layer_cache_directory: Path | None = Field(
        None, description="the cache on each node; none: `layer-cache` in the home, and on a cluster no cache"
    )

    ray_address: str | None = Field(None, description="a Ray cluster; none: this machine")
    batch_bytes: ByteSize = Field(ByteSize(256 << 20), gt=0, description="compressed bytes of a batch of layers, about")
    batch_layers: int = Field(64, gt=0, description="layers of a batch, at most")
    task_attempts: int = Field(3, gt=0, description="tries of a task whose worker is lost")
    task_deadline_seconds: float = Field(1800, gt=0, description="seconds after which a task counts as lost")
    lease_seconds: int = Field(120, gt=0, description="seconds that a claim on a layer outlives its run")

    insecure_registries: Names = Field((), description="hosts that may be spoken to in plain HTTP")
    registry_ca_file: Path | None = Field(None, description="PEM file of authorities trusted beside the system's")
    docker_config: Path | None = Field(None, description="Docker's configuration file; none: where Docker keeps it")
    registry_concurrency: int = Field(8, gt=0, description="requests in flight while a registry is listed")
    registry_timeout_seconds: float = Field(60, gt=0, description="seconds without a byte until a request is given up")
    registry_retries: int = Field(3, ge=0, description="further tries of a request that failed in passing")

    database_connections: int = Field(8, gt=0, description="connections of a run's committers")
    secrets: bool = Field(False, description="search every text file for secrets; kept are rule, path and line")
    limits: Limits = Field(default_factory=Limits, description="caps on hostile input")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["text", "json"] = Field("text", description="one line of text or one JSON object an event")

    @field_validator("insecure_registries", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value

    @field_validator("limits", mode="before")
    @classmethod
    def _sizes(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {name: _size(cap) if str(name).endswith("_bytes") else cap for name, cap in value.items()}

    @field_validator("limits", mode="after")
    @classmethod
    def _no_negative_limit(cls, value: Limits) -> Limits:
        negative = [limit.name for limit in fields(value) if getattr(value, limit.name) < 0]
        if negative:
            raise ValueError(f"{', '.join(negative)}: must not be negative")
        return value

    @field_validator("home", "layer_cache_directory", "registry_ca_file", "docker_config", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else Path(os.path.abspath(value.expanduser()))  # noqa: PTH100 - resolve() follows links

    @field_validator("archive_url", mode="after")
    @classmethod
    def _no_secret(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, separator, rest = value.partition("://")
        if not separator:
            return os.path.abspath(Path(value).expanduser())  # noqa: PTH100 - resolve() follows links
        if scheme not in ("s3", "file"):
            raise ValueError("is neither a directory nor a file:// or s3:// URL")
        if "@" in rest.partition("/")[0]:
            raise ValueError("must hold no credentials: they are found where AWS tools find theirs")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the arguments: `load_settings` merges the other sources, and nothing depends on them unseen."""
        return (init_settings,)

    @property
    def archive(self) -> ArchiveLocation:
        """Where the archive is, as a task is told."""
        return ArchiveLocation(self.archive_url or str(self.home / "archive"), self.s3, int(self.copies_bytes))

    def layer_cache(self, address: str | None = None) -> LayerCacheLocation | None:
        """Where the nodes keep layers; None where they keep none.

        Args:
            address: of the cluster that works, None for this machine alone. Another machine has another home, so a cluster
                needs to be told of a directory.
        """
        directory = self.layer_cache_directory or (None if address else self.home / "layer-cache")
        if directory is None or not self.layer_cache_bytes:
            return None
        return LayerCacheLocation(str(directory), int(self.layer_cache_bytes))


def _size(value: object) -> object:
    try:
        return int(_SIZE.validate_python(value))
    except ValidationError:
        return value  # The limit's own type says what is wrong with it, and its name.


def load_settings(**overrides: object) -> Settings:
    """Read the settings file and the environment, and lay the flags over them.

    Args:
        overrides: flags by the setting's name; None means that the flag was not given. An inner setting is a mapping
            (`s3={"endpoint": …}`) and replaces only what it names.

    Raises:
        SettingsError: a file that cannot be read, a name that no setting has, or a value that does not fit.
    """
    flags = {name: value for name, value in overrides.items() if value is not None}
    environment = _environment()
    file = _settings_file(flags.get("home", environment.get("home")))
    merged = _merge(_merge(_read_file(file), environment), flags)
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise SettingsError(_explain(error), advice="`longshore settings` lists every name") from None


def _environment() -> dict[str, Any]:
    for variable in os.environ:
        name = variable.removeprefix(PREFIX)
        known = name in _RESERVED or name.partition("__")[0].lower() in Settings.model_fields
        if name != variable and not known and not _SERVICE_LINK.match(name):
            raise SettingsError(
                "there is no such setting", where=variable, advice="`longshore settings` lists every name"
            )
    try:
        return EnvSettingsSource(Settings)()
    except (UnreadableVariable, ValueError) as error:
        raise SettingsError("an environment variable cannot be read", where=str(error)) from None


def _settings_file(home: object) -> Path | None:
    named = os.environ.get(f"{PREFIX}SETTINGS")
    if named:
        return Path(named).expanduser()
    usual = (default_home() if home is None else Path(str(home)).expanduser()) / FILE_NAME
    return usual if usual.is_file() else None


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"is not TOML ({error})", where=str(path)) from None


def _merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for name, value in upper.items():
        below = merged.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[name] = _merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _explain(error: ValidationError) -> str:
    # Pydantic's own words without the values: one of them may be a secret.
    faults = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(map(str, fault["loc"]))
        unknown = fault["type"] in ("extra_forbidden", "unexpected_keyword_argument")
        faults.append(
            f"there is no setting {name}" if unknown else f"{name}: {fault['msg'].removeprefix('Value error, ')}"
        )
    return "; ".join(faults)
