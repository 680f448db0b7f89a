"""The command as a process: every error is one line on standard error and the right exit code, never a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.version import __version__

ROOT = Path(__file__).parents[2]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")}
    return {**kept, "LONGSHORE_HOME": str(home), "PYTHONPATH": str(ROOT), "COLUMNS": "100", **more}


def longshore(*words: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "pipelines", *words]
    return subprocess.run(command, env=environment(home, **more), capture_output=True, text=True, timeout=120)


def one_error_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return lines[0]


def test_the_help_of_a_bill_of_materials_does_not_promise_our_schema(tmp_path: Path) -> None:
    shown = " ".join(longshore("sbom", "--help", home=tmp_path).stdout.split())
    assert "--json Nothing more: the document is JSON, as its format has it." in shown


def test_help_names_every_verb(home: Path) -> None:
    done = longshore("--help", home=home)
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
    assert done.stderr == ""


def test_without_words_the_help_is_shown_and_it_is_a_usage_error(home: Path) -> None:
    done = longshore(home=home)
    assert done.returncode == 2
    assert "scan" in done.stderr


def test_the_version_is_told(home: Path) -> None:
    assert longshore("--version", home=home).stdout == f"longshore {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "no such command"),
        (["show"], "missing argument 'IMAGE'"),
        (["show", "a", "--fail-on", "fatal"], "'fatal' is not one of"),
        (["images", "--limit", "-1"], "--limit"),
        (["scan"], "missing argument"),
        (["scan", "oci:x", "--jobs", "0"], "--jobs"),
        (["scan", "oci:x", "--ca-file", "/nowhere.pem"], "/nowhere.pem"),
        (["advisories", "frobnicate"], "no such command"),
        (["--frobnicate"], "no such option"),
    ],
)
def test_a_usage_error_is_one_line_and_exit_code_2(home: Path, words: list[str], said: str) -> None:
    done = longshore(*words, home=home)
    assert done.returncode == 2
    assert said in one_error_line(done)
    assert "--help" in done.stderr


def test_a_reference_that_means_nothing_is_a_usage_error(home: Path) -> None:
    done = longshore("show", "::::", home=home)
    assert done.returncode == 2
    one_error_line(done)


@pytest.mark.parametrize("verb", [["images"], ["status"], ["runs"], ["show", "a.example/b:c"], ["advisories", "list"]])
def test_a_database_that_does_not_answer_is_said(home: Path, verb: list[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        dsn = f"postgresql://me:hush@127.0.0.1:{port}/none"
        done = longshore(*verb, home=home, LONGSHORE_DATABASE_URL=dsn)
    assert done.returncode == 1
    assert str(port) in one_error_line(done)
    assert "hush" not in done.stderr


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    done = longshore("images", home=in_the_way / "home")
    assert done.returncode == 1
    assert "file" in one_error_line(done)


def test_a_setting_that_does_not_exist_is_said(home: Path) -> None:
    done = longshore("settings", home=home, LONGSHORE_HOMME="/x")
    assert done.returncode == 1
    assert "LONGSHORE_HOMME" in one_error_line(done)


def test_settings_are_shown_with_the_variables_that_set_them(home: Path) -> None:
    done = longshore("settings", home=home, LONGSHORE_DATABASE_URL="postgresql://me:hush@h/d")
    assert done.returncode == 0
    assert "LONGSHORE_S3__ENDPOINT" in done.stdout
    assert str(home) in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "pipelines", "settings"]
    done = subprocess.run(command, env=environment(home), stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is not there: Linux has it")
def test_an_output_that_is_full_is_an_error(home: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "pipelines", "settings"]
        done = subprocess.run(
            command, env=environment(home), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 1
    assert "No space left" in one_error_line(done)


def test_a_poor_locale_carries_any_text(home: Path) -> None:
    done = longshore("settings", home=home, PYTHONIOENCODING="ascii", LONGSHORE_RAY_ADDRESS="ray://käse\x1b[2J:1")
    assert done.returncode == 0
    assert "ray://k\\xe4se\\x1b[2J:1" in done.stdout


@pytest.mark.postgres
def test_ctrl_c_ends_with_130_and_one_line(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "images"],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(home.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)  # it is at work once its server's directory appears
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.split("\n") == [
        "",  # a terminal shows ^C where the cursor was
        "longshore: interrupted; what was committed is kept, the same command goes on from there",
        "",
    ]
