"""Tables of values typed in from reports: a number, or that it lies below or above one.

A value written as negative says nothing without its limit, and is refused without one. A unit is never
guessed. A fraction of cells and plain copies have no control gene; every other unit needs one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from remnant.acquire.cells import NEGATIVE, ValueCell
from remnant.acquire.columns import Kind
from remnant.acquire.tables import Columns, problem_at, repeated
from remnant.records.finding import Problem
from remnant.records.measurement import ReportedValue

__all__ = ["problems_of_rows", "records"]

_WITHOUT_CONTROL: Final = ("cell_fraction", "copies", "copies_per_ul")


def _limits(cell: ValueCell, upper: float | None, lower: float | None) -> ValueCell | str:
    """The value with the limits of its row, or what contradicts."""
    if cell == NEGATIVE:
        return "a limit in the column upper_limit" if upper is None else ValueCell(upper_limit=upper)
    written = (cell.upper_limit, cell.lower_limit)
    if (upper, lower) in {(None, None), written}:
        return cell
    return "a limit either in the cell of the value or in a column of its own"


def _row_problems(columns: Columns) -> Iterator[Problem]:
    sheet = columns.sheet
    rows = zip(
        sheet.rows,
        columns.get("value"),
        columns.get("upper_limit"),
        columns.get("lower_limit"),
        columns.get("unit"),
        columns.get("control"),
        strict=True,
    )
    for row, value, upper, lower, unit, control in rows:
        merged = value and _limits(value, upper, lower)
        if isinstance(merged, str):
            yield problem_at(
                sheet,
                "row.limit",
                merged,
                "Write the limit of this sample, for example <0.003.",
                row=row,
                column="value",
            )
        if unit is not None and unit not in _WITHOUT_CONTROL and control is None:
            yield problem_at(
                sheet,
                "row.control",
                f"a control gene for the unit {unit}",
                "Name the control gene.",
                row=row,
                column="control",
            )
        if unit == "cell_fraction" and value and any(part is not None and part > 1 for part in value):
            yield problem_at(
                sheet,
                "cell.range",
                "a share of cells from 0 to 1",
                "Divide a percentage by 100.",
                row=row,
                column="value",
            )


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
        Keys of earlier sheets of the same file.

    Yields
    ------
    Problem
        Missing limits, missing control genes, repeated keys.
    """
    keys = [
        None if sample is None or target is None else (sample, target, *rest)
        for sample, target, *rest in zip(*(columns.get(name) for name in kind.key), strict=True)
    ]
    yield from _row_problems(columns)
    yield from repeated(columns, kind.key, keys, seen)


def records(columns: Columns, kind: Kind) -> list[ReportedValue]:
    """Records of a table without problems.

    Parameters
    ----------
    columns : Columns
        The values.
    kind : Kind
        Kind of the table.

    Returns
    -------
    list of ReportedValue
        One a row.
    """
    names = [column.name for column in kind.columns]
    found = []
    for row in zip(*(columns.get(name) for name in names), strict=True):
        fields: dict[str, Any] = dict(zip(names, row, strict=True))
        cell = _limits(fields.pop("value"), fields.pop("upper_limit"), fields.pop("lower_limit"))
        fields["control"] = fields["control"] or ""
        found.append(ReportedValue(**fields, **cell._asdict()))  # type: ignore[union-attr]
    return found
