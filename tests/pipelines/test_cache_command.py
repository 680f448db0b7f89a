"""`longshore cache`: what a person sees of the layers that this machine keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.settings import LayerCacheLocation
from pipelines.cli.run import run
from tests.tasks.layer_cache.blobs import blob, kept_at, opened, read


@pytest.fixture
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> LayerCacheLocation:
    monkeypatch.setenv("LONGSHORE_HOME", str(home))
    location = LayerCacheLocation(str(home / "layer-cache"), 10 << 30)
    for number in (1, 2, 3):
        read(location, blob(number))
    return location


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_status_says_how_much_of_the_cap_is_used(cache: LayerCacheLocation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "status"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "holds 60.0 kB of 10.7 GB" in shown
    assert "layers 3" in shown
    assert "oldest use 20" in shown


def test_an_empty_cache_has_no_oldest_use(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LONGSHORE_HOME", str(home))
    assert run(["cache", "status"]) == 0
    shown = capsys.readouterr().out
    assert "layers" in shown
    assert "oldest use" not in shown


def test_status_in_json(cache: LayerCacheLocation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "status", "--json"]) == 0
    document = printed(capsys)
    assert document["directory"] == cache.directory
    assert (document["cap"], document["bytes"], document["files"]) == (10 << 30, 60_000, 3)


def test_clear_leaves_what_a_worker_reads_and_says_so(
    cache: LayerCacheLocation, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(cache, blob(1)) as stream:
        assert run(["cache", "clear"]) == 0
        assert "removed 2 layers, 40.0 kB; 1 layer in use stayed" in " ".join(capsys.readouterr().err.split())
        assert stream.read(1 << 20) == blob(1)
    assert run(["cache", "clear", "--json"]) == 0
    assert printed(capsys) == {"files": 1, "bytes": 20_000, "in_use": 0}
    assert not kept_at(cache, blob(1)).exists()


def test_without_a_cache_both_say_so(
    cache: LayerCacheLocation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_LAYER_CACHE_BYTES", "0")
    assert run(["cache", "status"]) == 0
    assert "LONGSHORE_LAYER_CACHE_BYTES is 0" in capsys.readouterr().out
    assert run(["cache", "clear", "--json"]) == 0
    assert printed(capsys)["files"] == 0
    assert kept_at(cache, blob(1)).exists()


def test_a_cache_of_somebody_else_is_not_cleared(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_HOME", str(home))
    (home / "layer-cache").mkdir()
    (home / "layer-cache").chmod(0o777)
    assert run(["cache", "clear"]) == 1
    assert "others may write to it" in capsys.readouterr().err
