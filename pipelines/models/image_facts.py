"""What an image is besides its packages: configuration, layers, privileged files, secrets."""

from __future__ import annotations

from pydantic import Field

from pipelines.models.base import Answer, Digest


class Label(Answer):
    """A label of the configuration."""

    name: str
    value: str


class Configuration(Answer):
    """What the image's configuration says; a text that a rule for secrets matched has the rule's name in its place."""

    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...] = Field(description="names of variables; their values are kept nowhere")
    ports: tuple[str, ...]
    health_check: tuple[str, ...]
    labels: tuple[Label, ...]
    created: str = Field(description="as the configuration says it, nobody checks")


class Layer(Answer):
    """One layer of the image, bottom first."""

    digest: Digest
    size: int | None = Field(description="bytes as served, null where unknown")
    outcome: str = Field(description="complete, partial, failed or pending")
    reason: str
    instruction: str = Field(description="the instruction of the history behind it; empty where it is unknown")
    searched: bool = Field(description="its text files were searched for secrets")


class PrivilegedFile(Answer):
    """A file that runs with the rights of its owner (suid) or group (sgid), whoever starts it."""

    path: str
    mode: str = Field(description="octal, four digits", pattern="^[0-7]{4}$")
    uid: int
    gid: int
    layer: Digest | None = Field(description="the layer it comes from")


class Secret(Answer):
    """A place that looks like a secret by a rule of ours. What stands there is kept nowhere."""

    rule: str
    place: str = Field(description="`file`, or a part of the configuration: `environment`, `label`, `history`, …")
    name: str = Field(description="the file's path, the variable's or label's name, the history's step")
    line: int | None = Field(description="of the file, from 1")
    layer: Digest | None = Field(description="whose file it is; null in the configuration")
    deleted: bool = Field(
        description="a higher layer removed or replaced the file; whoever has the layer can read it still"
    )
