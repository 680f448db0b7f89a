"""What a document is, and what it is not."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import MalformedManifest, NotAnImage, SourceError
from tasks.registry.configurations import parse_configuration
from tasks.registry.manifests import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    IndexDocument,
    ManifestDocument,
    RawManifest,
    parse_manifest,
)

DIGEST = "sha256:" + "ab" * 32
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 10}


def raw(document: object, content_type: str = "") -> RawManifest:
    data = document if isinstance(document, bytes) else orjson.dumps(document)
    return RawManifest(DIGEST, data, content_type)


def manifest(**changes: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER], **changes}


def index(**changes: Any) -> dict[str, Any]:
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": DIGEST,
        "size": 1,
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    return {"schemaVersion": 2, "manifests": [{**entry, **changes}]}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_manifests_of_both_kinds_are_read(media_type: str) -> None:
    found = parse_manifest(raw(manifest(mediaType=media_type)))
    assert isinstance(found, ManifestDocument)
    assert (found.media_type, found.layers[0].size) == (media_type, 10)


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_INDEX])
def test_indexes_of_both_kinds_are_read(media_type: str) -> None:
    found = parse_manifest(raw({**index(), "mediaType": media_type}))
    assert isinstance(found, IndexDocument)
    assert str(found.entries[0].platform) == "linux/amd64"


def test_a_document_without_a_type_is_read_by_the_servers_word_and_its_shape() -> None:
    found = parse_manifest(raw(manifest(), DOCKER_MANIFEST))
    assert isinstance(found, ManifestDocument)
    assert found.media_type == DOCKER_MANIFEST
    assert isinstance(parse_manifest(raw(index())), IndexDocument)


@pytest.mark.parametrize(
    "document",
    [
        {**manifest(), **index()},
        manifest(mediaType=OCI_INDEX),
        {**index(), "mediaType": OCI_MANIFEST},
        manifest(mediaType=7),
        manifest(config=None),
        manifest(layers=None),
        manifest(layers=[None]),
        manifest(layers=[{**LAYER, "digest": "sha256:../../etc/passwd"}]),
        manifest(layers=[{**LAYER, "digest": "md5:abc"}]),
        manifest(layers=[{**LAYER, "digest": DIGEST.upper()}]),
        manifest(layers=[{**LAYER, "digest": DIGEST + "\n"}]),
        manifest(layers=[{**LAYER, "size": -1}]),
        manifest(layers=[{**LAYER, "size": 1 << 63}]),
        manifest(layers=[{**LAYER, "size": True}]),
        manifest(layers=[{**LAYER, "size": "10"}]),
        manifest(layers=[{**LAYER, "mediaType": []}]),
        {"manifests": {}},
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 200_000,
    ],
)
def test_what_cannot_be_understood_is_malformed(document: object) -> None:
    with pytest.raises(MalformedManifest):
        parse_manifest(raw(document))


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 1, "fsLayers": []},
        {"schemaVersion": 2},
        manifest(config={**CONFIG, "mediaType": "application/vnd.cncf.helm.config.v1+json"}),
        manifest(config={**CONFIG, "mediaType": "application/vnd.oci.empty.v1+json"}, artifactType="application/x"),
        manifest(layers=[{**LAYER, "mediaType": "application/vnd.in-toto+json"}]),
        manifest(layers=[{**LAYER, "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json"}]),
    ],
)
def test_what_is_no_image_is_none(document: object) -> None:
    with pytest.raises(NotAnImage):
        parse_manifest(raw(document))


def test_an_image_without_layers_is_one() -> None:
    found = parse_manifest(raw(manifest(layers=[])))
    assert isinstance(found, ManifestDocument)
    assert found.layers == ()


def test_foreign_layers_keep_their_places() -> None:
    layer = {**LAYER, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "urls": ["https://x/y"]}
    found = parse_manifest(raw(manifest(layers=[layer])))
    assert isinstance(found, ManifestDocument)
    assert found.layers[0].urls == ("https://x/y",)


def test_attestations_are_known_by_their_platform() -> None:
    found = parse_manifest(raw(index(platform={"os": "unknown", "architecture": "unknown"})))
    assert isinstance(found, IndexDocument)
    assert found.entries[0].attestation


def test_what_engines_may_run_is_no_attestation_whatever_it_says() -> None:
    found = parse_manifest(raw(index(annotations={"vnd.docker.reference.type": "attestation-manifest"})))
    assert isinstance(found, IndexDocument)
    assert not found.entries[0].attestation


@pytest.mark.parametrize(
    "document",
    [
        {**manifest(), "Layers": []},
        {**manifest(), "layer\u017f": []},
        {**manifest(), "CONFIG": {}},
        manifest(layers=[{**LAYER, "Digest": LAYER["digest"]}]),
        {**index(), "Manifests": []},
        index(platform={"os": "unknown", "architecture": "unknown", "OS": "linux", "Architecture": "amd64"}),
        index(Platform={"os": "linux", "architecture": "amd64"}),
    ],
)
def test_fields_that_engines_read_as_others_are_refused(document: object) -> None:
    with pytest.raises(MalformedManifest, match="others read as"):
        parse_manifest(raw(document))


def test_more_layers_than_any_engine_mounts_are_refused() -> None:
    with pytest.raises(MalformedManifest, match="more than 512 layers"):
        parse_manifest(raw(manifest(layers=[LAYER] * 513)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 64), 1 << 64) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "schemaVersion",
                    "mediaType",
                    "config",
                    "layers",
                    "manifests",
                    "digest",
                    "size",
                    "platform",
                    "urls",
                    "annotations",
                    "history",
                    "rootfs",
                    "diff_ids",
                    "Env",
                    "Labels",
                    "Cmd",
                    "os",
                    "x",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_no_document_raises_anything_else(document: object) -> None:
    data = json.dumps(document).encode()
    try:
        parse_manifest(raw(data))
    except SourceError as error:
        assert "\n" not in str(error)
    try:
        parse_configuration(data, 1, "x")
    except SourceError as error:
        assert "\n" not in str(error)


def test_a_configurations_facts_are_read_and_its_environments_values_are_not() -> None:
    data = orjson.dumps({
        "os": "linux", "architecture": "arm", "variant": "v7", "created": "2024-01-01T00:00:00Z",
        "config": {"User": "app", "Env": ["PATH=/bin", "TOKEN=hush"], "Entrypoint": ["/run"], "Cmd": "sh", "Labels": {"b": "2", "a": "1"},
                   "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}},
        "rootfs": {"diff_ids": [DIGEST, "nonsense"]},
        "history": [{"created_by": "ADD"}, {"created_by": "ENV", "empty_layer": True}, {"created_by": "RUN\0"}],
    })  # fmt: skip
    found = parse_configuration(data, 2, "x")
    assert str(found.platform) == "linux/arm/v7"
    assert found.facts.environment_names == ("PATH", "TOKEN")
    assert "hush" not in repr(found)
    assert (found.facts.entrypoint, found.facts.command, found.facts.user) == (("/run",), ("sh",), "app")
    assert found.facts.labels == (("a", "1"), ("b", "2"))
    assert found.facts.ports == ("443/tcp", "80/tcp")
    assert found.facts.history == ("ADD", "RUN�")
    assert found.diff_ids == (DIGEST, "")


def test_a_history_of_other_layers_is_no_history() -> None:
    data = orjson.dumps({"history": [{"created_by": "ADD"}]})
    assert parse_configuration(data, 2, "x").facts.history == ()


TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3gH5"
KEY_BODY = "MIIEpAIBAAKCAQEAx3b0Zl9Q2hTn0G8kqYw1mVd7Fs5Rj4uXcPzLeW6aBtNiHoKy"
PRIVATE_KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\nlast line\n-----END RSA PRIVATE KEY-----\n"


def test_a_health_check_is_read() -> None:
    data = orjson.dumps({"config": {"Healthcheck": {"Test": ["CMD", "curl", "localhost"], "Interval": 1}}})
    assert parse_configuration(data, 0, "x").facts.health_check == ("CMD", "curl", "localhost")
    assert parse_configuration(b'{"config": {"Healthcheck": ["CMD"]}}', 0, "x").facts.health_check == ()


def test_secrets_in_a_configuration_are_told_by_place_and_rule_and_kept_nowhere() -> None:
    data = orjson.dumps({
        "config": {"Env": ["PATH=/bin", f"GH={TOKEN}", TOKEN], "Labels": {"note": f"use {TOKEN} here", "key": PRIVATE_KEY},
                   "Cmd": ["run", TOKEN], "Healthcheck": {"Test": ["CMD", "curl", "-u", TOKEN]}},
        "history": [{"created_by": f"ENV GH={TOKEN}", "empty_layer": True}, {"created_by": f"RUN fetch {TOKEN}"}],
    })  # fmt: skip
    found = parse_configuration(data, 1, "x")
    assert TOKEN not in repr(found)
    assert KEY_BODY not in repr(found)
    assert "last line" not in repr(found)
    facts = found.facts
    assert facts.history == ("RUN fetch [github-token]",)
    assert dict(facts.labels)["note"] == "use [github-token] here"
    assert (facts.command, facts.environment_names) == (("run", "[github-token]"), ("PATH", "GH", "[github-token]"))
    assert {(secret.place, secret.name, secret.rule) for secret in facts.secrets} == {
        ("environment", "GH", "github-token"),
        ("environment", "[github-token]", "github-token"),
        ("label", "note", "github-token"),
        ("label", "key", "private-key"),
        ("command", "", "github-token"),
        ("health check", "", "github-token"),
        ("history", "step 1", "github-token"),
        ("history", "step 2", "github-token"),
    }


def test_a_secret_is_not_cut_in_half_where_a_long_text_is_cut() -> None:
    for padding in range(4050, 4110, 7):
        data = orjson.dumps({"config": {"Labels": {"k": "-" * padding + " " + TOKEN}}})
        assert TOKEN[:10] not in repr(parse_configuration(data, 0, "x"))


def test_a_hostile_configuration_is_bounded() -> None:
    data = orjson.dumps({"config": {"Env": [f"N{number}={TOKEN}" for number in range(5000)], "User": "u" * 100_000}})
    facts = parse_configuration(data, 0, "x").facts
    assert (len(facts.environment_names), len(facts.secrets), len(facts.user)) == (1000, 100, 4096)
