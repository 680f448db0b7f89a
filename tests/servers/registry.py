"""Docker's own registry (Debian's package) on loopback: open, with a password, with tokens, and with TLS; and a faulty one of ours.

Each fixture is a fresh, empty server for one test:

    def test_something(registry: Registry, tmp_path: Path) -> None:
        with OciWriter(tmp_path) as writer:
            writer.add_image([build_layer({"etc/os-release": "ID=debian"})], tag="1")
        registry.push(tmp_path, "team/app")
        scan(f"{registry.host}/team/app:1")
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.faulty_registry import FaultyRegistry
from tests.servers.missing import missing
from tests.servers.pushing import Pusher
from tests.servers.token_server import ISSUER, PASSWORD, SERVICE, USER, TokenServer, basic

# bcrypt of PASSWORD with few rounds: the registry takes no other hash.
_PASSWORD_FILE = f"{USER}:$2b$04$wwTmqPaKpElqbWYGLBbVqefXLBSIzwLoQ/0TNWsmPxRmO9mQcEb5K\n"
_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
_START_SECONDS = 30


@dataclass
class Registry:
    """A running docker-registry.

    Args:
        host: `name:port`.
        pusher: fills it.
        folder: where it keeps its storage and log.
        docker_config: a Docker configuration that lets us in; None where none is needed.
        ca_file: the authority to trust; None without TLS.
        process: the server.
        tokens: its token service, if any.
    """

    host: str
    pusher: Pusher
    folder: Path
    docker_config: Path | None
    ca_file: Path | None
    process: subprocess.Popen[bytes]
    tokens: TokenServer | None = None

    def push(self, layout: Path, repository: str, *tags: str) -> None:
        """Push entries of an OCI layout under their tags; all of them where none is named."""
        self.pusher.push(layout, repository, *tags)

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest, and every tag that points to it."""
        self.pusher.delete(repository, digest)

    def requests(self) -> list[str]:
        """What was asked of it so far, as `METHOD /path`."""
        log = (self.folder / "log").read_text(errors="replace")
        return [
            f"{method} {path}" for method, path in re.findall(r'"(GET|HEAD|PUT|POST|DELETE|PATCH) (/\S*) HTTP', log)
        ]

    def settled_requests(self) -> list[str]:
        """The same once its log is at rest: a request is logged a little after it was answered."""
        seen = -1
        while seen != (size := (self.folder / "log").stat().st_size):
            seen = size
            time.sleep(0.3)
        return self.requests()

    def stop(self) -> None:
        """End the server; its port refuses connections from then on."""
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that lets everybody in."""
    yield from _running(tmp_path_factory.mktemp("registry"), {})


@pytest.fixture
def registry_with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with basic authentication; `docker_config` knows the password."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "passwords").write_text(_PASSWORD_FILE)
    auth = {"htpasswd": {"realm": "tests", "path": str(folder / "passwords")}}
    yield from _running(folder, {"auth": auth}, authorise=lambda _: basic(USER, PASSWORD))


@pytest.fixture
def registry_with_tls(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Registry]:
    """A registry that speaks TLS with a certificate of an authority nobody knows: `ca_file`."""
    yield from _running(tmp_path_factory.mktemp("registry"), {}, certificates=certificates)


@pytest.fixture
def registry_with_tokens(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Registry]:
    """A registry whose clients need tokens; `docker_config` knows the password of the token service."""
    tokens = TokenServer(certificates)
    try:
        token = {
            "realm": tokens.realm,
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(certificates.authority),
        }
        for running in _running(
            tmp_path_factory.mktemp("registry"),
            {"auth": {"token": token}},
            authorise=lambda repository: f"Bearer {tokens.issue(f'repository:{repository}:pull,push')}",
        ):
            running.tokens = tokens
            yield running
    finally:
        tokens.close()


@pytest.fixture
def faulty_registry() -> Iterator[FaultyRegistry]:
    """A registry of ours that serves OCI layouts from their files and fails as it is told."""
    server = FaultyRegistry()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and a server certificate for loopback."""
    if shutil.which("openssl") is None:
        missing("openssl", "apt-get install openssl")
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def _running(
    folder: Path,
    settings: dict[str, Any],
    *,
    authorise: Callable[[str], str] | None = None,
    certificates: Certificates | None = None,
) -> Iterator[Registry]:
    program = shutil.which("docker-registry") or missing("docker-registry", "apt-get install docker-registry")
    http: dict[str, Any] = {"addr": "127.0.0.1:0", "secret": "tests"}
    if certificates is not None:
        http["tls"] = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    configuration = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "validation": {"manifests": {"urls": {"allow": [".*"]}}},
        "http": http,
        **settings,
    }
    (folder / "config.yml").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        host = f"localhost:{_port(process, folder / 'log')}"
        context = ssl.create_default_context(cafile=str(certificates.authority)) if certificates else None
        pusher = Pusher(f"{'https' if certificates else 'http'}://{host}", authorise or (lambda _: ""), context)
        config = None
        if authorise is not None:
            config = folder / "docker" / "config.json"
            config.parent.mkdir()
            config.write_text(json.dumps({"auths": {host: {"auth": basic(USER, PASSWORD).removeprefix("Basic ")}}}))
        yield Registry(host, pusher, folder, config, certificates.authority if certificates else None, process)
    finally:
        process.terminate()
        process.wait(10)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if match := _LISTENING.search(log.read_text(errors="replace")):
            return int(match[1])
        time.sleep(0.02)
    raise AssertionError(f"docker-registry does not start: {log.read_text(errors='replace')[-2000:]}")
