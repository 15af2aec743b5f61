"""Brings the database of an older study up to date, in one transaction.

Revisions stand in ``migrations/versions`` and write their columns out, so that a released schema never
changes afterwards. A test compares their result with `remnant.study.fact_tables`: a new field of a record
needs a new revision.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from remnant.errors import InputError
from remnant.study.connection import reading, writing

__all__ = ["head_revision", "upgrade"]

_FOLDER: Final = Path(__file__).with_name("migrations")


@functools.cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))


def head_revision() -> str:
    """Revision that this version of remnant works with.

    Returns
    -------
    str
        Identifier of the newest revision.
    """
    return str(_scripts().get_current_head())


def upgrade(engine: sa.Engine, *, where: str) -> tuple[str, ...]:
    """Apply the revisions that a database lacks.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Way to the database; an empty one gets all tables.
    where : str
        The study, for messages.

    Returns
    -------
    tuple of str
        Revisions applied, oldest first; empty if there was nothing to do.

    Raises
    ------
    InputError
        If the database has a revision that is not known here: a newer remnant made it.
    """
    with reading(engine) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head_revision():
        return ()
    with writing(engine, fresh=current is None) as connection:
        context = MigrationContext.configure(connection)
        pending = _pending(context.get_current_revision(), where)
        with Operations.context(context):
            for script in pending:
                script.module.upgrade()
                context.stamp(_scripts(), script.revision)
    return tuple(script.revision for script in pending)


def _pending(current: str | None, where: str) -> list[Script]:
    """Revisions after the current one, oldest first."""
    newest_first = list(_scripts().walk_revisions())
    known = [script.revision for script in newest_first]
    if current is not None and current not in known:
        raise InputError(
            where=where,
            found=f"database revision {current}",
            needed=f"{head_revision()} or older",
            advice="A newer remnant made this study; open it with that version.",
        )
    missing = newest_first if current is None else newest_first[: known.index(current)]
    return missing[::-1]
