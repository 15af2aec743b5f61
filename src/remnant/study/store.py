"""Files into the study: one transaction a file, all of it or nothing.

A file that is there already is left alone. A file that contradicts another is a conflict, shown field by
field; `supersedes` says that it takes the other's place. `retract` takes a file's facts away. Neither
deletes anything: facts, originals and the audit stay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl
import sqlalchemy as sa

from remnant.errors import InputError, NotFoundError
from remnant.records.acquired import Acquired
from remnant.records.finding import Finding
from remnant.records.frames import schema
from remnant.study.audit import append_entry, now_utc
from remnant.study.compare import ContradictionError, Difference, contradictions, self_contradictions
from remnant.study.connection import writing
from remnant.study.fact_tables import FACTS, FactKind
from remnant.study.facts import statements_about
from remnant.study.handle import Study
from remnant.study.originals import keep_original, sha256_of
from remnant.study.samples import sample_contradictions
from remnant.study.tables import FINDING, SOURCE_FILE

__all__ = ["ImportTransaction", "Stored", "facts_digest", "import_transaction", "retract", "store_acquired"]

Rows = Mapping[str, Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of one file.

    Attributes
    ----------
    sha256, name : str
        The file.
    outcome : {"imported", "unchanged"}
        Unchanged if the study held it already.
    counts : dict of str to int
        Records by table.
    superseded : str or None
        Name of the file whose place it took.
    """

    sha256: str
    name: str
    outcome: Literal["imported", "unchanged"]
    counts: Mapping[str, int]
    superseded: str | None = None


class ImportTransaction:
    """An open transaction that files are stored in; made by `import_transaction`.

    Parameters
    ----------
    study : Study
        The study.
    connection : sqlalchemy.Connection
        Inside a transaction that writes.
    by : str
        Who imports.
    keep_originals : bool
        False for a rehearsal.
    """

    def __init__(self, study: Study, connection: sa.Connection, *, by: str, keep_originals: bool) -> None:
        self._study = study
        self._connection = connection
        self._by = by
        self._keep_originals = keep_originals
        self._written: list[Path] = []
        self.abandoned = False

    def store(self, acquired: Acquired, data: bytes | Path, *, supersedes: str | None = None) -> Stored:
        """Store one file; if it is refused, the transaction stands as before.

        Parameters
        ----------
        acquired : Acquired
            What the file says.
        data : bytes or pathlib.Path
            Its content, or where it is: a file that is larger than memory is copied piece by piece.
        supersedes : str or None, default None
            Name or hash of the active file whose place it takes.

        Returns
        -------
        Stored
            What became of it.

        Raises
        ------
        ContradictionError
            If it contradicts an active file; every difference is among the problems.
        InputError
            If it contradicts itself, or holds a value that is not a number.
        NotFoundError
            If there is no active file to supersede.
        """
        with self._connection.begin_nested():
            stored = _store(self._connection, acquired, data, by=self._by, supersedes=supersedes)
            if self._keep_originals and stored.outcome == "imported":
                path = keep_original(self._study, data, sha256=stored.sha256)
                self._written += [path] if path else []
        return stored

    def abandon(self) -> None:
        """Undo everything at the end of the block instead of keeping it."""
        self.abandoned = True
        for path in self._written:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def import_transaction(study: Study, *, by: str, rehearse: bool = False) -> Iterator[ImportTransaction]:
    """Several files in one transaction.

    Parameters
    ----------
    study : Study
        The study.
    by : str
        Who imports.
    rehearse : bool, default False
        Do everything and keep nothing: a dry run takes the same way as an import.

    Yields
    ------
    ImportTransaction
        To store files in; kept when the block ends without an error and was not abandoned.
    """
    with writing(study.engine) as connection:
        transaction = ImportTransaction(study, connection, by=by, keep_originals=not rehearse)
        try:
            yield transaction
        except BaseException:
            transaction.abandon()
            raise
        if rehearse or transaction.abandoned:
            connection.rollback()


