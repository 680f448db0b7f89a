"""A registry of ours that serves OCI layouts straight from their files and fails as it is told.

    server.add_layout(folder, "team/app")
    server.fail("GET", "/v2/team/app/blobs/.*", Fault(cut_after=1000), times=2)

A fault is used up by the requests it meets; `requests` remembers everything that came. It answers Range as it should, pages its
lists, and has no mercy on a client that trusts it: every header and byte can be a lie.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.servers.certificates import Certificates

_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")
_BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
_TAGS = re.compile(r"/v2/(.+)/tags/list")


@dataclass(frozen=True)
class Fault:
    """What happens instead of, or to, the right answer.

    Args:
        status: answered instead of what is right; None to change only what follows.
        headers: sent besides, or in place of, the right ones; None takes one away.
        body: sent instead.
        cut_after: bytes of the body after which the connection is cut.
        ignore_range: the whole blob is sent whatever range was asked for.
        seconds: waited before anything is sent.
        hang_up: the connection is cut before anything is sent.
    """

    status: int | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    body: bytes | None = None
    cut_after: int | None = None
    ignore_range: bool = False
    seconds: float = 0.0
    hang_up: bool = False


@dataclass(frozen=True)
class Request:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class _Answer:
    status: int
    body: bytes
    headers: dict[str, str]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up has seen enough; anything else fails the test by its answer."""


class FaultyRegistry:
    """Runs on 127.0.0.1 until it is closed; `host` is where.

    Args:
        certificates: to speak TLS with; None for plain HTTP.
        port: 0 for a free one.
    """

    def __init__(self, certificates: Certificates | None = None, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.page_size = 1000
        self._faults: list[tuple[str, re.Pattern[str], Fault, list[int]]] = []
        self._tags: dict[str, dict[str, tuple[bytes, str]]] = {}
        self._manifests: dict[str, dict[str, tuple[bytes, str]]] = {}
        self._layouts: dict[str, list[Path]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), self._handler())
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate, certificates.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def add_layout(self, layout: Path, repository: str) -> None:
        """Serve a layout's entries as a repository's tags."""
        self._layouts.setdefault(repository, []).append(layout)
        for entry in json.loads((layout / "index.json").read_bytes())["manifests"]:
            tag = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
            data = (layout / "blobs" / "sha256" / entry["digest"].removeprefix("sha256:")).read_bytes()
            self.add_manifest(repository, data, entry["mediaType"], tag)

    def add_manifest(self, repository: str, data: bytes, media_type: str, tag: str | None = None) -> str:
        """Serve some bytes as a manifest; returns their digest."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self._manifests.setdefault(repository, {})[digest] = (data, media_type)
        if tag is not None:
            self._tags.setdefault(repository, {})[tag] = (data, media_type)
        return digest

    def fail(self, method: str, path: str, fault: Fault, *, times: int = 1_000_000) -> None:
        """Let the next `times` requests whose method and path (regular expressions, whole) match meet a fault."""
        self._faults.append((method, re.compile(path), fault, [times]))

    def seen(self, path: str) -> list[Request]:
        """The requests whose path, without the query, matches a regular expression wholly."""
        return [request for request in self.requests if re.fullmatch(path, request.path.partition("?")[0])]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for wanted, pattern, fault, left in self._faults:
                if left[0] > 0 and re.fullmatch(wanted, method) and pattern.fullmatch(path):
                    left[0] -= 1
                    return fault
        return None

    def _answer(self, path: str, query: dict[str, list[str]]) -> _Answer:
        if path == "/v2/":
            return _Answer(200, b"{}", {})
        if path == "/v2/_catalog":
            return self._page(path, "repositories", sorted(self._manifests), query)
        if (match := _TAGS.fullmatch(path)) and match[1] in self._manifests:
            return self._page(path, "tags", sorted(self._tags.get(match[1], {})), query)
        if match := _MANIFEST.fullmatch(path):
            named = {**self._manifests.get(match[1], {}), **self._tags.get(match[1], {})}.get(match[2])
            for layout in self._layouts.get(match[1], []) if named is None else []:
                stored = layout / "blobs" / "sha256" / match[2].removeprefix("sha256:")
                if stored.exists():
                    data = stored.read_bytes()
                    named = (data, json.loads(data).get("mediaType", ""))
            if named is not None:
                digest = "sha256:" + hashlib.sha256(named[0]).hexdigest()
                return _Answer(200, named[0], {"Content-Type": named[1], "Docker-Content-Digest": digest})
        if match := _BLOB.fullmatch(path):
            for layout in self._layouts.get(match[1], []):
                stored = layout / "blobs" / "sha256" / match[2].removeprefix("sha256:")
                if stored.exists():
                    return _Answer(200, stored.read_bytes(), {"Content-Type": "application/octet-stream"})
        return _Answer(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}', {})

    def _page(self, path: str, name: str, names: list[str], query: dict[str, list[str]]) -> _Answer:
        size = min(int(query.get("n", ["1000"])[0]), self.page_size)
        last = query.get("last", [""])[0]
        left = [text for text in names if text > last]
        headers = {"Link": f'<{path}?n={size}&last={left[size - 1]}>; rel="next"'} if len(left) > size else {}
        return _Answer(200, json.dumps({name: left[:size]}).encode(), headers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                outer.requests.append(Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                answer = outer._answer(parts.path, parse_qs(parts.query))
                fault = outer._fault_for(self.command, parts.path) or Fault()
                time.sleep(fault.seconds)
                if fault.hang_up:
                    self.close_connection = True
                    return
                self._apply_range(answer, fault)
                self._send(answer, fault)

            do_HEAD = do_GET

            def _apply_range(self, answer: _Answer, fault: Fault) -> None:
                match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                if match is None or answer.status != 200 or fault.ignore_range or fault.status is not None:
                    return
                start, size = int(match[1]), len(answer.body)
                if start >= size:
                    answer.status, answer.body = 416, b""
                else:
                    answer.headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
                    answer.status, answer.body = 206, answer.body[start:]

            def _send(self, answer: _Answer, fault: Fault) -> None:
                body = answer.body if fault.body is None else fault.body
                if fault.status is not None and fault.body is None:
                    body = b""
                headers: dict[str, str | None] = {**answer.headers, "Content-Length": str(len(body)), **fault.headers}
                self.send_response(fault.status or answer.status)
                for name, value in headers.items():
                    if value is not None:
                        self.send_header(name, value)
                self.close_connection = fault.cut_after is not None or headers["Content-Length"] is None
                self.end_headers()
                if self.command != "HEAD":
                    with contextlib.suppress(ConnectionError):  # a client that has seen enough
                        self.wfile.write(body[: fault.cut_after])

            def log_message(self, *_: object) -> None:
                pass

        return Handler
