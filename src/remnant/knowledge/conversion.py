"""Conversion factors to the International Scale: whose, for which assay, from when to when.

A factor belongs to one laboratory's assay and to a span of run dates. None ships: a laboratory enters its own in
``rules/conversion.toml`` of its study, in the form that `read_conversion` explains. A value takes the factor of its
run date; a factor is never applied outside its dates, and never to e1a2.
"""

from __future__ import annotations

import datetime as dt
import itertools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from remnant.errors import KnowledgeError
from remnant.knowledge.tables import STATUSES

__all__ = ["FILE", "ConversionFactor", "factor_on", "read_conversion", "study_factors"]

FILE: Final = "conversion.toml"
"""Name of the table in a study's folder of rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionFactor:
    """One factor and its dates.

    Attributes
    ----------
    id : str
        Key.
    assay_id : str
        Assay, for example ``"BCR-ABL1/ABL1"``.
    factor : float
        Percent on the International Scale is ratio x 100 x factor.
    valid_from : datetime.date
        First run date.
    valid_to : datetime.date or None
        Last run date; None while in force.
    source, status : str
        Who determined it and how; ``"verified"`` or ``"unverified"``.
    """

    id: str
    assay_id: str
    factor: float
    valid_from: dt.date
    valid_to: dt.date | None = None
    source: str
    status: str

    def holds_on(self, day: dt.date) -> bool:
        """Whether a run of this day is converted with it.

        Parameters
        ----------
        day : datetime.date
            Run date.

        Returns
        -------
        bool
            True from the first to the last day, both included.
        """
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def factor_on(factors: Iterable[ConversionFactor], assay_id: str, day: dt.date) -> ConversionFactor | None:
    """Factor of an assay on a run date.

    Parameters
    ----------
    factors : iterable of ConversionFactor
        All factors.
    assay_id : str
        Assay.
    day : datetime.date
        Run date.

    Returns
    -------
    ConversionFactor or None
        None where none is valid; the nearest one is never taken instead.

    Examples
    --------
    >>> old = ConversionFactor(id="a", assay_id="BCR-ABL1/ABL1", factor=0.8, valid_from=dt.date(2020, 1, 1),
    ...                        valid_to=dt.date(2021, 6, 30), source="EUTOS round", status="verified")
    >>> new = ConversionFactor(id="b", assay_id="BCR-ABL1/ABL1", factor=0.6, valid_from=dt.date(2021, 7, 1),
    ...                        source="EUTOS round", status="verified")
    >>> [factor_on([old, new], "BCR-ABL1/ABL1", day).factor for day in (dt.date(2021, 6, 30), dt.date(2021, 7, 1))]
    [0.8, 0.6]
    >>> factor_on([old, new], "BCR-ABL1/ABL1", dt.date(2019, 12, 31)) is None
    True
    """
    return next((one for one in factors if one.assay_id == assay_id and one.holds_on(day)), None)


def study_factors(folder: Path) -> tuple[ConversionFactor, ...]:
    """Factors of a study.

    Parameters
    ----------
    folder : path
        Folder with the laboratory's rules.

    Returns
    -------
    tuple of ConversionFactor
        Empty without the file.
    """
    path = folder / FILE
    return read_conversion(path.read_text(encoding="utf-8"), where=path.name) if path.is_file() else ()


def read_conversion(text: str, *, where: str = FILE) -> tuple[ConversionFactor, ...]:
    """Factors from their table, checked as a whole.

    Parameters
    ----------
    text : str
        TOML with one ``[[row]]`` a factor: ``id``, ``assay_id``, ``factor``, ``valid_from``, optional
        ``valid_to``, ``source`` and ``status``.
    where : str, default FILE
        File, for messages.

    Returns
    -------
    tuple of ConversionFactor
        In the order of the file.

    Raises
    ------
    KnowledgeError
        With every problem: a missing field, a factor that is not positive, dates that end before they begin, two
        factors of one assay on the same day.

    References
    ----------
    Branford et al., Leukemia 20, 1925-1930 (2006); Cross et al., Leukemia 29, 999-1003 (2015).
    """
    try:
        rows = tomllib.loads(text).get("row", [])
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(
            where=where, found=str(error), needed="valid TOML", advice="Mend the file."
        ) from error
    problems = [problem for row in rows for problem in _row_problems(row)]
    read = () if problems else tuple(ConversionFactor(**row) for row in rows)
    problems += [
        f"{one.id} and {other.id}: both valid for {one.assay_id} on the same day"
        for one, other in itertools.combinations(read, 2)
        if one.assay_id == other.assay_id
        and max(one.valid_from, other.valid_from)
        <= min(one.valid_to or dt.date.max, other.valid_to or dt.date.max)
    ]
    if problems:
        raise KnowledgeError(
            where=where,
            found=f"{len(problems)} problem{'s' * (len(problems) > 1)}",
            needed="one factor an assay and day, each with dates and source",
            advice="Mend the rows below.",
            problems=problems,
        )
    return read


def _row_problems(row: Mapping[str, Any]) -> list[str]:
    name = row.get("id", "row without id")
    known = {field.name for field in fields(ConversionFactor)}
    problems = [f"{name}: no {key}" for key in sorted(known - {"valid_to"}) if not row.get(key)]
    problems += [f"{name}: unknown field {key}" for key in row if key not in known]
    problems += [
        f"{name}: {key} {row[key]!r}, need a date"
        for key in ("valid_from", "valid_to")
        if key in row and not isinstance(row[key], dt.date)
    ]
    if row.get("status") not in (*STATUSES, None):
        problems.append(f"{name}: status {row['status']!r}, need verified or unverified")
    factor = row.get("factor", 1.0)
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not factor > 0:
        problems.append(f"{name}: factor {factor!r}, need a positive number")
    if not problems and "valid_to" in row and row["valid_to"] < row["valid_from"]:
        problems.append(f"{name}: valid_to {row['valid_to']} is before valid_from {row['valid_from']}")
    return problems
