"""The client against Docker's own registry, filled by our writer and by skopeo."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from catalog.errors import NotFound, RegistryUnreachable, Unauthorised
from catalog.states import Outcome
from tasks.blobs import open_blob
from tasks.oci_writer import OciWriter, build_layer
from tasks.sources.interface import Listed, PlatformChoice, Source
from tasks.sources.opening import open_sources
from tasks.transport import RegistryAccess
from tests.servers.missing import missing
from tests.servers.registry import Registry
from tests.servers.token_server import PASSWORD, REFRESH_TOKEN, USER, basic

pytestmark = pytest.mark.registry
QUICK = {"retries": 1, "backoff_seconds": 0.01, "timeout_seconds": 10.0}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Tags that share a layer; one is an index over two platforms."""
    folder = tmp_path / "layout"
    with OciWriter(folder) as writer:
        base = build_layer({"etc/os-release": "ID=debian\n"})
        top = build_layer({"app": b"x" * 100_000}, compression="zstd")
        writer.add_image([base, top], tag="one")
        writer.add_image([base, build_layer({"app": b"y"})], tag="gzip")
        writer.add_index(
            [writer.add_image([base]), writer.add_image([base, top], platform="linux/arm64/v8")], tag="two"
        )
    return folder


def only_source(text: str, access: RegistryAccess) -> Source:
    (source,) = open_sources([text], access)
    return source


def access_to(registry: Registry) -> RegistryAccess:
    config = str(registry.docker_config) if registry.docker_config else None
    return RegistryAccess(docker_config=config, ca_file=str(registry.ca_file) if registry.ca_file else None, **QUICK)


def listing(text: str, access: RegistryAccess) -> list[Listed]:
    return list(only_source(text, access).list())


def read(registry: Registry, access: RegistryAccess, text: str) -> list[str]:
    """Resolve a reference and read all layers; the digests of what came."""
    source = only_source(text, access)
    (listed,) = source.list()
    found = []
    for image in source.resolve(listed, PlatformChoice()):
        assert image.manifest is not None
        for layer, location in zip(image.manifest.layers, image.locations, strict=True):
            content = hashlib.sha256()
            with open_blob(location, layer.digest, layer.size, access) as stream:
                buffer = memoryview(bytearray(1 << 16))
                while count := stream.readinto(buffer):
                    content.update(buffer[:count])
            assert layer.digest == f"sha256:{content.hexdigest()}"
            found.append(layer.digest)
    return found


def test_a_catalogue_lists_every_tag_with_its_digest(registry: Registry, layout: Path) -> None:
    registry.push(layout, "team/app", "one", "two")
    registry.push(layout, "other", "one")
    source = only_source(registry.host, access_to(registry))
    listed = list(source.list())
    assert [item.reference for item in listed] == [
        f"{registry.host}/other:one",
        f"{registry.host}/team/app:one",
        f"{registry.host}/team/app:two",
    ]
    entries = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
               for entry in json.loads((layout / "index.json").read_bytes())["manifests"]}  # fmt: skip
    assert [item.target for item in listed] == [entries["one"], entries["one"], entries["two"]]
    assert [(scope.registry, scope.repository) for scope in source.scopes()] == [(registry.host, "")]


def test_a_listing_costs_one_head_a_tag_and_no_manifest(registry: Registry, layout: Path) -> None:
    registry.push(layout, "team/app", "one", "two")
    before = len(registry.requests())
    listing(f"{registry.host}/team/app", access_to(registry))
    asked = [line for line in registry.requests()[before:] if "/v2/ " not in f"{line} "]
    assert sorted(asked) == [
        "GET /v2/team/app/tags/list?n=1000",
        "HEAD /v2/team/app/manifests/one",
        "HEAD /v2/team/app/manifests/two",
    ]


def test_an_index_gives_an_image_for_each_platform(registry: Registry, layout: Path) -> None:
    registry.push(layout, "app")
    source = only_source(f"{registry.host}/app:two", access_to(registry))
    (listed,) = source.list()
    images = source.resolve(listed, PlatformChoice())
    assert [str(image.platform) for image in images] == ["linux/amd64", "linux/arm64/v8"]
    assert {(image.outcome, image.detail) for image in images} == {(Outcome.PENDING, "")}


def test_layers_come_whole(registry: Registry, layout: Path) -> None:
    registry.push(layout, "app")
    assert len(read(registry, access_to(registry), f"{registry.host}/app:one")) == 2


def test_a_digest_is_a_reference(registry: Registry, layout: Path) -> None:
    registry.push(layout, "app")
    (listed,) = listing(f"{registry.host}/app:one", access_to(registry))
    assert read(registry, access_to(registry), f"{registry.host}/app@{listed.target}")


def test_an_emptied_repository_is_no_error_of_its_registry(registry: Registry, layout: Path) -> None:
    registry.push(layout, "app", "one")
    (listed,) = listing(registry.host, access_to(registry))
    registry.delete("app", str(listed.target))
    source = only_source(registry.host, access_to(registry))
    assert list(source.list()) == []
    assert source.scopes()[0].repository == ""


def test_a_tag_that_is_not_there_is_not_found(registry: Registry, layout: Path) -> None:
    registry.push(layout, "app")
    (listed,) = listing(f"{registry.host}/app:three", access_to(registry))
    assert isinstance(listed.error, NotFound)


