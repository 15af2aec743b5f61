"""Problems on a terminal: those that say the same of many rows are one line. JSON keeps each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["problem_lines"]

_SHOWN_LINES: Final = 30
_SHOWN_ROWS: Final = 3
_ROW: Final = re.compile(r"\brow ([0-9]+)\b")
_FOUND: Final = re.compile(r"found '([^']*)'")
_ALIKE: Final = 3
"""As many problems that differ in their row and value only are told in one line."""


def problem_lines(problems: Sequence[str]) -> list[str]:
    """Lines that tell problems, each kind once.

    Parameters
    ----------
    problems : sequence of str
        A line each.

    Returns
    -------
    list of str
        Indented, in the order of their first; the last line counts what is not shown.

    Examples
    --------
    >>> problem_lines(["row 3, column sex: found 'x'.", "row 5, column sex: found 'x'.", "too short"])
    ["  2 times, rows 3, 5, column sex: found 'x'.", '  too short']
    >>> problem_lines([f"row {row}, column Cq: found 'x{row}', need a number." for row in (3, 4, 7, 9)])
    ["  4 times, rows 3, 4, 7 …, column Cq: found 'x3' and 3 other values, need a number."]
    """
    alike: dict[str, list[str]] = {}
    for problem in problems:
        alike.setdefault(_FOUND.sub("found", _ROW.sub("row", problem)), []).append(problem)
    groups: dict[str, list[str]] = {}
    for kind, group in alike.items():
        for problem in group:
            key = kind if len(group) > _ALIKE else _ROW.sub("row", problem, count=1)
            groups.setdefault(key, []).append(problem)
    lines = [f"  {_line(group)}" for group in groups.values()]
    more = sum(len(group) for group in list(groups.values())[_SHOWN_LINES:])
    return lines if not more else [*lines[:_SHOWN_LINES], f"  and {more} more; --json lists all"]


def _line(group: Sequence[str]) -> str:
    """One line for problems that differ in their row only."""
    if len(group) == 1:
        return group[0]
    found = [match[1] for match in map(_ROW.search, group) if match]
    rows = ", ".join(found[:_SHOWN_ROWS]) + (" …" if len(found) > _SHOWN_ROWS else "")
    text = _ROW.sub(f"rows {rows}", group[0], count=1)
    others = len({match[1] for match in map(_FOUND.search, group) if match}) - 1
    if others > 0:
        values = "another value" if others == 1 else f"{others} other values"
        text = _FOUND.sub(lambda match: f"{match[0]} and {values}", text, count=1)
    return f"{len(group)} times, {text}"
