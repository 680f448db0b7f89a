"""A token service for Docker's registry: signs the tokens that the registry is configured to believe.

Distribution project, "Token Authentication Implementation": a JWT whose header carries the certificate chain.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.servers.certificates import Certificates, der_of, sign

ISSUER, SERVICE = "longshore-tests", "longshore-registry"
USER, PASSWORD, REFRESH_TOKEN = "jane", "correct horse", "refresh-me"


@dataclass
class TokenServer:
    """Serves tokens on loopback; `asked` keeps the scopes that were asked for."""

    certificates: Certificates
    anonymous_pull: bool = False
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                self._answer(query, self.headers.get("Authorization", "") == basic(USER, PASSWORD))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(form, form.get("refresh_token") == [REFRESH_TOKEN])

            def _answer(self, query: dict[str, list[str]], known: bool) -> None:
                scope = query.get("scope", [""])[0]
                outer.asked.append(scope)
                allowed = known or (outer.anonymous_pull and scope.endswith(":pull"))
                body = json.dumps(
                    {"token": outer.issue(scope), "expires_in": 300} if allowed else {"details": "no"}
                ).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def issue(self, scope: str) -> str:
        """A token for `type:name:action,action`."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
        now = int(time.time())
        header = {
            "typ": "JWT",
            "alg": "RS256",
            "x5c": [base64.b64encode(der_of(self.certificates.certificate)).decode()],
        }
        claims = {"iss": ISSUER, "sub": USER, "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": uuid.uuid4().hex, "access": access}  # fmt: skip
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        return f"{signed}.{_encode(sign(self.certificates.key, signed.encode()))}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def basic(user: str, password: str) -> str:
    """The header of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
