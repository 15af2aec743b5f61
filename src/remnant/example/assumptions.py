"""What the simulator assumes, as one table (``assumptions.toml``): no such number stands in code.

The rows are expert estimates for made-up patients, never facts; the command line prints them with the
study. Values are numbers, lists of numbers or lists of text, as the row's `unit` and `says` explain.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from remnant.errors import KnowledgeError

__all__ = ["Assumption", "assumptions", "number", "numbers", "texts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """One thing that the simulator takes for granted.

    Attributes
    ----------
    id : str
        Dotted name.
    value : float, or tuple of float or str
        What is assumed.
    unit : str
        Unit of the value.
    says : str
        One line: what it means.
    source : str
        Where it is from.
    status : {"verified", "unverified"}
        Whether somebody checked it against a source.
    """

    id: str
    value: float | tuple[float, ...] | tuple[str, ...]
    unit: str
    says: str
    source: str
    status: str


@functools.cache
def assumptions() -> tuple[Assumption, ...]:
    """All assumptions of the example studies, in the order of the table.

    Returns
    -------
    tuple of Assumption
        One a row.

    Raises
    ------
    KnowledgeError
        If a row lacks a field, or an id stands twice.

    Examples
    --------
    >>> next(row.value for row in assumptions() if row.id == "intervention.given")
    0.4
    """
    text = resources.files("remnant.example").joinpath("assumptions.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["row"]
    fields = set(Assumption.__slots__)
    problems = [f"row {row.get('id', '?')}: has {sorted(row)}" for row in rows if set(row) != fields]
    ids = [row.get("id") for row in rows]
    problems += [f"row {name}: stands twice" for name in sorted({i for i in ids if ids.count(i) > 1})]
    if problems:
        raise KnowledgeError(
            where="example/assumptions.toml",
            found=f"{len(problems)} problems",
            needed="every row with " + ", ".join(Assumption.__slots__),
            advice="Mend the table.",
            problems=problems,
        )
    return tuple(Assumption(**{**row, "value": _frozen(row["value"])}) for row in rows)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@functools.cache
def _values() -> dict[str, Any]:
    return {row.id: row.value for row in assumptions()}


@functools.cache
def number(name: str) -> float:
    """Value of an assumption that is one number.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    float
        The value.
    """
    return float(_values()[name])


@functools.cache
def numbers(name: str) -> tuple[float, ...]:
    """Value of an assumption that is a list of numbers.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    tuple of float
        The values.
    """
    return tuple(float(item) for item in _values()[name])


@functools.cache
def texts(name: str) -> tuple[str, ...]:
    """Value of an assumption that is a list of text.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    tuple of str
        The values.
    """
    return tuple(str(item) for item in _values()[name])
