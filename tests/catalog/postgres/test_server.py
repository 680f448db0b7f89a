"""The embedded server: one for all who share a home, found again after every kind of end, gone with its last user."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg2
import pytest

from catalog.active.database import probe_identifier
from catalog.errors import ActiveSetError
from catalog.postgres import ServerAddress, running_server
from catalog.postgres.binaries import find_binaries
from catalog.postgres.directory import ServerDirectory
from tests.servers.missing import missing

pytestmark = pytest.mark.postgres

_HOLD = """
import sys, time
from pathlib import Path
from catalog.active.database import probe_identifier
from catalog.postgres import running_server
with running_server(Path(sys.argv[1]), probe_identifier, {"fsync": "off"}) as address:
    print(address.port, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _binaries() -> None:
    try:
        find_binaries()
    except ActiveSetError as error:
        missing("Postgres", str(error))


def served(home: Path) -> AbstractContextManager[ServerAddress]:
    """The server of a home, not waiting for disks: what is tested here survives in the system's cache."""
    return running_server(home, probe_identifier, {"fsync": "off"})


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose data directory is made already."""
    home = tmp_path_factory.mktemp("used") / "home"
    with served(home):
        pass
    return home


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """A home whose server is ended at the latest with the test."""
    path = tmp_path / "closed" / "home"
    path.parent.mkdir(mode=0o700)  # nobody but us gets through here
    yield path
    postmaster = ServerDirectory(path).postmaster
    if postmaster is not None and Path(f"/proc/{postmaster.pid}/cwd").exists():
        os.kill(postmaster.pid, signal.SIGQUIT)


@pytest.fixture
def home(used_home: Path, new_home: Path) -> Path:
    """A home of the test's own, its data directory made already."""
    subprocess.run(["cp", "-a", used_home, new_home], check=True)
    return new_home


def ask(address: ServerAddress, question: str) -> object:
    connection = psycopg2.connect(address.dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def user(home: Path) -> subprocess.Popen[str]:
    """Another process that uses the server until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate("", timeout=60)
    assert process.returncode == 0


def answers(address: ServerAddress) -> bool:
    return probe_identifier(address) is not None


def test_data_outlives_the_server_and_the_server_ends_with_its_user(new_home: Path) -> None:
    with served(new_home) as address:
        ask(address, "CREATE TABLE kept AS SELECT 42 AS n")
        assert address.host == "127.0.0.1"
    assert not answers(address)
    assert ServerDirectory(new_home).postmaster is None
    with served(new_home) as address:
        assert ask(address, "SELECT n FROM kept") == 42


def test_directories_above_are_left_as_they_are(new_home: Path) -> None:
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in new_home.parents]
    with served(new_home):
        pass
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in new_home.parents] == before


def test_password_and_directory_are_for_us_alone_and_the_server_is_not_root(home: Path) -> None:
    with served(home) as address:
        directory = ServerDirectory(home)
        assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
        assert stat.S_IMODE((directory.path / "password").stat().st_mode) == 0o600
        assert address.password not in repr(address)
        assert directory.postmaster is not None
        assert Path(f"/proc/{directory.postmaster.pid}").stat().st_uid != 0
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(address.dsn.replace(address.password, "wrong"))


def test_two_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    with served(home) as address:
        other = user(home)
        assert port_of(other) == address.port
    assert answers(address)
    leave(other)
    assert not answers(address)


def test_two_users_in_one_process_share_it_too(home: Path) -> None:
    with served(home) as first:
        with served(home) as second:
            assert second == first
        assert answers(first)


@pytest.mark.slow
def test_many_first_users_at_once_start_one_server(new_home: Path) -> None:
    processes = [user(new_home) for _ in range(3)]
    ports = {port_of(process) for process in processes}
    for process in processes:
        leave(process)
    assert len(ports) == 1


@pytest.mark.slow
def test_threads_that_come_and_go_never_lose_it(home: Path) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(2):
                with served(home) as address:
                    assert ask(address, "SELECT 1") == 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_server_that_a_killed_user_left_behind_is_used_and_then_stopped(home: Path) -> None:
    killed = user(home)
    port = port_of(killed)
    killed.kill()
    killed.communicate()
    with served(home) as address:
        assert address.port == port
    assert not answers(address)


def test_killed_server_recovers_with_what_was_committed(home: Path) -> None:
    with served(home) as address:
        ask(address, "CREATE TABLE kept AS SELECT 42 AS n")
        postmaster = ServerDirectory(home).postmaster
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGKILL)
    with served(home) as address:
        assert ask(address, "SELECT n FROM kept") == 42


def test_stale_pid_of_a_living_stranger_is_not_believed(home: Path) -> None:
    with served(home):
        file = ServerDirectory(home).data / "postmaster.pid"
        lines = file.read_text().splitlines()
    lines[0] = str(os.getpid())
    file.write_text("\n".join(lines) + "\n")
    with served(home) as address:
        assert ask(address, "SELECT 1") == 1


@pytest.mark.slow
def test_other_server_on_the_noted_port_is_not_taken_for_ours(home: Path, tmp_path: Path) -> None:
    with served(tmp_path / "stranger") as stranger:
        with served(home) as address:
            pass
        directory = ServerDirectory(home)
        (directory.data / "postmaster.pid").write_text(f"{os.getpid()}\n/\n0\n{stranger.port}\n")
        (directory.path / "password").write_text(stranger.password)
        assert directory.system_identifier != probe_identifier(stranger)
        (directory.path / "password").write_text(address.password)
        with served(home) as again:
            assert again.port != stranger.port
            assert answers(again)


def test_data_directory_that_was_never_finished_is_made_anew(new_home: Path) -> None:
    data = ServerDirectory(new_home).data
    data.mkdir(parents=True)
    (data / "half").write_text("")
    with served(new_home) as address:
        assert ask(address, "SELECT 1") == 1
    assert not (data / "half").exists()


def test_data_of_another_version_is_refused(home: Path) -> None:
    with served(home):
        pass
    (ServerDirectory(home).data / "PG_VERSION").write_text("9\n")
    with pytest.raises(ActiveSetError, match=r"made by Postgres 9"), served(home):
        pass


def test_server_that_cannot_start_says_why(home: Path) -> None:
    with served(home):
        pass
    (ServerDirectory(home).data / "postgresql.conf").write_text("no_such_setting = 1\n")
    begun = time.monotonic()
    with pytest.raises(ActiveSetError, match="does not start"), served(home):
        pass
    assert time.monotonic() - begun < 20


def test_home_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ActiveSetError, match="cannot use the directory"),
        served(tmp_path / "file" / "home"),
    ):
        pass


def test_log_that_cannot_be_written_keeps_nobody_from_work(home: Path) -> None:
    ServerDirectory(home).log.unlink()
    ServerDirectory(home).log.symlink_to("/dev/full")
    with served(home) as address:
        assert ask(address, "SELECT 1") == 1
