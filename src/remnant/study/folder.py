"""A study is a folder: settings, an inbox, the originals by content hash, and a database.

::

    study.toml       name, language, database, which rule rows are active
    inbox/           where a laboratory drops files; `remnant import` reads it
    originals/       every imported file, named by the hash of its bytes, never changed
    study.db         SQLite (WAL, synchronous=FULL), or elsewhere if `database` names a PostgreSQL
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import sqlalchemy as sa

from remnant.errors import ConflictError
from remnant.study.audit import append_entry
from remnant.study.connection import plain_errors, writing
from remnant.study.handle import Settings, Study
from remnant.study.settings import SETTINGS_FILE, as_toml, handle, known_language, located
from remnant.study.tables import AUDIT
from remnant.study.upgrade import upgrade

__all__ = ["init_study", "open_study"]


def init_study(
    folder: Path | str, *, name: str | None = None, by: str, language: str = "en", database: str | None = None
) -> Study:
    """Make a study in a new or empty place.

    ``study.toml`` is written last: a folder without it is not a study, so that an interrupted start can
    simply be repeated.

    Parameters
    ----------
    folder : path-like
        Where; made if it does not exist.
    name : str or None, default None
        Name of the study; the folder's own name if None.
    by : str
        Who makes it, for the audit.
    language : {"en", "ru", "de"}, default "en"
        Language of pages and reports.
    database : str or None, default None
        SQLAlchemy address of another database; None for ``study.db`` in the folder.

    Returns
    -------
    Study
        The open study.

    Raises
    ------
    ConflictError
        If a study stands there already.
    InputError
        If the language is not known.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     study = init_study(Path(place) / "aml", name="AML 2020", by="anna")
    ...     sorted(path.name for path in study.folder.iterdir())
    ['inbox', 'originals', 'study.db', 'study.toml']
    """
    folder = Path(folder).resolve()
    if (folder / SETTINGS_FILE).exists():
        raise ConflictError(
            where=str(folder),
            found="a study",
            needed="a folder without one",
            advice="Choose another folder, or import into this study.",
        )
    settings = Settings(
        name=name or folder.name,
        created=dt.datetime.now(tz=dt.UTC).date(),
        language=known_language(language, where="language"),
        database=database,
    )
    with plain_errors(str(folder)):
        for part in ("inbox", "originals"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    study = handle(folder, settings)
    upgrade(study.engine, where=str(folder))
    with writing(study.engine) as connection:
        if connection.scalar(sa.select(sa.func.count()).select_from(AUDIT)) == 0:
            detail = {"language": language, "name": settings.name}
            append_entry(connection, by=by, action="init", subject="study", detail=detail)
    with plain_errors(str(folder)):
        _write_durably(folder / SETTINGS_FILE, as_toml(settings))
    return study


def open_study(folder: Path | str) -> Study:
    """Open a study; an older one is brought up to date, a newer one is refused.

    Parameters
    ----------
    folder : path-like
        The study's folder.

    Returns
    -------
    Study
        The open study.

    Raises
    ------
    NotFoundError
        If there is no study.
    InputError
        If ``study.toml`` cannot be read, or a newer remnant made the database.
    """
    study = located(folder)
    upgrade(study.engine, where=str(study.folder))
    return study


def _write_durably(path: Path, text: str) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