def test_a_repository_that_is_not_there_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFound):
        listing(f"{registry.host}/nothing", access_to(registry))


def test_a_registry_that_is_gone_is_unreachable(registry: Registry) -> None:
    registry.stop()
    with pytest.raises(RegistryUnreachable, match="connection refused"):
        listing(registry.host, access_to(registry))


def test_a_password_lets_us_in(registry_with_password: Registry, layout: Path) -> None:
    registry_with_password.push(layout, "app", "one", "two")
    assert len(listing(registry_with_password.host, access_to(registry_with_password))) == 2
    assert read(registry_with_password, access_to(registry_with_password), f"{registry_with_password.host}/app:one")


def test_without_a_password_we_are_told_what_to_do(registry_with_password: Registry, tmp_path: Path) -> None:
    with pytest.raises(Unauthorised, match="catalogue"):
        listing(registry_with_password.host, RegistryAccess(docker_config=str(tmp_path), **QUICK))
    (listed,) = listing(f"{registry_with_password.host}/app:one", RegistryAccess(docker_config=str(tmp_path), **QUICK))
    assert isinstance(listed.error, Unauthorised)
    assert f"docker login {registry_with_password.host}" in str(listed.error)


def test_a_wrong_password_is_refused_and_never_shown(registry_with_password: Registry, tmp_path: Path) -> None:
    auth = basic(USER, "wrong-secret").removeprefix("Basic ")
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry_with_password.host: {"auth": auth}}}))
    (listed,) = listing(f"{registry_with_password.host}/app:one", RegistryAccess(docker_config=str(tmp_path), **QUICK))
    assert isinstance(listed.error, Unauthorised)
    assert "wrong-secret" not in repr(listed.error)
    assert auth not in repr(listed.error)


def test_tls_is_verified_with_the_given_authority(registry_with_tls: Registry, layout: Path) -> None:
    registry_with_tls.push(layout, "app")
    assert read(registry_with_tls, access_to(registry_with_tls), f"{registry_with_tls.host}/app:one")


def test_an_unknown_authority_is_named_and_nothing_falls_back_to_plain_http(registry_with_tls: Registry) -> None:
    with pytest.raises(RegistryUnreachable, match="certificate cannot be verified"):
        listing(registry_with_tls.host, RegistryAccess(insecure=(registry_with_tls.host,), **QUICK))


def test_tokens_are_fetched_for_just_what_is_needed(registry_with_tokens: Registry, layout: Path) -> None:
    registry_with_tokens.push(layout, "app", "one", "two")
    tokens = registry_with_tokens.tokens
    assert tokens is not None
    access = access_to(registry_with_tokens)
    assert len(listing(registry_with_tokens.host, access)) == 2
    assert read(registry_with_tokens, access, f"{registry_with_tokens.host}/app:one")
    assert set(tokens.asked) == {"registry:catalog:*", "repository:app:pull"}
    assert len(tokens.asked) <= 4, "a token is kept for its scope"


def test_an_anonymous_token_is_enough_where_the_service_gives_one(
    registry_with_tokens: Registry, layout: Path, tmp_path: Path
) -> None:
    registry_with_tokens.push(layout, "app")
    assert registry_with_tokens.tokens is not None
    registry_with_tokens.tokens.anonymous_pull = True
    access = RegistryAccess(docker_config=str(tmp_path), **QUICK)
    assert read(registry_with_tokens, access, f"{registry_with_tokens.host}/app:one")


def test_an_identity_token_is_exchanged(registry_with_tokens: Registry, layout: Path, tmp_path: Path) -> None:
    registry_with_tokens.push(layout, "app")
    entry = {"auth": basic("ignored", "").removeprefix("Basic "), "identitytoken": REFRESH_TOKEN}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry_with_tokens.host: entry}}))
    access = RegistryAccess(docker_config=str(tmp_path), **QUICK)
    assert read(registry_with_tokens, access, f"{registry_with_tokens.host}/app:one")


def test_a_refused_token_is_unauthorised(registry_with_tokens: Registry, tmp_path: Path) -> None:
    access = RegistryAccess(docker_config=str(tmp_path), **QUICK)
    (listed,) = listing(f"{registry_with_tokens.host}/app:one", access)
    assert isinstance(listed.error, Unauthorised)


def test_a_helper_knows_the_password(
    registry_with_password: Registry, layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry_with_password.push(layout, "app")
    helper = tmp_path / "docker-credential-tests"
    helper.write_text(f"""#!/bin/sh
read host
echo '{{"ServerURL": "'$host'", "Username": "{USER}", "Secret": "{PASSWORD}"}}'
""")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {registry_with_password.host: "tests"}}))
    access = RegistryAccess(docker_config=str(tmp_path), **QUICK)
    assert read(registry_with_password, access, f"{registry_with_password.host}/app:one")


def test_what_skopeo_pushes_we_read(registry: Registry, layout: Path) -> None:
    skopeo = shutil.which("skopeo") or missing("skopeo", "apt-get install skopeo")
    for form in ("oci", "v2s2"):
        target = f"docker://{registry.host}/from-skopeo:{form}"
        done = subprocess.run(
            [skopeo, "copy", "-q", "--insecure-policy", "--dest-tls-verify=false", f"--format={form}", "--dest-compress-format=gzip",
             f"oci:{layout}:gzip", target], check=False, capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(read(registry, access_to(registry), f"{registry.host}/from-skopeo:{form}")) == 2
