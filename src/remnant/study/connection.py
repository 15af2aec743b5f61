"""How the database is reached: one transaction a verb, writers one after another, plain messages.

SQLite runs in WAL mode with ``synchronous=FULL``: what was acknowledged survives a killed process and a
power cut. A writer takes its lock when its transaction starts (``BEGIN IMMEDIATE``, on PostgreSQL a lock
on the audit), so that what it reads cannot change before it writes.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from remnant.errors import ConflictError, InputError, StorageError
from remnant.study.tables import AUDIT

__all__ = ["BUSY_SECONDS", "held_open", "make_engine", "plain_errors", "reading", "writing"]

BUSY_SECONDS: Final = 60
"""How long a writer waits for another before it gives up."""

_WRITE: Final = "remnant_write"
_FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


def make_engine(address: str) -> sa.Engine:
    """Way to one database.

    Parameters
    ----------
    address : str
        SQLAlchemy address.

    Returns
    -------
    sqlalchemy.Engine
        Without a pool: every transaction opens and closes its own connection.

    Raises
    ------
    InputError
        If the address cannot be understood, or its driver is not installed.
    """
    try:
        url = sa.make_url(address)
        engine = sa.create_engine(url, poolclass=NullPool)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise InputError(
            where="study.toml, database",
            found=str(error),
            needed="an address such as postgresql+psycopg://host/name, and its driver",
            advice="Correct the address or install the driver.",
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not start transactions of its own
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextlib.contextmanager
def held_open(engine: sa.Engine) -> Iterator[None]:
    """Keep one idle connection while many transactions follow each other.

    SQLite folds its log into the database whenever the last connection closes. What was committed is as safe
    in the log; folding it in once is faster.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Way to the database.

    Yields
    ------
    None
        Control, once; the connection is in no transaction.
    """
    with plain_errors("study database"):
        idle = engine.connect()
    try:
        yield
    finally:
        idle.close()


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One consistent view of the database.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Way to the database.

    Yields
    ------
    sqlalchemy.Connection
        Inside a transaction that ends with the block.
    """
    with plain_errors("study database"), engine.connect() as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def writing(engine: sa.Engine, *, fresh: bool = False) -> Iterator[sa.Connection]:
    """One transaction that writes: all of the block, or nothing if it raises.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Way to the database.
    fresh : bool, default False
        The database has no tables yet, so that there is none to lock.

    Yields
    ------
    sqlalchemy.Connection
        Inside a transaction that no other writer shares.
    """
    with plain_errors("study database"), engine.connect() as plain:
        connection = plain.execution_options(**{_WRITE: True})
        with connection.begin():
            if engine.dialect.name == "postgresql" and not fresh:
                connection.execute(sa.text(f"LOCK TABLE {AUDIT.name} IN EXCLUSIVE MODE"))
            yield connection


@contextlib.contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Say in plain words what the disk or the database complains of.

    Parameters
    ----------
    where : str
        What was being written or read.

    Yields
    ------
    None
        Control, once.

    Raises
    ------
    StorageError
        If the disk is full or fails, the place may not be written, or the database is damaged.
    ConflictError
        If another writer keeps the database locked.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _database_error(where, str(error.orig)) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise _disk_error(where, error) from error


def _database_error(where: str, message: str) -> StorageError | ConflictError:
    lowered = message.lower()
    if "locked" in lowered or "lock timeout" in lowered:
        return ConflictError(
            where=where,
            found="another program that is writing to it",
            needed="the database for itself for a moment",
            advice="Try again when the other program has finished.",
        )
    if any(sign in lowered for sign in ("disk i/o error", "full", "no space")):
        return _full(where, message)
    if "readonly" in lowered or "unable to open" in lowered:
        return StorageError(
            where=where,
            found=f"a place that may not be written ({message})",
            needed="leave to write there, for reading too: SQLite keeps its log beside the database",
            advice="Copy the study to a folder of your own, or ask for the rights; nothing was changed.",
        )
    if any(sign in lowered for sign in ("malformed", "not a database", "corrupt")):
        return StorageError(
            where=where,
            found=f"a damaged database ({message})",
            needed="a sound one",
            advice="Restore study.db from a backup; the originals are not touched.",
        )
    return StorageError(
        where=where,
        found=f"the database's refusal: {message}",
        needed="a database that answers",
        advice="Check the address and the rights in study.toml; nothing was changed.",
    )


def _disk_error(where: str, error: OSError) -> StorageError:
    if error.errno in _FULL:
        return _full(where, str(error))
    return StorageError(
        where=where,
        found=error.strerror or str(error),
        needed="a place that can be read and written",
        advice="Check the folder and its rights; nothing was changed.",
    )


def _full(where: str, message: str) -> StorageError:
    return StorageError(
        where=where,
        found=f"a disk that is full or fails ({message})",
        needed="free space",
        advice="Free some space and repeat the command: what was stored before is intact.",
    )
