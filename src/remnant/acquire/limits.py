"""Sizes and ranges that a file must keep, read from ``knowledge/limits.toml``."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from remnant.knowledge.tables import rows

__all__ = ["Range", "date_range", "first_run_date", "range_of", "size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers that a column may hold.

    Attributes
    ----------
    minimum : float or None
        Smallest accepted number.
    above : float or None
        Number that all accepted ones exceed.
    maximum : float or None
        Largest accepted number.
    unit : str
        Unit, for messages.
    """

    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    unit: str = ""

    def __contains__(self, value: float) -> bool:
        return (
            (self.minimum is None or value >= self.minimum)
            and (self.above is None or value > self.above)
            and (self.maximum is None or value <= self.maximum)
        )

    def __str__(self) -> str:
        low = f"above {self.above:g}" if self.above is not None else f"from {self.minimum:g}"
        return f"{low} to {self.maximum:g} {self.unit}".rstrip()


@functools.cache
def _row(name: str) -> dict[str, Any]:
    return next(row for row in rows("limits") if row["id"] == name)


@functools.cache
def size(name: str) -> int:
    """Largest size of one kind.

    Parameters
    ----------
    name : str
        Row of the table, for example ``"file_bytes"``.

    Returns
    -------
    int
        The limit; sizes up to and including it are accepted.

    Examples
    --------
    >>> size("table_columns")
    500
    """
    return int(_row(name)["maximum"])


@functools.cache
def range_of(column: str) -> Range | None:
    """Range of the numbers in one column.

    Parameters
    ----------
    column : str
        Column name, which is a record's field name.

    Returns
    -------
    Range or None
        None where any finite number is accepted.

    Examples
    --------
    >>> 101 in range_of("blast_percent")
    False
    """
    for row in rows("limits"):
        if any(fnmatchcase(column, pattern) for pattern in row.get("columns", ())):
            return Range(
                minimum=row.get("minimum"), above=row.get("above"), maximum=row["maximum"], unit=row["unit"]
            )
    return None


def date_range() -> tuple[dt.date, dt.date]:
    """First and last day that a date may name.

    Returns
    -------
    first, last : datetime.date
        Both are accepted.
    """
    row = _row("date")
    return row["minimum"], row["maximum"]


def first_run_date() -> dt.date:
    """First day that the clock of a real-time PCR instrument can show.

    Returns
    -------
    datetime.date
        Earlier days, 1970 above all, are of clocks that were never set.
    """
    first: dt.date = _row("instrument_clock")["minimum"]
    return first
