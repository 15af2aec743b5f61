"""Frames in, the same kind of frame out: polars and pandas through narwhals.

Inside the stage a column is a list of Python values with None for missing, whatever the caller's library
uses for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import narwhals as nw
from narwhals.typing import IntoDataFrameT

from remnant.errors import InputError
from remnant.records.frames import to_frame

__all__ = ["frame_like", "level_label", "read_columns"]


def read_columns(frame: IntoDataFrameT, names: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of a frame as lists, missing values as None.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Any eager frame that narwhals knows.
    names : sequence of str
        Columns that are needed.

    Returns
    -------
    dict of str to list
        One list a column, in the order of the rows.

    Raises
    ------
    InputError
        If columns are missing; all are named.

    Examples
    --------
    >>> import polars as pl
    >>> read_columns(pl.DataFrame({"fab": ["M1", None]}), ("fab",))
    {'fab': ['M1', None]}
    """
    table = nw.from_native(frame, eager_only=True)
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(
            where="cohort table",
            found="no column " + ", ".join(missing),
            needed="columns of the table: " + ", ".join(table.columns),
            advice="Name one of these columns, or rename yours.",
        )
    return {name: [None if _absent(value) else value for value in table[name].to_list()] for name in names}


def frame_like(frame: IntoDataFrameT, records: Iterable[Any], cls: type) -> IntoDataFrameT:
    """Records as a frame of the caller's kind.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        The caller's frame.
    records : iterable of records
        Records of one class.
    cls : type
        Their class.

    Returns
    -------
    polars or pandas DataFrame
        One row a record, fields as columns.

    Examples
    --------
    >>> import polars as pl
    >>> from remnant.records.cohort import Exclusion
    >>> frame_like(pl.DataFrame(), [Exclusion(reason="died", patient_ids=("P1",))], Exclusion).shape
    (1, 2)
    """
    table = nw.from_native(frame, eager_only=True)
    made = to_frame(records, cls)
    native: IntoDataFrameT = nw.from_dict(
        made.to_dict(as_series=False), backend=table.implementation
    ).to_native()
    return native


def level_label(column: str, value: object) -> str:
    """What one value of a column is called in a table or legend.

    Parameters
    ----------
    column : str
        Column name.
    value : object
        Value, not missing.

    Returns
    -------
    str
        The text of the value; for true and false the column's name, and "not" before it.

    Examples
    --------
    >>> level_label("fab", "M1"), level_label("wt1_raised", False)
    ('M1', 'not wt1_raised')
    """
    if isinstance(value, bool):
        return column if value else f"not {column}"
    return str(value)


def _absent(value: Any) -> bool:
    """Whether this is a missing value of polars or pandas: None, NaN, NaT or NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124  (NaN and NaT are the only values that differ from themselves)
    except TypeError:  # pandas.NA has no truth value
        return True
