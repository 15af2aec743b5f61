"""Classes of origin with their priors, and the settings of the sensitivity analysis."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remnant.knowledge.tables import rows

__all__ = ["OriginClass", "OriginSetting", "clonotype_row", "origin_classes", "origin_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginClass:
    """One identifiable class of origin.

    Attributes
    ----------
    id : str
        Name.
    prior : float
        Prior probability.
    visible : mapping of str to float
        P(a gate of this lineage carries the lesion | class).
    clonotype : tuple of str
        Lineages whose lesion-bearing cells carry the blasts' IG/TR.
    note : str
        What the class says.
    """

    id: str
    prior: float
    visible: Mapping[str, float]
    clonotype: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginSetting:
    """One departure from the stated prior.

    Attributes
    ----------
    words : str
        What is changed.
    equal : bool
        Whether all classes are equally probable.
    visible_odds : float
        Factor of the odds of being visible.
    contaminants : float
        Factor of the odds of contaminants in a gate.
    """

    words: str
    equal: bool = False
    visible_odds: float = 1.0
    contaminants: float = 1.0


@functools.cache
def origin_classes() -> tuple[OriginClass, ...]:
    """Classes in the order of the table.

    Returns
    -------
    tuple of OriginClass
        Their priors sum to 1.

    Examples
    --------
    >>> sum(row.prior for row in origin_classes())
    1.0
    """
    return tuple(
        OriginClass(
            id=row["id"],
            prior=row["prior"],
            visible=row["visible"],
            clonotype=tuple(row["clonotype"]),
            note=row["note"],
        )
        for row in rows("origin")
        if row["kind"] == "class"
    )


@functools.cache
def origin_settings() -> tuple[OriginSetting, ...]:
    """Settings of the sensitivity analysis.

    Returns
    -------
    tuple of OriginSetting
        In the order of the table.
    """
    names = OriginSetting.__dataclass_fields__
    return tuple(
        OriginSetting(**{key: value for key, value in row.items() if key in names})
        for row in rows("origin")
        if row["kind"] == "setting"
    )


def clonotype_row() -> Mapping[str, Any]:
    """How IG/TR of a fraction is read.

    Returns
    -------
    mapping
        The row as written.
    """
    return next(row for row in rows("origin") if row["kind"] == "clonotype")
