"""Records to the cells of a table, in the form in which they are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final, cast

from remnant.acquire.columns import Kind

__all__ = ["Cell", "written"]

Cell = str | float | int | bool | dt.date | None

_FIELDS: Final = {"well": "position", "type": "kind"}
_OF_WELLS: Final = ("cq table", "igtr wells")
_NOT_DETECTED: Final = "Undetermined"
_BLANK: Final[dict[str, tuple[str, ...]]] = {"fish scores": ("iscn",)}
"""Columns that others stand for."""
_NOT_WRITTEN: Final = ("quantity", "unit")
"""Columns of a Cq table that standard_copies stands for."""


def _cell(kind: Kind, name: str, record: Any) -> Cell:
    if name == "cq":
        return _NOT_DETECTED if record.detected is False else cast("Cell", record.cq)
    if name == "value" and record.value is None:
        limit = record.upper_limit if record.upper_limit is not None else record.lower_limit
        return f"{'<' if record.upper_limit is not None else '>'}{limit!r}"
    if name in _BLANK.get(kind.name, ()):
        return None
    if kind.name == "reported values" and name in {"upper_limit", "lower_limit"}:
        return None
    field = _FIELDS.get(name, name) if kind.name in _OF_WELLS else name
    return cast("Cell", getattr(record, field))


def written(kind: Kind, records: Iterable[Any]) -> tuple[tuple[str, ...], list[list[Cell]]]:
    """Header and rows of a table.

    Parameters
    ----------
    kind : Kind
        Kind of the table.
    records : iterable of records
        Records of its class.

    Returns
    -------
    header : tuple of str
        Column names.
    rows : list of list
        One list of cells a record; None for an empty cell.

    Examples
    --------
    >>> from remnant.acquire.columns import kind_of
    >>> from remnant.records.run import Well
    >>> well = Well(run_id="R-07", position="B03", target="WT1", sample="S-014", kind="unknown",
    ...             detected=False, cq=None)
    >>> header, rows = written(kind_of("cq table"), [well])
    >>> dict(zip(header, rows[0]))["cq"]
    'Undetermined'
    """
    header = tuple(
        column.name
        for column in kind.columns
        if not (kind.name == "cq table" and column.name in _NOT_WRITTEN)
    )
    if kind.name == "index sort":
        return header, [
            [record.fraction_id, f"{cell + 1}", record.compartment]
            for record in records
            for cell in range(record.events)
        ]
    return header, [[_cell(kind, name, record) for name in header] for record in records]
