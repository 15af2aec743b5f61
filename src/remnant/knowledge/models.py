"""Published models of clones on the blood hierarchy, one TOML file each in ``knowledge/models``.

A file has a ``version``, a ``title`` and a ``source``, and gives every number under ``[[rate]]`` with its own
``source`` and ``status``; what the cells are and do stands beside them and is read by
`remnant.dynamics.blueprint`. A number without a source is refused.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from remnant.errors import KnowledgeError, NotFoundError
from remnant.knowledge.tables import STATUSES

__all__ = ["model_names", "model_table", "rate_problems"]

_FOLDER = "remnant.knowledge"


def model_names() -> tuple[str, ...]:
    """Names of the models that ship.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> "michor2005" in model_names()
    True
    """
    folder = resources.files(_FOLDER).joinpath("models")
    return tuple(
        sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml"))
    )


@functools.cache
def model_table(name: str) -> dict[str, Any]:
    """One model as it is written.

    Parameters
    ----------
    name : str
        One of `model_names`.

    Returns
    -------
    dict
        Parsed file; not to be changed by the caller.

    Raises
    ------
    NotFoundError
        If no model has this name.
    KnowledgeError
        If a rate lacks its id, source or status.
    """
    if name not in model_names():
        raise NotFoundError(
            where="models", found=name, needed=f"one of {', '.join(model_names())}", advice="Check the name."
        )
    path = resources.files(_FOLDER).joinpath("models", f"{name}.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    problems = [
        *rate_problems(table),
        *(f"no {key}" for key in ("version", "title", "source") if not table.get(key)),
    ]
    if problems:
        raise KnowledgeError(
            where=f"knowledge/models/{name}.toml",
            found=f"{len(problems)} problems",
            needed="version, title, source, and id, source and status of every rate",
            advice="Mend the file.",
            problems=problems,
        )
    return table


def rate_problems(table: dict[str, Any]) -> list[str]:
    """What is missing from the rates of a model.

    Parameters
    ----------
    table : dict
        Parsed file.

    Returns
    -------
    list of str
        One line a problem, empty if every number says where it is from.
    """
    problems: list[str] = []
    seen: set[str] = set()
    for number, row in enumerate(table.get("rate", []), start=1):
        label = f"rate {number} ({row.get('id', 'no id')})"
        problems += [f"{label}: no {key}" for key in ("id", "unit", "source", "status") if not row.get(key)]
        if "value" not in row:
            problems.append(f"{label}: no value")
        if row.get("status") not in (*STATUSES, None):
            problems.append(f"{label}: status {row['status']!r}, need verified or unverified")
        if row.get("id") in seen:
            problems.append(f"{label}: id stands twice")
        seen.add(row.get("id", ""))
    return problems