def store_acquired(
    study: Study, acquired: Acquired, data: bytes | Path, *, by: str, supersedes: str | None = None
) -> Stored:
    """Store one file in a transaction of its own.

    Parameters
    ----------
    study : Study
        The study.
    acquired : Acquired
        What the file says.
    data : bytes or pathlib.Path
        Its content, or where it is.
    by : str
        Who imports, for the audit.
    supersedes : str or None, default None
        Name or hash of the active file whose place it takes.

    Returns
    -------
    Stored
        What became of it.

    Raises
    ------
    ContradictionError
        If it contradicts an active file; nothing is stored.
    InputError
        If it contradicts itself.
    NotFoundError
        If there is no active file to supersede.
    """
    with import_transaction(study, by=by) as transaction:
        return transaction.store(acquired, data, supersedes=supersedes)


def retract(study: Study, file: str, *, reason: str, by: str) -> str:
    """Take a file's facts out of the study; the original and its rows stay.

    Parameters
    ----------
    study : Study
        The study.
    file : str
        Name of an active file, or at least eight digits of its hash.
    reason : str
        Why, for the audit.
    by : str
        Who.

    Returns
    -------
    str
        Hash of the file.

    Raises
    ------
    NotFoundError
        If no active file has this name or hash.
    InputError
        If several have, or no reason is given.
    """
    if not reason.strip():
        raise InputError(
            where=f"retract {file}", found="no reason", needed="a reason", advice="Say why the file goes."
        )
    with writing(study.engine) as connection:
        found = _active_file(connection, file)
        _set_state(connection, found.source_id, state="retracted", superseded_by=None)
        detail = {"name": found.name, "reason": reason, "sha256": found.sha256}
        append_entry(connection, by=by, action="retract", subject=f"file {found.name}", detail=detail)
    return str(found.sha256)


def facts_digest(rows: Rows) -> str:
    """Hash over the facts of one import, to find rows that were edited in the database.

    Parameters
    ----------
    rows : mapping of str to sequence of tuple
        Rows by table, as `remnant.study.fact_tables.FACTS` orders tables and columns.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.
    """
    digest = hashlib.sha256()
    for kind in FACTS:
        for row in rows.get(kind.table.name, ()):
            text = json.dumps([kind.table.name, *row], default=str, ensure_ascii=False)
            digest.update(text.encode() + b"\n")
    return digest.hexdigest()


def _store(
    connection: sa.Connection, acquired: Acquired, data: bytes | Path, *, by: str, supersedes: str | None
) -> Stored:
    source = acquired.source
    if isinstance(data, bytes):  # a file is hashed while it is copied
        _check_hash(source.name, found=sha256_of(data), needed=source.sha256)
    old = _active_file(connection, supersedes) if supersedes is not None else None
    present = connection.execute(
        sa.select(SOURCE_FILE.c.source_id).where(
            SOURCE_FILE.c.sha256 == source.sha256, SOURCE_FILE.c.state == "active"
        )
    ).first()
    rows = {kind.table.name: _rows_of(kind, acquired) for kind in FACTS}
    counts = {name: len(items) for name, items in rows.items() if items}
    if present is not None:
        return Stored(sha256=source.sha256, name=source.name, outcome="unchanged", counts=counts)
    without = None if old is None else old.source_id
    _refuse_contradictions(connection, source.name, rows, without=without)
    if old is not None:
        _set_state(connection, old.source_id, state="superseded", superseded_by=source.sha256)
    digest = facts_digest(rows)
    _insert(connection, acquired, rows, by=by, digest=digest)
    detail: dict[str, Any] = {**dataclasses.asdict(source), "counts": counts, "facts_sha256": digest}
    if old is not None:
        detail["supersedes"] = {"name": old.name, "sha256": old.sha256}
    action = "import" if old is None else "supersede"
    append_entry(connection, by=by, action=action, subject=f"file {source.name}", detail=detail)
    return Stored(
        sha256=source.sha256,
        name=source.name,
        outcome="imported",
        counts=counts,
        superseded=None if old is None else str(old.name),
    )


def _check_hash(name: str, *, found: str, needed: str) -> None:
    if found != needed:
        raise InputError(
            where=name,
            found=f"content with the hash {found[:12]}…",
            needed=f"{needed[:12]}…, of which the records speak",
            advice="Read the file and store it in one step.",
        )


