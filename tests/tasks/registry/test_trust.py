"""Where credentials go, and where nobody can send us."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.errors import ProtocolViolation, SettingsError
from tasks.digests import sha256_digest
from tasks.registry.auth import parse_challenges
from tasks.registry.client import registries
from tasks.registry.credentials import Credential, find_credential
from tasks.sources.interface import Listed, PlatformChoice
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess, Transport
from tests.servers.certificates import Certificates
from tests.servers.faulty_registry import Fault, FaultyRegistry
from tests.servers.token_server import basic

SECRET = "correct horse battery"
MANIFEST = b'{"schemaVersion": 2, "manifests": []}'


@pytest.fixture
def other() -> Iterator[FaultyRegistry]:
    """Another host."""
    server = FaultyRegistry()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def access(faulty_registry: FaultyRegistry, tmp_path: Path) -> RegistryAccess:
    """Access with a password for the registry alone."""
    auth = basic("jane", SECRET).removeprefix("Basic ")
    (tmp_path / "config.json").write_text(json.dumps({"auths": {faulty_registry.host: {"auth": auth}}}))
    faulty_registry.add_manifest("app", MANIFEST, "application/vnd.oci.image.index.v1+json", "1")
    return RegistryAccess(docker_config=str(tmp_path), retries=0, timeout_seconds=5.0)


def look_up(server: FaultyRegistry, access: RegistryAccess) -> Listed:
    (source,) = open_sources([f"{server.host}/app:1"], access)
    (listed,) = source.list()
    return listed


def ask_for_password(server: FaultyRegistry) -> None:
    server.fail(
        "HEAD", "/v2/app/manifests/1", Fault(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}), times=1
    )


def test_credentials_wait_until_they_are_asked_for(faulty_registry: FaultyRegistry, access: RegistryAccess) -> None:
    ask_for_password(faulty_registry)
    assert look_up(faulty_registry, access).error is None
    assert [request.headers.get("authorization") for request in faulty_registry.seen("/v2/app/.*")] == [
        None,
        basic("jane", SECRET),
    ]


def test_a_redirect_to_another_host_carries_no_credentials(
    faulty_registry: FaultyRegistry, other: FaultyRegistry, access: RegistryAccess
) -> None:
    other.add_manifest("app", MANIFEST, "application/vnd.oci.image.index.v1+json", "1")
    ask_for_password(faulty_registry)
    target = f"http://{other.host}/v2/app/manifests/1"
    faulty_registry.fail("HEAD", "/v2/app/manifests/1", Fault(status=307, headers={"Location": target}), times=1)
    assert look_up(faulty_registry, access).error is None
    assert [request.headers.get("authorization") for request in other.requests] == [None]


def test_credentials_do_not_come_back_after_a_detour(
    faulty_registry: FaultyRegistry, other: FaultyRegistry, access: RegistryAccess
) -> None:
    ask_for_password(faulty_registry)
    away = Fault(status=307, headers={"Location": f"http://{other.host}/back"})
    faulty_registry.fail("HEAD", "/v2/app/manifests/1", away, times=1)
    back = f"http://{faulty_registry.host}/v2/app/manifests/1?again"
    other.fail("HEAD", "/back", Fault(status=307, headers={"Location": back}))
    assert look_up(faulty_registry, access).error is None
    assert "authorization" not in faulty_registry.requests[-1].headers


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
@pytest.mark.parametrize("path", ["/v2/app/manifests/1", "/v2/app/blobs/.*"])
def test_a_server_that_a_redirect_leads_to_cannot_ask_for_the_registrys_password(
    faulty_registry: FaultyRegistry, other: FaultyRegistry, access: RegistryAccess, scheme: str, path: str
) -> None:
    away = Fault(status=307, headers={"Location": f"http://{other.host}/away"})
    faulty_registry.fail("HEAD" if "manifests" in path else "GET", path, away)
    challenge = f'{scheme} realm="http://{other.host}/token",service="x"'
    for method in ("HEAD", "GET"):
        other.fail(method, "/.*", Fault(status=401, headers={"WWW-Authenticate": challenge}))
    client = registries(access).client(faulty_registry.host)
    with pytest.raises(ProtocolViolation, match="another server"):
        client.digest_of("app", "1") if "manifests" in path else client.blob("app", sha256_digest(b""), 0)
    everything = [*faulty_registry.requests, *other.requests]
    assert [request.headers.get("authorization") for request in everything] == [None] * len(everything)
    assert not other.seen("/token.*")


def test_redirects_in_circles_end(faulty_registry: FaultyRegistry, access: RegistryAccess) -> None:
    faulty_registry.fail("HEAD", "/.*", Fault(status=302, headers={"Location": "/v2/app/manifests/1"}))
    assert "circles" in str(look_up(faulty_registry, access).error)


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "http://registry.example/v2/",
        "file:///etc/passwd",
        "ftp://registry.example/",
        "https://user:secret@registry.example/",
        "https:///nothing",
        "https://registry.example\\@evil.example/",
        "https://registry.example/\x7f",
        "https://[::1/",
        "https://bücher.example/",
    ],
)
def test_nobody_sends_us_there(faulty_registry: FaultyRegistry, access: RegistryAccess, target: str) -> None:
    transport = Transport(access)
    with pytest.raises(ProtocolViolation):
        transport.admit(f"http://{faulty_registry.host}/v2/", target)


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:5432/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://127.9.9.9/",
    ],
)
def test_a_registry_out_there_does_not_send_us_to_our_own_services(target: str) -> None:
    with pytest.raises(ProtocolViolation):
        Transport(RegistryAccess()).admit("https://93.184.215.14/v2/", target)


@pytest.mark.parametrize(
    "target", ["https://93.184.215.15/blob?signature=x", "/v2/elsewhere", "https://10.1.2.3/storage"]
)
def test_storage_elsewhere_is_fine(target: str) -> None:
    assert Transport(RegistryAccess()).admit("https://93.184.215.14/v2/", target).startswith("https://")


def test_plain_http_is_for_listed_hosts(access: RegistryAccess) -> None:
    listed = Transport(RegistryAccess(insecure=("storage.example:9000",)))
    assert listed.admit("https://93.184.215.14/v2/", "http://storage.example:9000/x")
    with pytest.raises(ProtocolViolation, match="insecure"):
        listed.admit("https://93.184.215.14/v2/", "http://storage.example:9001/x")


def test_a_host_that_is_not_listed_is_spoken_to_in_tls_alone() -> None:
    transport = Transport(RegistryAccess(insecure=("registry.example",)))
    assert transport.base_url("other.example") == "https://other.example"


def test_a_host_that_was_away_may_come_back_speaking_tls(certificates: Certificates) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    transport = Transport(RegistryAccess(ca_file=str(certificates.authority), retries=0, timeout_seconds=5.0))
    transport.base_url(host)
    server = FaultyRegistry(certificates, port=int(host.rpartition(":")[2]))
    try:
        assert transport.base_url(host) == f"https://{host}"
    finally:
        server.close()


def test_a_realm_elsewhere_in_plain_http_gets_no_password(
    faulty_registry: FaultyRegistry, access: RegistryAccess
) -> None:
    challenge = 'Bearer realm="http://evil.example/token",service="x"'
    faulty_registry.fail("HEAD", "/v2/app/manifests/1", Fault(status=401, headers={"WWW-Authenticate": challenge}))
    error = look_up(faulty_registry, access).error
    assert isinstance(error, ProtocolViolation)
    assert "evil.example" in str(error)


def test_errors_show_no_secret(faulty_registry: FaultyRegistry, other: FaultyRegistry, access: RegistryAccess) -> None:
    challenge = f'Bearer realm="http://{other.host}/token"'
    faulty_registry.fail("HEAD", "/v2/app/manifests/1", Fault(status=401, headers={"WWW-Authenticate": challenge}))
    other.fail("GET", "/token", Fault(status=200, body=json.dumps({"token": "bad token\r\nX: y"}).encode()))
    error = look_up(faulty_registry, access).error
    assert other.requests[0].headers["authorization"] == basic("jane", SECRET)
    assert isinstance(error, ProtocolViolation)
    assert SECRET not in repr(error)
    assert "bad token" not in repr(error)


def test_a_missing_authority_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        open_sources(["registry.example/app"], RegistryAccess(ca_file=str(tmp_path / "nothing.pem")))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x:y:pull,push"',
         [("bearer", {"realm": "https://a/t", "service": "s", "scope": "x:y:pull,push"})]),
        ('Basic realm="a \\"b\\""', [("basic", {"realm": 'a "b"'})]),
        ('Negotiate, Basic realm=x', [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('BEARER Realm="r"', [("bearer", {"realm": "r"})]),
        ('Bearer realm = "r" , service = "s", Basic realm="q"', [("bearer", {"realm": "r", "service": "s"}), ("basic", {"realm": "q"})]),
        ("", []),
        (",,,;;", []),
        (" " * 8000 + "," * 8000, []),
        ('Bearer realm="never ended', [("bearer", {"realm": ""})]),
    ],
)  # fmt: skip
def test_challenges_are_read(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(challenge.scheme, dict(challenge.parameters)) for challenge in parse_challenges(header)] == expected


def config(folder: Path, **content: object) -> str:
    (folder / "config.json").write_text(json.dumps(content))
    return str(folder)


@pytest.mark.parametrize(
    "key", ["registry.example:5000", "https://registry.example:5000", "https://registry.example:5000/v2/"]
)
def test_docker_writes_hosts_in_several_ways(tmp_path: Path, key: str) -> None:
    auth = basic("jane", "a:b").removeprefix("Basic ")
    found = find_credential("registry.example:5000", config(tmp_path, auths={key: {"auth": auth}})).credential
    assert found == Credential("jane", "a:b")


def test_docker_hub_has_names_of_its_own(tmp_path: Path) -> None:
    place = config(tmp_path, auths={"https://index.docker.io/v1/": {"username": "jane", "password": "pw"}})
    assert find_credential("registry-1.docker.io", place).credential == Credential("jane", "pw")


def test_another_hosts_password_is_not_found(tmp_path: Path) -> None:
    place = config(
        tmp_path, auths={"registry.example": {"auth": "YTpi"}, "registry.example:5000.evil": {"auth": "YTpi"}}
    )
    assert find_credential("registry.example:5000", place).credential is None


@pytest.mark.parametrize("auth", ["", "!!!", "YWJj", 7, None, "/w=="])
def test_an_entry_that_is_no_credential_counts_as_none(tmp_path: Path, auth: object) -> None:
    found = find_credential("r.example", config(tmp_path, auths={"r.example": {"auth": auth}})).credential
    assert found is None or found.password == ""


def test_a_broken_configuration_is_named_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"r": {"auth": "c2VjcmV0"')
    with pytest.raises(SettingsError) as raised:
        find_credential("r.example", str(tmp_path))
    assert "c2VjcmV0" not in repr(raised.value)
    assert raised.value.__cause__ is None


def test_a_named_file_that_is_not_there_is_an_error_and_a_missing_default_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError):
        find_credential("r.example", str(tmp_path / "other.json"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nothing"))
    assert find_credential("r.example", None).credential is None


@pytest.mark.parametrize("name", ["../evil", "a/b", "-rf", "x;y", "", " ", "a" * 65, "$(id)"])
def test_a_helper_that_is_no_program_name_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_credential("r.example", config(tmp_path, credHelpers={"r.example": name}))
    assert found.credential is None


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> str:
    program = folder / "docker-credential-tests"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return config(folder, credsStore="tests", auths={"r.example": {}})


def test_the_common_store_is_asked_by_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = helper(tmp_path, monkeypatch, """read host; echo '{"Username": "'$host'", "Secret": "s"}'""")
    assert find_credential("r.example", place).credential == Credential("r.example", "s")


def test_a_helpers_token_is_an_identity_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = helper(tmp_path, monkeypatch, """echo '{"Username": "<token>", "Secret": "refresh"}'""")
    assert find_credential("r.example", place).credential == Credential(identity_token="refresh")


@pytest.mark.parametrize(
    "script", ["echo secret-in-trouble >&2; exit 1", "echo secret-in-trouble", "exec 0<&-; echo '[]'"]
)
def test_a_helper_that_fails_is_told_of_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    found = find_credential("r.example", helper(tmp_path, monkeypatch, script))
    assert found.credential is None
    assert "docker-credential-tests" in found.trouble
    assert "secret-in-trouble" not in found.trouble


def test_a_credential_does_not_show_itself() -> None:
    assert SECRET not in repr(Credential("jane", SECRET, SECRET, SECRET))


def test_an_index_of_nothing_is_no_image(faulty_registry: FaultyRegistry, access: RegistryAccess) -> None:
    (source,) = open_sources([f"{faulty_registry.host}/app:1"], access)
    (listed,) = source.list()
    with pytest.raises(Exception, match="index of nothing"):
        source.resolve(listed, PlatformChoice())
