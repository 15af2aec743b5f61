"""What the active files say, as records or as columns.

A fact that two active files repeat is given once; facts of files that were retracted or superseded are
not given. The order is that of import, then of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa

from remnant.records.frames import schema
from remnant.records.run import Run, SourceFile, Well
from remnant.study.compare import Statement, merged
from remnant.study.connection import reading
from remnant.study.fact_tables import FactKind, FactRecord, fact_kind
from remnant.study.handle import Study
from remnant.study.tables import SOURCE_FILE

__all__ = [
    "ImportedFile",
    "facts",
    "facts_frame",
    "imported_files",
    "source_files",
    "statements_about",
]

R = TypeVar("R", bound=FactRecord)

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """One import and what became of it.

    Attributes
    ----------
    sha256, name : str
        Hash of the original and its name as delivered.
    size_bytes : int
        Length.
    format : str
        What was detected.
    imported_at, imported_by : str
        When (ISO, UTC) and by whom.
    state : {"active", "retracted", "superseded"}
        Whether its facts count.
    superseded_by : str or None
        Hash of the file that took its place.
    facts_sha256 : str
        Hash of the facts as they were stored.
    """

    sha256: str
    name: str
    size_bytes: int
    format: str
    imported_at: str
    imported_by: str
    state: str
    superseded_by: str | None
    facts_sha256: str


def facts(study: Study, record: type[R]) -> tuple[R, ...]:
    """Facts of one class.

    Parameters
    ----------
    study : Study
        The study.
    record : type
        Record class, for example `remnant.records.run.Well`.

    Returns
    -------
    tuple of records
        Of active files, each once.
    """
    names = fact_kind(record).names
    return tuple(record(**dict(zip(names, row, strict=True))) for row in _rows(study, record))


def facts_frame(study: Study, record: type[FactRecord]) -> pl.DataFrame:
    """Facts of one class, columnar: the same content as `facts`, faster for many rows.

    Parameters
    ----------
    study : Study
        The study.
    record : type
        Record class.

    Returns
    -------
    polars.DataFrame
        Columns as `remnant.records.frames.schema` says.
    """
    return pl.DataFrame(_rows(study, record), schema=schema(record), orient="row")


def imported_files(study: Study) -> tuple[ImportedFile, ...]:
    """Every import, oldest first, also those that no longer count.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of ImportedFile
        The log of imports.
    """
    columns = [SOURCE_FILE.c[name] for name in ImportedFile.__slots__]
    with reading(study.engine) as connection:
        rows = connection.execute(sa.select(*columns).order_by(SOURCE_FILE.c.source_id)).mappings()
        return tuple(ImportedFile(**row) for row in rows)


def source_files(study: Study) -> tuple[SourceFile, ...]:
    """Files whose facts count.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    tuple of SourceFile
        Active files, oldest import first.
    """
    return tuple(
        SourceFile(sha256=file.sha256, name=file.name, size_bytes=file.size_bytes, format=file.format)
        for file in imported_files(study)
        if file.state == "active"
    )


def statements_about(
    connection: sa.Connection, kind: FactKind, values: Iterable[str], *, without: int | None = None
) -> list[Statement]:
    """Rows of active files whose natural key starts with one of the values.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Inside a transaction.
    kind : FactKind
        Class of fact.
    values : iterable of str
        First parts of natural keys: runs for wells, patients for events.
    without : int or None, default None
        Import whose rows are left out: the one that is being superseded.

    Returns
    -------
    list of Statement
        Each with the name of its file.
    """
    table = kind.table
    query = (
        sa.select(SOURCE_FILE.c.name, *(table.c[name] for name in kind.names))
        .join(SOURCE_FILE, SOURCE_FILE.c.source_id == table.c.source_id)
        .where(SOURCE_FILE.c.state == "active")
        .order_by(table.c.source_id, table.c.row_number)
    )
    if without is not None:
        query = query.where(table.c.source_id != without)
    wanted = sorted(set(values))
    statements: list[Statement] = []
    for start in range(0, len(wanted), _CHUNK):
        chunk = query.where(table.c[kind.key[0]].in_(wanted[start : start + _CHUNK]))
        statements += [Statement(file=row[0], row=tuple(row[1:])) for row in connection.execute(chunk)]
    return statements


def _rows(study: Study, record: type[Any]) -> Sequence[tuple[Any, ...]]:
    kind = fact_kind(record)
    table = kind.table
    query = (
        sa.select(*(table.c[name] for name in kind.names))
        .join(SOURCE_FILE, SOURCE_FILE.c.source_id == table.c.source_id)
        .where(SOURCE_FILE.c.state == "active")
        .order_by(table.c.source_id, table.c.row_number)
    )
    with reading(study.engine) as connection:
        rows = merged(kind, map(tuple, connection.execute(query)))
        return _with_origin(connection, kind, rows) if record is Run else rows


def _with_origin(
    connection: sa.Connection, kind: FactKind, rows: Sequence[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Runs with the file that holds their wells; a run sheet only adds to what the instrument wrote."""
    well = fact_kind(Well).table
    origins: dict[str, str] = {}
    for table in (kind.table, well):
        pairs = (
            sa.select(table.c.run_id, SOURCE_FILE.c.sha256)
            .join(SOURCE_FILE, SOURCE_FILE.c.source_id == table.c.source_id)
            .where(SOURCE_FILE.c.state == "active")
            .distinct()
        )
        origins |= {row.run_id: row.sha256 for row in connection.execute(pairs)}
    run, origin = kind.names.index("run_id"), kind.names.index("source_sha256")
    return [(*row[:origin], origins[row[run]], *row[origin + 1 :]) for row in rows]
