"""An image's configuration blob (OCI image-spec, config.md): platform, what it runs, and the instruction behind each layer.

Everything but the layers' hashes is a fact for people; a field of another type than the specification's counts as not there.
Values of environment variables are no facts, because many are secrets. What in the other texts is recognised as one is
replaced by the rule's name before anything keeps it, and where it stood is a fact: a rule, and the variable, label or step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.images import ConfigurationSecret, ImageConfiguration, ImagePlatform
from tasks.analyzers.secrets import find_secrets, redacted
from tasks.digests import is_digest
from tasks.registry.manifests import parse_object, parse_platform

LARGEST_CONFIGURATION = 8 << 20
"""Bytes of a configuration at most; labels with whole SBOMs in them exist."""

_LONGEST_TEXT = 4096
_LONGEST_SECRET = 12_288
_MOST_ITEMS = 1000
_MOST_SECRETS = 100


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
    places = _places(config, document.get("history"))
    secrets = _secrets(places)
    # Nearly all configurations hold none, and theirs are looked at once, not text by text.
    clean = redacted if secrets else str
    facts = ImageConfiguration(
        user=_text(config.get("User"), clean),
        entrypoint=_texts(config.get("Entrypoint"), clean),
        command=_texts(config.get("Cmd"), clean),
        environment_names=tuple(
            _text(name, clean) for name in (value.partition("=")[0] for value in _strings(config.get("Env")))
        ),
        ports=tuple(sorted(_texts(list(_object(config.get("ExposedPorts"))), clean))),
        health_check=_texts(_object(config.get("Healthcheck")).get("Test"), clean),
        labels=_labels(_object(config.get("Labels")), clean),
        history=_history(document.get("history"), layers, clean),
        created=_text(document.get("created"), clean),
        secrets=secrets,
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


def _text(value: object, clean: Callable[[str], str]) -> str:
    # Cleaned before it is cut, so that no half of a secret is left. No database column holds a NUL.
    if not isinstance(value, str):
        return ""
    return clean(value[: _LONGEST_TEXT + _LONGEST_SECRET])[:_LONGEST_TEXT].replace("\0", "�")


def _strings(value: object) -> list[str]:
    values: list[object] = value if isinstance(value, list) else [value]
    return [item for item in values[:_MOST_ITEMS] if isinstance(item, str)]


def _texts(value: object, clean: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(_text(item, clean) for item in _strings(value))


def _labels(labels: dict[str, Any], clean: Callable[[str], str]) -> tuple[tuple[str, str], ...]:
    named = sorted((_text(name, clean), _text(value, clean)) for name, value in list(labels.items())[:_MOST_ITEMS])
    return tuple(dict(named).items())


def _steps(value: object) -> list[dict[str, Any]]:
    return [step for step in value if isinstance(step, dict)] if isinstance(value, list) else []


def _history(value: object, layers: int, clean: Callable[[str], str]) -> tuple[str, ...]:
    made = [step.get("created_by") for step in _steps(value) if step.get("empty_layer") is not True]
    return tuple(_text(text, clean) for text in made) if len(made) == layers else ()


def _places(config: dict[str, Any], history: object) -> list[tuple[str, str, str]]:
    """The texts of a configuration: kind of place, its name, the text; everything that is kept of it is among them."""
    places = [("environment", text.partition("=")[0], text) for text in _strings(config.get("Env"))]
    for name, value in list(_object(config.get("Labels")).items())[:_MOST_ITEMS]:
        places.append(("label", name, f"{name}={value}" if isinstance(value, str) else name))
    for number, step in enumerate(_steps(history), start=1):
        if isinstance(text := step.get("created_by"), str):
            places.append(("history", f"step {number}", text))
    for kind, value in (
        ("user", config.get("User")),
        ("entrypoint", config.get("Entrypoint")),
        ("command", config.get("Cmd")),
        ("health check", _object(config.get("Healthcheck")).get("Test")),
        ("ports", list(_object(config.get("ExposedPorts")))),
    ):
        places += [(kind, "", text) for text in _strings(value)]
    return places


def _secrets(places: list[tuple[str, str, str]]) -> tuple[ConfigurationSecret, ...]:
    if not find_secrets(_bytes("\n".join(text for _, _, text in places)), most=1):
        return ()
    found = {
        ConfigurationSecret(place, _text(name, redacted), secret.rule): None
        for place, name, text in places
        for secret in find_secrets(_bytes(text))
    }
    return tuple(found)[:_MOST_SECRETS]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
