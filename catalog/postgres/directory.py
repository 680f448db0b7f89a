"""The embedded server's directory: password, locks and log of ours, and the data directory of the server's account.

    <home>/postgres/          0700, ours
        password              0600, ours: the superuser's password
        start.lock, users     flocks (see server)
        log                   the server's output
        data/                 0700, the account's

The account often cannot traverse the directories above (a home below /root, pytest's 0700 directories). Nothing above is
ever changed: the server gets its directories as inherited descriptors and names them `/proc/self/fd/N`, which Linux resolves
without looking at the path.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import ActiveSetError, DatabaseFull
from catalog.postgres.account import Account, server_environment

SUPERUSER = "longshore"
"""The role that initdb makes and that we connect as."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a running server says of itself in `postmaster.pid` (Postgres documentation, "Database File Layout").

    Args:
        pid: process id.
        port: TCP port.
    """

    pid: int
    port: int


class ServerDirectory:
    """The directory of one embedded server.

    Args:
        home: LONGSHORE_HOME.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "postgres"
        self.data = self.path / "data"
        self.log = self.path / "log"
        self.start_lock = self.path / "start.lock"
        self.users = self.path / "users"

    def prepare(self) -> None:
        """Make our own directory.

        Raises:
            ActiveSetError: it cannot be made.
        """
        with files_of(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def is_initialised(self) -> bool:
        """A finished data directory is there."""
        return (self.data / "PG_VERSION").is_file()

    @property
    def data_version(self) -> int:
        """Major version that the data directory was made by."""
        return int((self.data / "PG_VERSION").read_text().split(".")[0])

    @property
    def password(self) -> str:
        """The superuser's password, made on first use."""
        file = self.path / "password"
        if not file.exists():
            made = Path(tempfile.mkstemp(dir=self.path, prefix=".password-")[1])  # mkstemp gives 0600
            made.write_text(secrets.token_urlsafe(24))
            made.replace(file)
        return file.read_text()

    @property
    def system_identifier(self) -> int | None:
        """The cluster's own id: the first eight bytes of `global/pg_control` (src/include/catalog/pg_control.h), or None."""
        try:
            return int.from_bytes((self.data / "global" / "pg_control").read_bytes()[:8], sys.byteorder)
        except OSError:
            return None

    @property
    def postmaster(self) -> Postmaster | None:
        """What `postmaster.pid` says; it may be stale."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return Postmaster(int(lines[0]), int(lines[3]))
        except (OSError, ValueError, IndexError):
            return None

    def initialise(self, binaries: Path, account: Account, *, durable: bool = True) -> None:
        """Make the data directory: all of it or none.

        Args:
            binaries: where initdb is.
            account: who owns it.
            durable: wait until it is on disk.

        Raises:
            DatabaseFull: no space is left.
            ActiveSetError: initdb failed.
        """
        shutil.rmtree(self.data, ignore_errors=True)
        made = Path(tempfile.mkdtemp(dir=self.path, prefix=".data-"))
        secret = Path(tempfile.mkdtemp(dir=self.path, prefix=".secret-"))
        try:
            (secret / "password").write_text(self.password)
            for path in (made, secret, secret / "password"):
                account.give(path)
            self._run_initdb(binaries, account, made, secret, () if durable else ("--no-sync",))
            made.rename(self.data)
        finally:
            shutil.rmtree(secret, ignore_errors=True)
            shutil.rmtree(made, ignore_errors=True)

    def _run_initdb(self, binaries: Path, account: Account, data: Path, secret: Path, options: tuple[str, ...]) -> None:
        with reachable(data, account) as (data_name, data_fds), reachable(secret, account) as (secret_name, secret_fds):
            answer = subprocess.run(
                [
                    *(binaries / "initdb", "-D", data_name, "-U", SUPERUSER, "-E", "UTF8", "--no-locale"),
                    *("--auth=scram-sha-256", f"--pwfile={secret_name}/password", *options),
                ],
                capture_output=True,
                text=True,
                errors="replace",
                cwd="/",
                env=server_environment(),
                check=False,
                pass_fds=(*data_fds, *secret_fds),
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
            )
        if answer.returncode != 0:
            raise failure(answer.stderr or answer.stdout, "initdb failed", self.path)


@contextmanager
def files_of(where: Path) -> Iterator[None]:
    """Raise ActiveSetError or DatabaseFull, naming the directory, where the system refuses a file."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DatabaseFull(
                "no space left on device", where=str(where), advice="free some space and run again"
            ) from error
        raise ActiveSetError(
            f"cannot use the directory of the embedded Postgres ({error.strerror})",
            where=str(where),
            advice="LONGSHORE_HOME names another home",
        ) from error


@contextmanager
def reachable(directory: Path, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A name by which a process of the account reaches a directory whatever lies above it, and the descriptors it must inherit."""
    if account.uid is None or not Path("/proc/self/fd").is_dir():
        yield str(directory), ()
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def failure(output: str, what: str, where: Path) -> ActiveSetError:
    """The error behind a server program's output: its last telling line."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return DatabaseFull(
            f"{what}: no space left on device", where=str(where), advice="free some space and run again"
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "error:", "ERROR:"))]
    said = (telling or lines or ["it said nothing"])[-1]
    return ActiveSetError(
        f"{what}: {said}", where=str(where), advice="see the log there, or set LONGSHORE_DATABASE_URL"
    )
