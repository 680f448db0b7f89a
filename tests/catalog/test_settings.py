from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from catalog.errors import SettingsError
from catalog.limits import Limits
from catalog.settings import ArchiveLocation, LayerCacheLocation, S3Options, Settings, default_home, load_settings


@pytest.fixture(autouse=True)
def _home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_HOME", str(home))


def test_the_defaults_need_nothing(home: Path) -> None:
    settings = load_settings()
    assert settings.home == home
    assert settings.archive == ArchiveLocation(str(home / "archive"))
    assert settings.database_url is None
    assert settings.limits == Limits()


def test_flags_stand_above_the_environment_and_that_above_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "longshore.toml").write_text("batch_layers = 1\nregistry_retries = 1\ndatabase_connections = 1\n")
    monkeypatch.setenv("LONGSHORE_BATCH_LAYERS", "2")
    monkeypatch.setenv("LONGSHORE_REGISTRY_RETRIES", "2")
    settings = load_settings(batch_layers=3, ray_address=None)
    assert (settings.batch_layers, settings.registry_retries, settings.database_connections) == (3, 2, 1)


def test_inner_settings_are_merged_name_by_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "longshore.toml").write_text('[s3]\nendpoint = "http://file"\nregion = "file"\nsse = "AES256"\n')
    monkeypatch.setenv("LONGSHORE_S3__REGION", "environment")
    monkeypatch.setenv("LONGSHORE_S3__PATH_STYLE", "true")
    settings = load_settings(s3={"sse": "aws:kms"})
    assert settings.s3 == S3Options("http://file", "environment", path_style=True, sse="aws:kms")
    assert settings.archive.s3 == settings.s3


def test_the_file_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'home = "{tmp_path}/other"\n')
    monkeypatch.setenv("LONGSHORE_SETTINGS", str(file))
    monkeypatch.delenv("LONGSHORE_HOME")
    assert load_settings().home == tmp_path / "other"


def test_the_file_is_found_in_the_home_of_the_flag(tmp_path: Path) -> None:
    (tmp_path / "longshore.toml").write_text("batch_layers = 7\n")
    assert load_settings(home=tmp_path).batch_layers == 7


def test_settings_made_by_hand_read_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LONGSHORE_BATCH_LAYERS", "2")
    assert Settings(home=tmp_path).batch_layers == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_layer = 1", "there is no setting batch_layer;"),
        ("[s3]\nendpont = 'x'", "there is no setting s3.endpont"),
        ("[limits]\nfoo = 1", "there is no setting limits.foo"),
        ("[limits]\ntext_bytes = 'many'", "limits.text_bytes: "),
        ("[limits]\ntext_bytes = -1\nsecrets = -2", "limits: text_bytes, secrets: must not be negative"),
        ("batch_layers = 0", "batch_layers: Input should be greater than 0"),
        ("batch_layers = 'x'", "batch_layers: "),
        ("log_level = 'loud'", "log_level: "),
        ("archive_url = 'ftp://x/y'", "neither a directory nor"),
        ("archive_url = 's3://key:hunter2@bucket/x'", "no credentials"),
        ("batch_layers = ", "is not TOML"),
        ("\udcff", "is not TOML"),
    ],
)
def test_a_faulty_file_is_said_on_one_line(home: Path, text: str, message: str) -> None:
    (home / "longshore.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


def test_the_bytes_of_a_limit_may_be_a_text_as_other_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_LIMITS__TEXT_BYTES", "64KiB")
    monkeypatch.setenv("LONGSHORE_LIMITS__JSON_BYTES", "1000")
    limits = load_settings().limits
    assert (limits.text_bytes, limits.json_bytes, limits.packages) == (65_536, 1_000, Limits().packages)


def test_several_faults_are_said_together(home: Path) -> None:
    (home / "longshore.toml").write_text("batch_layers = 0\nfoo = 1\n")
    with pytest.raises(SettingsError, match=r"batch_layers.*; there is no setting foo"):
        load_settings()


def test_a_secret_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_DATABASE_URL", "postgresql://me:hunter2@db/x")
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://me:hunter2@db/x"
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    monkeypatch.setenv("LONGSHORE_BATCH_LAYERS", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("name", ["LONGSHORE_BATCH_LAYER", "LONGSHORE_S4__ENDPOINT", "LONGSHORE_"])
def test_an_unknown_variable_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_an_unknown_inner_variable_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_S3__ENDPONT", "1")
    with pytest.raises(SettingsError, match=r"s3\.endpont"):
        load_settings()


def test_what_kubernetes_adds_for_a_service_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"):
        monkeypatch.setenv(f"LONGSHORE_{name}", "tcp://10.0.0.1:80")
    monkeypatch.setenv("LONGSHORE_HEAD_SVC_SERVICE_HOST", "10.0.0.1")
    load_settings()


def test_what_is_not_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHOREMAN", "x")
    monkeypatch.setenv("LONGSHORE_CI", "1")
    load_settings()


@pytest.mark.parametrize("value", ["one:5000,two", "one:5000 two", " one:5000 , two ,"])
def test_names_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LONGSHORE_INSECURE_REGISTRIES", value)
    assert load_settings().insecure_registries == ("one:5000", "two")


def test_sizes_may_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_BATCH_BYTES", "2MiB")
    assert load_settings().batch_bytes == 2 << 20


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    settings = load_settings(home="here", archive_url="there", docker_config="~/config.json")
    assert settings.home == tmp_path / "here"
    assert settings.archive.url == str(tmp_path / "there")
    assert settings.docker_config == tmp_path / "me" / "config.json"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().batch_layers = 2  # type: ignore[misc]


def test_settings_travel() -> None:
    settings = load_settings(s3={"endpoint": "http://x"})
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert pickle.loads(pickle.dumps(settings.archive)) == settings.archive


def test_the_home_follows_the_conventions(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        assert default_home() == Path("/var/lib/longshore")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_home() == Path("/home/me/.local/share/longshore")


def test_the_layer_cache_lies_in_the_home_on_this_machine_and_nowhere_on_a_cluster(home: Path) -> None:
    settings = load_settings()
    assert settings.layer_cache() == LayerCacheLocation(str(home / "layer-cache"), 10 << 30)
    assert settings.layer_cache("head:6379") is None


def test_a_named_directory_is_every_nodes_layer_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_LAYER_CACHE_DIRECTORY", str(tmp_path / "nvme"))
    settings = load_settings(layer_cache_bytes="1MiB")
    assert (
        settings.layer_cache("head:6379")
        == settings.layer_cache()
        == LayerCacheLocation(str(tmp_path / "nvme"), 1 << 20)
    )


def test_a_layer_cache_of_no_bytes_is_none(tmp_path: Path) -> None:
    assert load_settings(layer_cache_bytes=0, layer_cache_directory=tmp_path).layer_cache() is None
