"""The driver's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import sqlalchemy.exc

from catalog.errors import ActiveSetError, ConnectionBudgetExceeded, DatabaseFull, DatabaseUnreachable, SettingsError

_GONE = ("08", "57P")  # connection exceptions; shutdown, crash, starting up (Postgres documentation, appendix A)
_DISK_FULL = "53100"
_TOO_MANY = "53300"


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise ActiveSetError and its leaves in place of SQLAlchemy's and psycopg2's errors.

    Args:
        where: the server's name, without a password.
    """
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise ConnectionBudgetExceeded(
            "no connection became free", where=where, advice="raise LONGSHORE_DATABASE_CONNECTIONS"
        ) from error
    except sqlalchemy.exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg2.Error):
            raise
        raise _translate(error.orig, where) from error.orig
    except psycopg2.Error as error:
        raise _translate(error, where) from error


def _translate(error: psycopg2.Error, where: str) -> ActiveSetError | SettingsError:
    code: str = error.pgcode or ""
    said = str(error).strip().partition("\n")[0]
    if code == _DISK_FULL:
        return DatabaseFull("Postgres has no space left", where=where, advice="free some space and run again")
    if code == _TOO_MANY or "too many clients" in said or "remaining connection slots" in said:
        return ConnectionBudgetExceeded(
            said, where=where, advice="lower LONGSHORE_DATABASE_CONNECTIONS or raise max_connections"
        )
    if code.startswith(_GONE) or (not code and isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))):
        return DatabaseUnreachable(
            f"Postgres does not answer ({said})", where=where, advice="is it running? run again to go on"
        )
    if not code and isinstance(error, psycopg2.ProgrammingError):
        # libpq could not read the DSN; its words would quote it, password and all.
        return SettingsError("not a Postgres connection string", where="LONGSHORE_DATABASE_URL")
    return ActiveSetError(f"Postgres refused a statement ({said})", where=where)
