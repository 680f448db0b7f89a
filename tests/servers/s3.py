"""S3 servers: moto's, in a process of its own, and one that answers as it is told, for faults that moto does not have."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import boto3
import pytest

from catalog.settings import ArchiveLocation, S3Options
from tests.servers.missing import missing


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """URL of a moto server."""
    if importlib.util.find_spec("moto") is None:
        missing("an S3 server", "pip install 'moto[server]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/moto-api/", timeout=5):
                break
            time.sleep(0.1)
        else:
            missing("an S3 server", "moto's server does not start")
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials where boto3 looks for them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def s3_archive(s3_endpoint: str, s3_credentials: None) -> ArchiveLocation:
    """An archive below a prefix in a new bucket."""
    bucket = f"archive-{uuid4().hex[:12]}"
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.create_bucket(Bucket=bucket)
    client.close()
    options = S3Options(endpoint=s3_endpoint, region="us-east-1", path_style=True)
    return ArchiveLocation(f"s3://{bucket}/fleet/one", options)


@dataclass
class Answer:
    """What the scripted server sends: a body shorter than `length` breaks off."""

    status: int
    code: str = ""
    body: bytes = b""
    length: int | None = None


@dataclass
class ScriptedS3:
    """A server that gives the next answer to each request, the last one again and again."""

    endpoint: str = ""
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def location(self) -> ArchiveLocation:
        return ArchiveLocation("s3://bucket", S3Options(self.endpoint, "us-east-1", path_style=True, attempts=2))


@pytest.fixture
def scripted_s3(s3_credentials: None) -> Iterator[ScriptedS3]:
    """A server whose answers the test writes."""
    script = ScriptedS3()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.requests.append((self.command, self.path, dict(self.headers.items()), body))
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            error = f"<Error><Code>{answer.code}</Code><Message>as the test wants it</Message></Error>".encode()
            content = error if answer.code else answer.body
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content) if answer.length is None else answer.length))
            self.send_header("Last-Modified", "Fri, 20 Nov 2026 10:00:00 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            if answer.length is not None:
                self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        script.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield script
        server.shutdown()
        thread.join()