def _rows_of(kind: FactKind, acquired: Acquired) -> list[tuple[Any, ...]]:
    """Rows in the types of the columns, so that they compare equal with what is read back."""
    casts = [_CASTS.get(dtype) for dtype in schema(kind.record).values()]
    names = kind.names
    rows = [
        tuple(
            value if cast is None or value is None else cast(value)
            for cast, value in zip(casts, (getattr(record, name) for name in names), strict=True)
        )
        for record in getattr(acquired, kind.attribute)
    ]
    origin = names.index("source_sha256") if "source_sha256" in names else None
    if origin is None:
        return rows
    return [(*row[:origin], acquired.source.sha256, *row[origin + 1 :]) for row in rows]


def _number(value: Any) -> float:
    number = float(value)
    if math.isnan(number):
        raise InputError(
            where="a record",
            found="NaN",
            needed="a number, or None with what is known instead",
            advice="A missing value is None; a value below detection is a limit.",
        )
    return number


_CASTS: Final[dict[pl.DataType, Any]] = {pl.Float64(): _number, pl.Int64(): int, pl.Boolean(): bool}


def _refuse_contradictions(connection: sa.Connection, name: str, rows: Rows, *, without: int | None) -> None:
    own = [d for kind in FACTS for d in self_contradictions(kind, name, rows[kind.table.name])]
    if own:
        raise InputError(
            where=f"file {name}",
            found="1 value that contradicts another in the same file"
            if len(own) == 1
            else f"{len(own)} values that contradict others in the same file",
            needed="one record a key",
            advice="Correct the file.",
            problems=[str(difference) for difference in own],
        )
    differences: list[Difference] = []
    for kind in FACTS:
        offered = rows[kind.table.name]
        if offered:
            first = kind.names.index(kind.key[0])
            held = statements_about(connection, kind, (row[first] for row in offered), without=without)
            differences += contradictions(kind, held, offered)
    differences += sample_contradictions(connection, name, rows, without=without)
    if differences:
        raise ContradictionError(name, differences)


def _insert(connection: sa.Connection, acquired: Acquired, rows: Rows, *, by: str, digest: str) -> None:
    inserted = connection.execute(
        SOURCE_FILE.insert().values(
            **dataclasses.asdict(acquired.source),
            imported_at=now_utc(),
            imported_by=by,
            state="active",
            facts_sha256=digest,
        )
    )
    source_id = int(inserted.inserted_primary_key.source_id)  # type: ignore[union-attr]
    for kind in FACTS:
        _insert_rows(connection, kind.table, kind.names, rows[kind.table.name], source_id=source_id)
    names = tuple(schema(Finding))
    findings = [tuple(getattr(finding, name) for name in names) for finding in acquired.findings]
    _insert_rows(connection, FINDING, names, findings, source_id=source_id)


def _insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    names: Iterable[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    source_id: int,
) -> None:
    if rows:
        columns = ("source_id", "row_number", *names)
        values = [
            dict(zip(columns, (source_id, number, *row), strict=True))
            for number, row in enumerate(rows, start=1)
        ]
        connection.execute(table.insert(), values)


def _set_state(connection: sa.Connection, source_id: int, *, state: str, superseded_by: str | None) -> None:
    connection.execute(
        SOURCE_FILE.update()
        .where(SOURCE_FILE.c.source_id == source_id)
        .values(state=state, superseded_by=superseded_by)
    )


def _active_file(connection: sa.Connection, wanted: str) -> Any:
    """The one active file of this name, or whose hash starts so."""
    active = connection.execute(
        sa.select(SOURCE_FILE).where(SOURCE_FILE.c.state == "active").order_by(SOURCE_FILE.c.source_id)
    ).all()
    found = [row for row in active if row.name == wanted]
    if not found and len(wanted) >= 8:
        found = [row for row in active if row.sha256.startswith(wanted.lower())]
    if not found:
        names = sorted({row.name for row in active})
        close = difflib.get_close_matches(wanted, names, n=5, cutoff=0.4) or names[:5]
        raise NotFoundError(
            where=wanted,
            found="no active file of this name or hash",
            needed="the name of an imported file",
            advice=f"Did you mean {', '.join(close)}?" if close else "Nothing has been imported yet.",
        )
    if len(found) > 1:
        raise InputError(
            where=wanted,
            found=f"{len(found)} active files of this name",
            needed="one",
            advice="Give the hash instead.",
            problems=[f"{row.sha256} imported {row.imported_at} by {row.imported_by}" for row in found],
        )
    return found[0]
