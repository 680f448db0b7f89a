"""Answers to a registry's challenges: basic authentication and bearer tokens.

The story of a request (Distribution project, "Token Authentication Specification"): it goes out with the token that is cached
for its host and scope, if any; a 401 brings a challenge; a Bearer challenge names a realm, to which we go with our credentials,
asking for no more than the pull we need — the scope is ours, not the server's; the token is kept until shortly before it ends.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson

from catalog.errors import ProtocolViolation, Unauthorised
from tasks.registry.credentials import Credential, Lookup, find_credential
from tasks.transport import Document, Transport

CATALOGUE_SCOPE = "registry:catalog:*"
"""The scope that listing a registry's repositories needs."""

_CLIENT = "longshore"
_LARGEST_TOKEN = 1 << 20
_SHORTEST_LIFE = 60.0  # the specification's default and minimum
_CHALLENGE = re.compile(
    r"[\s,]*(?:([A-Za-z][A-Za-z0-9_-]*) +(?=[A-Za-z_]+ *=)|(Basic|Negotiate) *(?=,|$))", re.IGNORECASE
)
_PARAMETER = re.compile(r'[\s,]*([A-Za-z_]+) *= *(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')


def pull_scope(repository: str) -> str:
    """The scope that reading a repository needs."""
    return f"repository:{repository}:pull"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a WWW-Authenticate header: its scheme in lower case, its parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Token:
    header: str = field(repr=False)
    ends: float


def parse_challenges(header: str) -> list[Challenge]:
    """Read a WWW-Authenticate header (RFC 9110, 11.6.1); what cannot be read ends the list."""
    challenges, position = [], 0
    header = header[:8192]
    while match := _CHALLENGE.match(header, position):
        position = match.end()
        parameters: dict[str, str] = {}
        while not _CHALLENGE.match(header, position) and (pair := _PARAMETER.match(header, position)):
            position = pair.end()
            quoted, plain = pair.group(2), pair.group(3)
            parameters[pair.group(1).lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        challenges.append(Challenge((match.group(1) or match.group(2)).lower(), parameters))
    return challenges


class Authenticator:
    """Finds the Authorization header for requests to one registry, and remembers it. Shared by threads.

    Args:
        transport: to reach token services with.
        host: `name[:port]` of the registry.
        base_url: where it answers.
    """

    def __init__(self, transport: Transport, host: str, base_url: str) -> None:
        self._transport = transport
        self._host = host
        self._base_url = base_url
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def header(self, scope: str) -> dict[str, str]:
        """The Authorization header known for a scope; empty where none is known or it has ended."""
        with self._lock:
            token = self._tokens.get(scope)
        return {"Authorization": token.header} if token is not None and token.ends > time.monotonic() else {}

    def answer(self, reply: Document, scope: str) -> dict[str, str]:
        """The Authorization header that a 401 asks for.

        Args:
            reply: the 401.
            scope: what the request needs.

        Raises:
            Unauthorised: we have nothing that would do, or the token service refuses us.
            ProtocolViolation: the challenge leads where we do not go, or its token service answers nonsense.
            RegistryUnreachable, RegistryBusy: the token service does not answer.
            SettingsError: Docker's configuration cannot be read.
        """
        if reply.elsewhere:
            # Whoever stores a registry's blobs may not name the place where our password for the registry goes.
            raise ProtocolViolation("sends us to another server, which asks for credentials", where=self._host)
        challenges = {
            challenge.scheme: challenge for challenge in parse_challenges(reply.headers.get("www-authenticate", ""))
        }
        lookup = find_credential(self._host, self._transport.access.docker_config)
        if lookup.credential is not None and lookup.credential.registry_token:
            token = _Token(f"Bearer {lookup.credential.registry_token}", time.monotonic() + _SHORTEST_LIFE)
        elif "bearer" in challenges:
            token = self._fetch_token(challenges["bearer"].parameters, scope, lookup)
        elif "basic" in challenges and lookup.credential is not None and lookup.credential.user:
            token = _Token(lookup.credential.basic, float("inf"))
        elif "basic" in challenges:
            raise self.refused("asks for a user and password", lookup)
        else:
            raise self.refused("refuses us without saying what it wants", lookup)
        with self._lock:
            self._tokens[scope] = token
        return {"Authorization": token.header}

    def refused(self, what: str, lookup: Lookup | None = None) -> Unauthorised:
        """The error to raise where the registry does not let us in."""
        trouble = lookup.trouble if lookup else ""
        return Unauthorised(what, where=self._host, advice=trouble or f"log in first: docker login {self._host}")

    def _fetch_token(self, parameters: Mapping[str, str], scope: str, lookup: Lookup) -> _Token:
        if not parameters.get("realm"):
            raise ProtocolViolation("asks for a token without saying where to get it", where=self._host)
        realm = self._transport.admit(self._base_url + "/v2/", parameters["realm"])
        query = {"service": parameters["service"]} if "service" in parameters else {}
        asked = time.monotonic()
        document = self._ask_realm(realm, {**query, "scope": scope}, lookup.credential)
        if document.status in {400, 401, 403}:
            raise self.refused(f"its token service refuses us ({document.status})", lookup)
        if document.status != 200:
            raise ProtocolViolation(f"its token service answers {document.status}", where=self._host)
        return self._read_token(document, asked)

    def _ask_realm(self, realm: str, query: dict[str, str], credential: Credential | None) -> Document:
        if credential is not None and credential.identity_token:
            form = {
                **query,
                "grant_type": "refresh_token",
                "client_id": _CLIENT,
                "refresh_token": credential.identity_token,
            }
            return self._transport.fetch(
                "POST",
                realm,
                {"Content-Type": "application/x-www-form-urlencoded"},
                limit=_LARGEST_TOKEN,
                body=urlencode(form).encode(),
            )
        headers = {"Authorization": credential.basic} if credential is not None and credential.user else {}
        separator = "&" if "?" in realm else "?"
        return self._transport.fetch("GET", realm + separator + urlencode(query), headers, limit=_LARGEST_TOKEN)

    def _read_token(self, document: Document, asked: float) -> _Token:
        try:
            answer = orjson.loads(document.data)
            text = answer.get("token") or answer.get("access_token")
            life = answer.get("expires_in")
        except (orjson.JSONDecodeError, AttributeError):
            text = life = None
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
            raise ProtocolViolation("its token service answers without a token", where=self._host)
        seconds = max(float(life), _SHORTEST_LIFE) if isinstance(life, int | float) else _SHORTEST_LIFE
        return _Token(f"Bearer {text}", asked + seconds * 0.8)
