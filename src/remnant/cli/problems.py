"""Problems on a terminal: those that say the same of many rows are one line. JSON keeps each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["problem_lines"]

_SHOWN_LINES: Final = 30
_SHOWN_ROWS: Final = 3
_ROW: Final = re.compile(r"\brow ([0-9]+)\b")


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
    """
    groups: dict[str, list[str]] = {}
    for problem in problems:
        groups.setdefault(_ROW.sub("row", problem, count=1), []).append(problem)
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
    return f"{len(group)} times, {text}"
