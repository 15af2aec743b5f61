"""Tables of patients, events, therapies, samples, cDNA, fractions and runs: a row is a record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Final

from remnant.acquire.columns import Kind
from remnant.acquire.tables import Columns, in_order, problem_at, records_of, repeated
from remnant.records.finding import Problem

__all__ = ["problems_of_rows", "records"]


def _after_death(columns: Columns) -> Iterator[Problem]:
    """Events after a patient's death, and second deaths."""
    sheet = columns.sheet
    rows = list(
        zip(sheet.rows, columns.get("patient_id"), columns.get("kind"), columns.get("on"), strict=True)
    )
    deaths: dict[str, dt.date] = {}
    for _, patient, kind, on in rows:
        if kind == "death" and on is not None:
            deaths[patient] = min(on, deaths.get(patient, on))
    yield from (
        problem_at(
            sheet,
            "row.after_death",
            f"no event after the death of the patient on {deaths[patient]}",
            "Correct one of the two dates, or the patient code.",
            row=row,
            column="on",
            value=str(on),
        )
        for row, patient, _, on in rows
        if patient in deaths and on is not None and on > deaths[patient]
    )


_ROW_CHECKS: Final[dict[str, Callable[[Columns], Iterator[Problem]]]] = {
    "events": _after_death,
    "therapies": lambda columns: in_order(columns, "start_on", "end_on"),
    "samples": lambda columns: in_order(columns, "drawn_on", "received_on"),
}


def _keys(columns: Columns, kind: Kind) -> list[tuple[Any, ...] | None]:
    needed = {column.name for column in kind.columns if column.required}
    parts = [columns.get(name) for name in kind.key]
    sure = [name in needed for name in kind.key]
    return [
        None if any(part is None and must for part, must in zip(row, sure, strict=True)) else row
        for row in zip(*parts, strict=True)
    ]


def problems_of_rows(
    columns: Columns, kind: Kind, seen: dict[tuple[Any, ...], tuple[str | None, int]]
) -> Iterator[Problem]:
    """Rows that contradict themselves or repeat another.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.
    seen : dict
        Keys of earlier sheets of the same file and kind.

    Yields
    ------
    Problem
        Dates in the wrong order, events after death, repeated keys.
    """
    check = _ROW_CHECKS.get(kind.name)
    if check:
        yield from check(columns)
    yield from repeated(columns, kind.key, _keys(columns, kind), seen)


def records(columns: Columns, kind: Kind, source_sha256: str) -> list[Any]:
    """Records of a table without problems.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.
    source_sha256 : str
        Hash of the file, kept with a run.

    Returns
    -------
    list of records
        One a row.
    """
    fixed = {"source_sha256": source_sha256} if kind.name == "runs" else {}
    return records_of(columns, kind, **fixed)
