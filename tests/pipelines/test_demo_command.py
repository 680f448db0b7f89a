"""What `longshore demo` says and where it works."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from catalog.settings import Settings
from pipelines.cli.demo import demo_settings, next_steps, program_name, unread_places
from pipelines.demo import DemoResult
from pipelines.models.show import Problem
from tests.pipelines.made import SUMMARY


def test_the_demo_meets_no_real_data(home: Path) -> None:
    real = Settings(home=home, database_url="postgresql://h/d", archive_url="s3://bucket", ray_address="ray://h:1")
    apart = demo_settings(real)
    assert apart.home == home / "demo"
    assert (apart.database_url, apart.archive_url, apart.ray_address) == (None, None, None)


def test_the_next_steps_can_be_typed_as_they_stand(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    steps = next_steps(DemoResult(SUMMARY, home, home / "fleet", ("app-1", "app-2")))
    words = [shlex.split(step, comments=True) for step in steps[1:]]
    assert words[0] == [f"LONGSHORE_HOME={home}", "longshore", "show", f"oci:{home}/fleet:app-1"]
    assert all("longshore" in line for line in words)


def test_the_places_left_out_can_be_asked_for_as_they_stand(tmp_path: Path) -> None:
    problem = Problem(layer=None, path="a", analyser="", reason="unreadable", detail="", partial=True)
    places = unread_places(DemoResult(SUMMARY, tmp_path, tmp_path / "fleet", (), (problem,) * 9))
    assert places[-1] == f"  and 1 more: `LONGSHORE_HOME={tmp_path} longshore show rootfs:/` names them"


def test_the_command_is_named_as_it_can_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "bin" / "longshore"
    installed.parent.mkdir()
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(installed)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert program_name() == str(installed)
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program_name() == "longshore"
    monkeypatch.setattr(sys, "argv", ["/x/pipelines/__main__.py"])
    assert program_name() == "longshore"
