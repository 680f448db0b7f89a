"""One embedded server for all processes that share a home.

Two flocks decide who starts and who stops: `start.lock` is held, exclusively, by whoever is just doing either; `users` is
held, shared, by everybody who uses the server. The last one out gets `users` exclusively and stops the server. Locks go
with their process, so a killed one leaves nothing to clear up; the server it leaves behind is found and used by the next.

A server counts as ours only when it answers, to our password, with the id of our data directory. A pid in a file proves
nothing: after a crash it may be anybody's.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from catalog.errors import ActiveSetError, DatabaseUnreachable
from catalog.postgres.account import Account, choose_account, server_environment
from catalog.postgres.binaries import find_binaries, runnable_binaries
from catalog.postgres.directory import SUPERUSER, ServerDirectory, failure, files_of, reachable

LOOPBACK = "127.0.0.1"
START_SECONDS = 300.0
"""How long recovery after a crash may take."""
STOP_SECONDS = 60.0
"""How long a fast shutdown may take before it becomes an immediate one."""
LOG_BYTES = 16 << 20
"""Size at which the log is begun anew at a start."""

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "cluster_name": "longshore",
    "max_connections": "60",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """How to reach a server; the password shows in no repr."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)

    @property
    def dsn(self) -> str:
        """A libpq connection string; it holds the password, and leaves no PG… variable a say."""
        plain = "sslmode=disable gssencmode=disable options=''"
        where = f"host={self.host} hostaddr={self.host} port={self.port} dbname={self.database}"
        return f"{where} user={self.user} password={self.password} {plain}"


# Servers that this process started: whichever of its users is the last one out waits for it.
_children: dict[int, subprocess.Popen[bytes]] = {}

Probe = Callable[[ServerAddress], int | None]
"""Asks a server for `system_identifier` of pg_control_system(); None where it does not answer."""


@contextmanager
def running_server(home: Path, probe: Probe, settings: dict[str, str] | None = None) -> Iterator[ServerAddress]:
    """The embedded server of a home, started where it is not running, stopped after its last user.

    Args:
        home: LONGSHORE_HOME; the server's files lie in `postgres` below it.
        probe: asks a server who it is.
        settings: further Postgres settings, used when this call starts the server.

    Raises:
        ActiveSetError: no binaries, no account, a data directory of another version, or the server does not start.
        DatabaseFull: no space is left to make the data directory.
    """
    directory = ServerDirectory(home.absolute())
    directory.prepare()
    with ExitStack() as stack:
        with files_of(directory.path):
            users = stack.enter_context(_opened(directory.users))
        server = _Server(directory, probe, {**_SETTINGS, **(settings or {})})
        with files_of(directory.path), _locked(directory.start_lock):
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                address = server.address() or server.start()
            except BaseException:
                server.abandon()
                raise
        try:
            yield address
        finally:
            with _locked(directory.start_lock):
                if _is_last(users):
                    server.stop()
                else:
                    server.leave()
                fcntl.flock(users, fcntl.LOCK_UN)  # explicitly: a forked child may hold the same descriptor


