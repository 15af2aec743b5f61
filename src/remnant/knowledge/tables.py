"""Reads the tables that ship beside this module.

A table is a TOML file with a ``version`` and rows under ``[[row]]``. Every row has an ``id``, a
``source`` (paper, year, table; or "remnant" for a choice of ours) and a ``status`` of ``"verified"`` or
``"unverified"``. A row without them is refused, so that no number ships without saying where it is from.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any, Final

from remnant.errors import KnowledgeError

__all__ = ["STATUSES", "rows", "version"]

STATUSES: Final = ("verified", "unverified")


@functools.cache
def _table(name: str) -> dict[str, Any]:
    path = resources.files("remnant.knowledge").joinpath(f"{name}.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    problems = list(_problems(table))
    if problems:
        raise KnowledgeError(
            where=f"knowledge/{name}.toml",
            found=f"{len(problems)} problems",
            needed="id, source and status in every row, ids unique, and a version",
            advice="Mend the table.",
            problems=problems,
        )
    return table


def _problems(table: dict[str, Any]) -> list[str]:
    problems = [] if table.get("version") else ["no version"]
    seen: set[str] = set()
    for number, row in enumerate(table.get("row", []), start=1):
        label = f"row {number} ({row.get('id', 'no id')})"
        problems += [f"{label}: no {key}" for key in ("id", "source", "status") if not row.get(key)]
        if row.get("status") not in (*STATUSES, None):
            problems.append(f"{label}: status {row['status']!r}, need verified or unverified")
        if row.get("id") in seen:
            problems.append(f"{label}: id stands twice")
        seen.add(row.get("id", ""))
    return problems


def rows(name: str) -> tuple[dict[str, Any], ...]:
    """Rows of one table.

    Parameters
    ----------
    name : str
        File name without ``.toml``, for example ``"cutoffs"``.

    Returns
    -------
    tuple of dict
        The rows as written, in order.

    Raises
    ------
    KnowledgeError
        If a row lacks its id, source or status.
    """
    return tuple(dict(row) for row in _table(name).get("row", []))


def version(name: str) -> str:
    """Version of one table, as it is printed beside a verdict.

    Parameters
    ----------
    name : str
        File name without ``.toml``.

    Returns
    -------
    str
        For example ``"2026.1"``.
    """
    return str(_table(name)["version"])
