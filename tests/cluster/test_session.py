"""Sessions of this machine's own, and what they leave behind: nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import ray

from cluster.errors import ClusterError
from cluster.scratch import scratch_directory
from cluster.session import start_session
from tests.cluster import work


@pytest.fixture(autouse=True)
def _own_temporary_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A short one, so that sessions of other processes on this machine are not counted."""
    tmp_path_factory.getbasetemp()  # pytest's own stays where it is
    with tempfile.TemporaryDirectory(prefix="ls", dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield


def directories() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("longshore-ray-*"))


def processes_below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.ray
@pytest.mark.slow
def test_a_session_of_our_own_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:1")  # never listened to
    handler = signal.getsignal(signal.SIGTERM)
    before, environment = directories(), dict(os.environ)
    own = {process.pid for process in processes_below(os.getpid())}
    with start_session(cpus=2) as session:
        assert list(session.stream(work.double, [4], group="core", deadline_seconds=30)) == [(4, 8)]
        assert session.slots("analyzer") == 2
        assert directories() - before
        assert signal.getsignal(signal.SIGTERM) is handler
        running = [process for process in processes_below(os.getpid()) if process.pid not in own]
        assert running
    assert not ray.is_initialized()
    _, alive = psutil.wait_procs(running, timeout=10)
    assert not alive
    assert directories() <= before
    assert dict(os.environ) == environment
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
@pytest.mark.slow
def test_a_session_of_our_own_listens_on_loopback_only(quiet_ray: None) -> None:
    before = {listening.laddr for listening in psutil.Process().net_connections("tcp")}
    own = {process.pid for process in processes_below(os.getpid())}
    with start_session(cpus=2) as session:
        assert list(session.stream(work.double, [4], group="core", deadline_seconds=30)) == [(4, 8)]
        started = [process for process in processes_below(os.getpid()) if process.pid not in own]
        sockets = [each for process in (psutil.Process(), *started) for each in process.net_connections("tcp")]
        listening = {each.laddr for each in sockets if each.status == psutil.CONN_LISTEN} - before
    assert len(listening) > 3
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.ray
@pytest.mark.slow
def test_a_process_that_has_ray_lends_it_and_keeps_it(quiet_ray: None) -> None:
    with start_session(cpus=1):
        with start_session() as inner:
            assert list(inner.stream(work.double, [1], group="core", deadline_seconds=30)) == [(1, 2)]
        assert ray.is_initialized()


@pytest.mark.ray
def test_an_address_of_ray_client_is_refused_by_name() -> None:
    with pytest.raises(ClusterError, match="ray://somewhere:10001"), start_session("ray://somewhere:10001"):
        pass


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_an_error_of_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match=address) as caught, start_session(address):
            pass
    assert "\n" not in str(caught.value)


CRASHES_AND_PRINTS = """
from cluster.session import start_session
from tests.cluster import work
import ray, time
ray.cloudpickle.register_pickle_by_value(work)
with start_session(cpus=1) as session:
    for word in ("exit", "a"):
        list(session.stream(work.misbehave, [word], group="core", deadline_seconds=30, max_attempts=1))
    list(session.stream(work.log_and_print, ["a"], group="core", deadline_seconds=30))
    time.sleep(2)
print("{}")
"""


@pytest.mark.ray
@pytest.mark.slow
def test_ray_writes_nothing_to_standard_output_even_when_a_worker_dies() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASHES_AND_PRINTS], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "{}\n"
    assert done.stderr == ""


WAITS_FOR_SIGTERM = """
import signal, sys
from cluster.session import start_session
from tests.cluster import work
import ray
ray.cloudpickle.register_pickle_by_value(work)
with start_session(cpus=1) as session:
    signal.signal(signal.SIGTERM, lambda *_: session.stop())
    results = list(session.stream(work.mark_and_wait, [sys.argv[1]], group="core", deadline_seconds=600))
print(results, session.stopping)
"""


def started(mark: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", WAITS_FOR_SIGTERM, str(mark)], stdout=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    return process


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_ended_takes_its_processes_along(tmp_path: Path, signum: signal.Signals) -> None:
    process = started(tmp_path / "mark")
    below = processes_below(process.pid)
    began = time.monotonic()
    process.send_signal(signum)
    out, _ = process.communicate(timeout=30)
    took = time.monotonic() - began
    # Ray's two agents of a node look for their raylet once in a while, and end within a minute of its death.
    agents = [
        child
        for child in below
        if child.is_running() and child.name() in ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
    ]
    _, alive = psutil.wait_procs([child for child in below if child not in agents], timeout=20)
    assert not alive
    if signum is signal.SIGTERM:
        assert (process.returncode, out) == (0, "[] True\n")
        assert took < 6
        assert not agents
    for agent in agents:
        agent.kill()


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="ls-", dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        with scratch_directory() as first:
            abandoned = Path(short) / "longshore-ray-abandoned"
            abandoned.mkdir()
            (abandoned / "in-use").touch()
            os.utime(abandoned, (1, 1))
            with scratch_directory() as second:
                assert not abandoned.exists()
                assert first.exists()
                assert second.exists()
        assert list(Path(short).iterdir()) == []


def test_what_ray_opens_to_everybody_lies_where_nobody_else_gets() -> None:
    with scratch_directory() as directory:
        directory.chmod(0o777)  # as Ray does
        assert directory.parent.name.startswith("longshore-ray-")
        assert directory.parent.stat().st_mode & 0o077 == 0


def test_a_long_temporary_directory_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("long" * 20)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with scratch_directory() as directory:
        assert len(str(directory)) < 40
