"""Records to tables, and back without loss: same field names, one row an object.

Dates become dates; nested records and tuples become JSON text (`remnant.records.codec`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import polars as pl

from remnant.records.codec import encode, from_dict, scalar_types

__all__ = ["from_frame", "schema", "to_frame"]

R = TypeVar("R")

_TYPES: Final[dict[type | None, pl.DataType]] = {
    str: pl.String(),
    int: pl.Int64(),
    float: pl.Float64(),
    bool: pl.Boolean(),
    dt.date: pl.Date(),
    dt.datetime: pl.Datetime(time_zone="UTC"),
    None: pl.String(),
}


def schema(cls: type) -> dict[str, pl.DataType]:
    """Columns of a record's table.

    Parameters
    ----------
    cls : type
        A record class.

    Returns
    -------
    dict of str to polars.DataType
        One entry a field, in order; nested fields are JSON text.

    Examples
    --------
    >>> from remnant.records.patient import Event
    >>> list(schema(Event))
    ['patient_id', 'kind', 'on', 'detail']
    """
    return {name: _TYPES[scalar] for name, scalar in scalar_types(cls).items()}


def to_frame(records: Iterable[R], cls: type[R]) -> pl.DataFrame:
    """Columnar twin of records.

    Parameters
    ----------
    records : iterable of records
        Records of one class.
    cls : type
        Their class; it gives the columns also when there are no rows.

    Returns
    -------
    polars.DataFrame
        Columns as `schema` says.
    """
    rows = list(records)
    data = {
        name: [_cell(getattr(row, name), nested=scalar is None) for row in rows]
        for name, scalar in scalar_types(cls).items()
    }
    return pl.DataFrame(data, schema=schema(cls), strict=False)


def _cell(value: Any, *, nested: bool) -> Any:
    if not nested or value is None:
        return value
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":"))


def from_frame(frame: pl.DataFrame, cls: type[R]) -> list[R]:
    """Records of the rows of a frame.

    Parameters
    ----------
    frame : polars.DataFrame
        What `to_frame` made.
    cls : type
        Record class.

    Returns
    -------
    list of records
        One a row.
    """
    nested = {name for name, scalar in scalar_types(cls).items() if scalar is None}
    return [
        from_dict(
            cls,
            {k: json.loads(v) if k in nested and v is not None else v for k, v in row.items()},
        )
        for row in frame.iter_rows(named=True)
    ]