class _Server:
    def __init__(self, directory: ServerDirectory, probe: Probe, settings: dict[str, str]) -> None:
        self.directory = directory
        self.probe = probe
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def address(self) -> ServerAddress | None:
        """Where the server answers as ours, or None."""
        postmaster = self.directory.postmaster
        if postmaster is None:
            return None
        address = ServerAddress(LOOPBACK, postmaster.port, SUPERUSER, "postgres", self.directory.password)
        identifier = self.probe(address)
        return address if identifier is not None and identifier == self.directory.system_identifier else None

    def start(self) -> ServerAddress:
        """Start it and wait until it answers."""
        account = choose_account(self.directory.data)
        binaries, version = runnable_binaries(find_binaries(), account)
        if not self.directory.is_initialised:
            self.directory.initialise(binaries, account, durable=self.settings.get("fsync") != "off")
        elif self.directory.data_version != version:
            raise ActiveSetError(
                f"the data directory was made by Postgres {self.directory.data_version}, the binaries are version {version}",
                where=str(self.directory.data),
                advice="set PG_BINDIR to the old version, or move the directory away and rebuild from the archive",
            )
        if address := self._await_other():
            return address
        for _ in range(20):
            self._launch(binaries, account)
            if address := self._await_answer():
                return address
            said = self._said()
            if not any(word in said for word in ("could not create any TCP/IP sockets", "shared memory block")):
                raise failure(said, "Postgres does not start", self.directory.log)
            time.sleep(0.25)  # a port somebody took in between, or backends of a killed server that are still ending
        raise failure(self._said(), "Postgres does not start", self.directory.log)

    def stop(self) -> None:
        """Stop it as `pg_ctl stop -m fast` does, if it is ours."""
        for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
            del _children[pid]  # somebody killed it
        postmaster = self.directory.postmaster
        if postmaster is None or (self.address() is None and not self._works_here(postmaster.pid)):
            return
        for kind, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS)):
            try:
                os.kill(postmaster.pid, kind)
            except ProcessLookupError:
                break
            if self._ended(postmaster.pid, seconds):
                break

    def abandon(self) -> None:
        """End what was started, where Ctrl-C or a failure came before anybody used it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self._ended(self.process.pid, STOP_SECONDS)

    def leave(self) -> None:
        """Leave it to its other users, the last of whom stops it: it is no child to wait for any more."""
        if self.process is not None and self.process.pid in _children:
            del _children[self.process.pid]
            self.process.returncode = 0

    def _ended(self, pid: int, seconds: float) -> bool:
        child = _children.get(pid)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            # A child of ours stays a zombie until it is asked for; of another's we see that its pid file is gone.
            if child is not None and child.poll() is not None:
                del _children[pid]
                return True
            if child is None and (not _exists(pid) or self.directory.postmaster is None):
                return True
            time.sleep(0.02)
        return False

    def _launch(self, binaries: Path, account: Account) -> None:
        log = self.directory.log
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name("log.1"))
        options = [text for name, value in self.settings.items() for text in ("-c", f"{name}={value}")]
        with reachable(self.directory.data, account) as (name, descriptors), log.open("ab") as output:
            self._log_start = output.tell()
            self.process = subprocess.Popen(
                [binaries / "postgres", "-D", name, "-p", str(_free_port()), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us, not for it
                cwd="/",
                env=server_environment(),
                pass_fds=descriptors,
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
            )
        _children[self.process.pid] = self.process

    def _await_answer(self) -> ServerAddress | None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if address := self.address():
                return address
            if self.process is not None and self.process.poll() is not None:
                del _children[self.process.pid]
                return None
            time.sleep(0.02)
        raise DatabaseUnreachable(
            f"Postgres did not answer within {START_SECONDS:.0f} s", where=str(self.directory.log)
        )

    def _await_other(self) -> ServerAddress | None:
        # A server left behind by a killed process may still be starting, recovering or ending; a stale pid file is taken away,
        # because Postgres itself would believe it as soon as any process of the account happens to have that pid.
        until = time.monotonic() + START_SECONDS
        while (postmaster := self.directory.postmaster) and self._works_here(postmaster.pid):
            if address := self.address():
                return address
            if time.monotonic() > until:
                raise DatabaseUnreachable(
                    f"a Postgres with process id {postmaster.pid} holds the data directory and does not answer",
                    where=str(self.directory.data),
                    advice=f"see {self.directory.log}, or end that process",
                )
            time.sleep(0.1)
        if Path("/proc/self/cwd").exists():
            (self.directory.data / "postmaster.pid").unlink(missing_ok=True)
        return None

    def _works_here(self, pid: int) -> bool:
        # A postmaster's working directory is its data directory; a zombie has none.
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.directory.data)
        except OSError:
            return False

    def _said(self) -> str:
        with self.directory.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read(1 << 20).decode(errors="replace")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
