"""The account that the embedded server runs as: our own, or for root one without rights."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import ActiveSetError

CANDIDATES = ("longshore", "postgres", "nobody")
"""Accounts that root hands the server to, the first that exists; none is ever created."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server's processes run as.

    Args:
        uid: user id, or None to stay who we are.
        gid: group id, or None.
    """

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> list[int] | None:
        """Supplementary groups for a process of this account: none of root's."""
        return None if self.uid is None else []

    def give(self, path: Path) -> None:
        """Make the account the owner of `path`."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_environment() -> dict[str, str]:
    """The environment of the server's processes: nothing of ours but what running a program needs.

    Our variables may hold secrets that the account must not see, and PG… variables that would mislead the server.
    """
    kept = ("PATH", "LD_LIBRARY_PATH", "TZ", "LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP")
    return {"LC_ALL": "C", **{name: os.environ[name] for name in kept if name in os.environ}}


def choose_account(data: Path) -> Account:
    """The account for the server on a data directory; whoever owns it already keeps it.

    Raises:
        ActiveSetError: our user has no passwd entry, or root finds no account to run as.
    """
    uid = os.geteuid()
    if uid != 0:
        _require_entry(uid)
        return Account()
    if data.is_dir() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise ActiveSetError(
        "Postgres does not run as root, and none of the accounts " + ", ".join(CANDIDATES) + " exists",
        advice="run as an ordinary user, or set LONGSHORE_DATABASE_URL to a server of yours",
    )


def _require_entry(uid: int) -> None:
    # initdb asks the system for its user's name and gives up without one; containers with a random uid have none.
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise ActiveSetError(
            f"user id {uid} has no passwd entry, and Postgres does not start without one",
            advice="add the user to /etc/passwd, or set LONGSHORE_DATABASE_URL to a server of yours",
        ) from None
