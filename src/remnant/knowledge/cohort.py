"""Choices of the cohort stage: age groups, landmark, and how patients are grouped there.

Days are counted from transplantation, ages in years at diagnosis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from remnant.errors import KnowledgeError
from remnant.knowledge.tables import rows

__all__ = [
    "LandmarkRule",
    "age_group",
    "assumed_engraftment_day",
    "diagnosis_materials",
    "diagnosis_window_days",
    "landmark_rule",
    "least_patients_for_curve",
    "least_patients_for_large_sample_test",
    "table_days",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkRule:
    """How patients are grouped at a landmark.

    Attributes
    ----------
    rule_id : str
        Row of ``knowledge/cohort.toml``.
    day : int
        Landmark, days from transplantation; samples up to and including this day count.
    choose : {"last", "confirmed"}
        Joint state of the last sample with both markers, or markers that were ever confirmed raised.
    by : {"probability", "point"}
        Joint state by probability, which may be undecided, or by the literal verdicts.
    materials : tuple of str
        Materials that count; the first wins on the same day.
    source, status : str
        Where the row is from, and whether that was verified.
    """

    rule_id: str
    day: int
    choose: Literal["last", "confirmed"]
    by: Literal["probability", "point"]
    materials: tuple[str, ...]
    source: str
    status: str


def age_group(age_years: float | None) -> Literal["adult", "child"] | None:
    """Age group at diagnosis.

    Parameters
    ----------
    age_years : float or None
        Age in years.

    Returns
    -------
    {"adult", "child"} or None
        None without an age.

    Examples
    --------
    >>> age_group(18.0), age_group(17.9)
    ('adult', 'child')
    """
    if age_years is None:
        return None
    return "adult" if age_years >= _row("age_group.adult")["from_years"] else "child"


def diagnosis_window_days() -> int:
    """Largest distance from the recorded diagnosis of a sample without a stated reason.

    Returns
    -------
    int
        Days to either side.
    """
    return int(_row("diagnosis.sample")["window_days"])


def diagnosis_materials() -> tuple[str, ...]:
    """Materials of a sample at diagnosis, the preferred one first.

    Returns
    -------
    tuple of str
        For example ``("BM", "PB")``.
    """
    return tuple(_row("diagnosis.sample")["materials"])


def assumed_engraftment_day() -> int:
    """Day of engraftment where none is recorded.

    Returns
    -------
    int
        Days from transplantation.
    """
    return int(_row("engraftment.assumed")["day"])


def table_days() -> tuple[float, ...]:
    """Days on which incidences and numbers at risk are printed.

    Returns
    -------
    tuple of float
        Days from transplantation, ascending.
    """
    return tuple(float(day) for day in _row("incidence.table_days")["days"])


def least_patients_for_large_sample_test() -> int:
    """Smallest group with which a large-sample test of incidences prints a P value.

    Returns
    -------
    int
        Patients.
    """
    return int(_row("incidence.least_patients")["large_sample_test"])


def least_patients_for_curve() -> int:
    """Smallest group whose incidence is drawn.

    Returns
    -------
    int
        Patients.
    """
    return int(_row("incidence.least_patients")["curve"])


def landmark_rule(rule_id: str | None = None) -> LandmarkRule:
    """One way of grouping patients at the landmark.

    Parameters
    ----------
    rule_id : str or None, default None
        Row of ``knowledge/cohort.toml``; None takes its default.

    Returns
    -------
    LandmarkRule
        The row.

    Raises
    ------
    KnowledgeError
        If there is no such row.

    Examples
    --------
    >>> landmark_rule().rule_id, landmark_rule().day
    ('landmark_group.last_state', 100)
    """
    row = _row(rule_id) if rule_id else next(row for row in rows("cohort") if row.get("default"))
    if not row["id"].startswith("landmark_group."):
        raise _missing(row["id"])
    return LandmarkRule(
        rule_id=row["id"],
        day=int(row["day"]),
        choose=row["choose"],
        by=row["by"],
        materials=tuple(row["materials"]),
        source=row["source"],
        status=row["status"],
    )


def _row(row_id: str) -> dict[str, Any]:
    for row in rows("cohort"):
        if row["id"] == row_id:
            return row
    raise _missing(row_id)


def _missing(row_id: str) -> KnowledgeError:
    return KnowledgeError(
        where="knowledge/cohort.toml",
        found=f"no landmark or choice {row_id!r}",
        needed=", ".join(row["id"] for row in rows("cohort")),
        advice="Name one of these rows.",
    )
