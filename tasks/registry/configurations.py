"""An image's configuration blob (OCI image-spec, config.md): platform, what it runs, and the instruction behind each layer.

Everything but the layers' hashes is a fact for people; a field of another type than the specification's counts as not there.
Values of environment variables are not read at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.images import ImageConfiguration, ImagePlatform
from tasks.digests import is_digest
from tasks.registry.manifests import parse_object, parse_platform

LARGEST_CONFIGURATION = 8 << 20
"""Bytes of a configuration at most; labels with whole SBOMs in them exist."""

_LONGEST_TEXT = 4096
_MOST_ITEMS = 1000


@dataclass(frozen=True, slots=True)
class ConfigurationDocument:
    """A configuration blob.

    Args:
        platform: what the image runs on.
        facts: for people.
        diff_ids: digests of the uncompressed layers, as claimed.
    """

    platform: ImagePlatform
    facts: ImageConfiguration
    diff_ids: tuple[str, ...]


def parse_configuration(data: bytes, layers: int, where: str) -> ConfigurationDocument:
    """Read a configuration.

    Args:
        data: the blob.
        layers: how many the manifest has; a history that tells of another number is of no use.
        where: what errors name.

    Raises:
        MalformedManifest: it is no JSON object.
    """
    document = parse_object(data, where)
    config = _object(document.get("config"))
    facts = ImageConfiguration(
        user=_text(config.get("User")),
        entrypoint=_texts(config.get("Entrypoint")),
        command=_texts(config.get("Cmd")),
        environment_names=tuple(value.partition("=")[0] for value in _texts(config.get("Env"))),
        ports=tuple(sorted(_texts(list(_object(config.get("ExposedPorts")))))),
        labels=_labels(_object(config.get("Labels"))),
        history=_history(document.get("history"), layers),
        created=_text(document.get("created")),
    )
    diff_ids = _object(document.get("rootfs")).get("diff_ids")
    claimed = diff_ids if isinstance(diff_ids, list) else []
    return ConfigurationDocument(
        parse_platform(document), facts, tuple(text if _is_claim(text) else "" for text in claimed)
    )


def _is_claim(value: object) -> bool:
    return isinstance(value, str) and is_digest(value)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    # No database column holds a NUL.
    return value[:_LONGEST_TEXT].replace("\0", "�") if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    values: Iterable[object] = value if isinstance(value, list) else [value]
    return tuple(_text(item) for item in list(values)[:_MOST_ITEMS] if isinstance(item, str))


def _labels(labels: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    named = sorted((_text(name), _text(value)) for name, value in list(labels.items())[:_MOST_ITEMS])
    return tuple(dict(named).items())


def _history(value: object, layers: int) -> tuple[str, ...]:
    steps = [step for step in value if isinstance(step, dict)] if isinstance(value, list) else []
    made = [_text(step.get("created_by")) for step in steps if step.get("empty_layer") is not True]
    return tuple(made) if len(made) == layers else ()
