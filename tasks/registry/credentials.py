"""Credentials as Docker keeps them: `config.json` and the helper programs it names (docs.docker.com, `docker login`).

Looked up on the node that uses them, when a server asks for them; never logged, never in a repr. A helper is a program
`docker-credential-<name>` on the PATH; its name is checked before it becomes part of a command, it runs without a shell,
and it has a limited time to answer.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from catalog.errors import SettingsError

DOCKER_HUB = "registry-1.docker.io"
"""The host that serves docker.io's images."""

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", DOCKER_HUB)
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HELPER_SECONDS = 30
_LARGEST_CONFIG = 4 << 20
_TOKEN_USER = "<token>"  # noqa: S105 (what a helper calls an identity token)


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves who we are to one registry; nothing of it is shown.

    Args:
        user: name for basic authentication and token services.
        password: likewise.
        identity_token: an OAuth2 refresh token in place of the two.
        registry_token: a bearer token to be sent as it is.
    """

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """Value of an Authorization header for basic authentication."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Lookup:
    """Whether there is a credential for a host; where a helper failed, `trouble` says so in case the host insists."""

    credential: Credential | None
    trouble: str = ""


def find_credential(host: str, docker_config: str | None) -> Lookup:
    """Look a host up as Docker does: its own helper, else the common store, else the configuration file.

    Args:
        host: `name[:port]` of the registry.
        docker_config: the file or its directory; None for `$DOCKER_CONFIG`, else `~/.docker`.

    Raises:
        SettingsError: the configuration file cannot be read.
    """
    config = _read_config(docker_config)
    keys = _HUB_KEYS if host == DOCKER_HUB else (host, f"https://{host}", f"http://{host}")
    helpers = _section(config, "credHelpers")
    for key in keys:
        if helper := helpers.get(key):
            return _ask_helper(str(helper), key)
    trouble = ""
    if store := config.get("credsStore"):
        asked = _ask_helper(str(store), keys[0])
        if asked.credential is not None:
            return asked
        trouble = asked.trouble
    entries = _section(config, "auths")
    for key in keys:
        if credential := _read_entry(entries.get(key)):
            return Lookup(credential)
    for key, entry in entries.items():
        if _host_of(key) in keys and (credential := _read_entry(entry)):
            return Lookup(credential)
    return Lookup(None, trouble)


def _read_config(docker_config: str | None) -> dict[str, Any]:
    place = docker_config or os.environ.get("DOCKER_CONFIG")
    path = Path(place) if place else Path("~/.docker").expanduser()
    if path.is_dir() or not (docker_config or path.exists()):
        path = path / "config.json"
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_CONFIG)
        config = orjson.loads(data)
    except FileNotFoundError:
        if docker_config is None or path.name == "config.json":
            return {}
        raise SettingsError("there is no such Docker configuration", where=str(path)) from None
    except (OSError, orjson.JSONDecodeError):
        # The parser's message may quote what it stumbled over: a secret, perhaps.
        raise SettingsError("Docker's configuration cannot be read", where=str(path)) from None
    if not isinstance(config, dict):
        raise SettingsError("Docker's configuration is no JSON object", where=str(path))
    return config


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _host_of(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _read_entry(entry: object) -> Credential | None:
    if not isinstance(entry, dict):
        return None
    texts = {name: value for name, value in entry.items() if isinstance(value, str) and value}
    user, password = texts.get("username", ""), texts.get("password", "")
    if "auth" in texts:
        try:
            decoded = base64.b64decode(texts["auth"]).decode()
        except (binascii.Error, ValueError):
            decoded = ""
        user, _, password = decoded.partition(":")
        password = password.strip("\0")
    found = Credential(user, password, texts.get("identitytoken", ""), texts.get("registrytoken", ""))
    return found if (found.user or found.identity_token or found.registry_token) else None


def _ask_helper(name: str, server: str) -> Lookup:
    if not _HELPER_NAME.fullmatch(name):
        return Lookup(None, "Docker's configuration names a credential helper that is no program name")
    program = f"docker-credential-{name}"
    path = shutil.which(program)
    if path is None:
        return Lookup(None, f"{program} is not installed")
    try:
        done = subprocess.run(
            [path, "get"], input=server.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Lookup(None, f"{program} did not answer within {_HELPER_SECONDS} s")
    except OSError as error:
        return Lookup(None, f"{program} cannot be started: {error.strerror}")
    if done.returncode != 0:
        # Its words may hold the secret; that it has none is the usual reason.
        return Lookup(None, f"{program} knows no credential for {server}")
    try:
        answer = orjson.loads(done.stdout[:_LARGEST_CONFIG])
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return Lookup(None, f"{program} answers what is no credential")
    if user == _TOKEN_USER:
        return Lookup(Credential(identity_token=secret))
    return Lookup(Credential(user, secret) if user else None)
