"""Patients followed for two competing events, as greenwood sees them: curves and tests.

Days are of any origin, status codes 0 censored, 1 relapse, 2 death without relapse. Aalen-Johansen
estimates and Gray's test are greenwood's (extra ``cohort``); what it leaves undefined gets an exact bound
or a reason here, never NaN.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import greenwood
import numpy as np
import polars as pl
from numpy.typing import NDArray

from remnant.errors import InputError, MeasurementError
from remnant.knowledge.cohort import least_patients_for_large_sample_test
from remnant.numerics.proportions import clopper_pearson
from remnant.numerics.subdistribution import permutation_test, subdistribution_scores
from remnant.records.cohort import IncidenceAt, IncidenceCurve, Outcome, TestResult

__all__ = ["UNDECIDED", "Followed", "curves", "followed_patients", "gray_test", "permutation_of_scores"]

UNDECIDED = "undecided"
_STATES: tuple[Outcome, ...] = ("censored", "relapse", "death")
_CAUSES: tuple[Outcome, ...] = ("relapse", "death")
_ROUNDING = 1e-9
_NO_VARIANCE = "the groups cannot differ in these data: no variance to divide by"


class Followed(NamedTuple):
    """Patients at risk, columnar.

    Attributes
    ----------
    days : ndarray of float, shape (n,)
        Day of the event or of the end of observation.
    codes : ndarray of int, shape (n,)
        0 censored, 1 relapse, 2 death without relapse.
    groups : ndarray of str, shape (n,)
        Group of each patient.
    """

    days: NDArray[np.float64]
    codes: NDArray[np.int64]
    groups: NDArray[np.str_]

    def only(self, keep: NDArray[np.bool_]) -> Followed:
        """Some of the patients.

        Parameters
        ----------
        keep : ndarray of bool, shape (n,)
            Whom to keep.

        Returns
        -------
        Followed
            These patients, in the same order.
        """
        return Followed(self.days[keep], self.codes[keep], self.groups[keep])


def followed_patients(
    days: Sequence[Any], outcomes: Sequence[Any], groups: Sequence[str | None], keep: Sequence[bool]
) -> Followed:
    """Check and gather the patients at risk.

    Parameters
    ----------
    days : sequence of float
        Day of the event or of the end of observation.
    outcomes : sequence of str
        ``"relapse"``, ``"death"`` or ``"censored"``.
    groups : sequence of str
        Group of each patient.
    keep : sequence of bool
        Who is at risk; the others may lack anything.

    Returns
    -------
    Followed
        The patients at risk.

    Raises
    ------
    InputError
        With every patient at risk who has no day or no known outcome.

    Examples
    --------
    >>> followed_patients([90, None], ["relapse", None], ["both", None], [True, False]).codes
    array([1])
    """
    rows = [row for row in enumerate(zip(days, outcomes, groups, strict=True), start=1) if keep[row[0] - 1]]
    problems = [
        f"row {number}: follow_up_days {day!r}, outcome {outcome!r}"
        for number, (day, outcome, _) in rows
        if day is None or day < 0 or outcome not in _STATES
    ]
    if problems:
        raise InputError(
            where="cohort table",
            found=f"{len(problems)} patients at risk without day or outcome",
            needed="follow_up_days of at least 0 and an outcome of " + ", ".join(_STATES),
            advice="Complete them, or mark them as not at risk.",
            problems=problems,
        )
    return Followed(
        np.array([day for _, (day, _, _) in rows], dtype=np.float64),
        np.array([_STATES.index(outcome) for _, (_, outcome, _) in rows], dtype=np.int64),
        np.array([str(group) for _, (_, _, group) in rows], dtype=str),
    )


def _surv(followed: Followed) -> greenwood.Surv:
    names = [_STATES[code] for code in followed.codes.tolist()]
    return greenwood.Surv(followed.days, pl.Series(names, dtype=pl.Enum(_STATES)))


def curves(
    followed: Followed, group: str, *, days: Sequence[float], start_day: float = 0.0, level: float = 0.95
) -> tuple[IncidenceCurve, ...]:
    """Cumulative incidence of relapse and of death in one group.

    Parameters
    ----------
    followed : Followed
        All patients.
    group : str
        The group.
    days : sequence of float
        Days of the table of incidences and numbers at risk.
    start_day : float, default 0
        Day from which the patients are at risk; the incidence is 0 there, without an interval.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    tuple of IncidenceCurve
        Relapse and death; empty if the group has no patients.

    References
    ----------
    .. [1] Aalen and Johansen, An empirical transition matrix for non-homogeneous Markov chains based on
       censored observations, Scand J Stat 5, 141-150 (1978).
    .. [2] Marubini and Valsecchi, Analysing survival data from clinical trials and observational studies,
       section 10.3 (1995): the variance.

    Examples
    --------
    >>> made = Followed(np.array([30.0, 60.0, 90.0]), np.array([1, 2, 0]), np.array(["a", "a", "a"]))
    >>> relapse, death = curves(made, "a", days=(60.0,))
    >>> relapse.days, death.days, [(found.day, found.at_risk) for found in relapse.on_days]
    ((30.0,), (60.0,), [(60.0, 2)])
    """
    mine = followed.only(followed.groups == group)
    if not len(mine.days):
        return ()
    with np.errstate(over="ignore"):  # of an incidence that rounding leaves just below 1
        fitted = greenwood.AalenJohansen(conf_type="log-log", conf_level=level).fit(_surv(mine))
    steps = _whole(fitted.to_frame(format="polars").fill_nan(None))
    return tuple(
        _curve(mine, group, cause, steps=_rises(steps, cause), days=days, start_day=start_day, level=level)
        for cause in _CAUSES
    )


def _whole(steps: pl.DataFrame) -> pl.DataFrame:
    """An incidence that is 1 but for rounding, as one that is 1: there the log-log interval does not exist."""
    complete = pl.col("estimate") > 1.0 - _ROUNDING
    return steps.with_columns(
        estimate=pl.when(complete).then(1.0).otherwise(pl.col("estimate")),
        **{name: pl.when(complete).then(None).otherwise(pl.col(name)) for name in ("conf_low", "conf_high")},
    )


def _rises(steps: pl.DataFrame, cause: Outcome) -> pl.DataFrame:
    """Rows on which the curve of one cause goes up."""
    one = steps.filter(pl.col("cause") == cause).sort("time")
    return one.filter(pl.col("estimate").diff().fill_null(pl.col("estimate")) > 0.0)


def _curve(
    mine: Followed,
    group: str,
    cause: Outcome,
    *,
    steps: pl.DataFrame,
    days: Sequence[float],
    start_day: float,
    level: float,
) -> IncidenceCurve:
    code = _STATES.index(cause)
    return IncidenceCurve(
        group=group,
        cause=cause,
        patients=len(mine.days),
        events=int((mine.codes == code).sum()),
        competing_events=int((mine.codes == 3 - code).sum()),
        censored=int((mine.codes == 0).sum()),
        in_test=group != UNDECIDED,
        days=tuple(steps["time"].to_list()),
        incidence=tuple(steps["estimate"].to_list()),
        lower=tuple(steps["conf_low"].to_list()),
        upper=tuple(steps["conf_high"].to_list()),
        last_day=float(mine.days.max()),
        on_days=tuple(_at(mine, steps, day, start_day=start_day, level=level) for day in days),
    )


def _at(mine: Followed, steps: pl.DataFrame, day: float, *, start_day: float, level: float) -> IncidenceAt:
    at_risk = int((mine.days >= day).sum())
    before = steps.filter(pl.col("time") <= day)
    open_ended = bool((mine.codes[mine.days == mine.days.max()] == 0).any())
    if not at_risk and open_ended:
        return IncidenceAt(day=day, at_risk=0, incidence=None, lower=None, upper=None)
    if len(before):
        last = before.row(-1, named=True)
        return IncidenceAt(
            day=day,
            at_risk=at_risk,
            incidence=last["estimate"],
            lower=last["conf_low"],
            upper=last["conf_high"],
        )
    known = int(((mine.days >= day) | (mine.codes != 0)).sum())
    upper = float(clopper_pearson(0, known, level=level).upper) if day > start_day else 0.0
    return IncidenceAt(day=day, at_risk=at_risk, incidence=0.0, lower=0.0, upper=upper)


def gray_test(followed: Followed, cause: Outcome) -> TestResult:
    """Gray's test of equal cumulative incidence.

    Parameters
    ----------
    followed : Followed
        Patients of the groups that are compared.
    cause : {"relapse", "death"}
        Event of interest; the other competes.

    Returns
    -------
    TestResult
        Without P value, and with the reason, where the test is not defined or a group is smaller than the
        row ``incidence.least_patients`` of `remnant.knowledge.cohort` asks.

    References
    ----------
    .. [1] Gray, A class of K-sample tests for comparing the cumulative incidence of a competing risk, Ann
       Stat 16, 1141-1154 (1988).
    """
    result = _named_test(followed, cause, name="Gray", statistic_name="chi-square")
    untestable = _untestable(followed, cause)
    if untestable:
        return dataclasses.replace(result, note=untestable)
    small = _too_small(followed)
    if small:
        return dataclasses.replace(result, note=small)
    with np.errstate(divide="ignore", invalid="ignore"):  # greenwood's expected counts of an emptied group
        try:
            made = greenwood.grays_test(_surv(followed), followed.groups, cause=cause)
        except np.linalg.LinAlgError:
            return dataclasses.replace(result, note=_NO_VARIANCE)
    if not math.isfinite(made.statistic):
        return dataclasses.replace(result, note=_NO_VARIANCE)
    smallest = np.unique(followed.groups, return_counts=True)[1].min()
    return dataclasses.replace(
        result,
        statistic=float(made.statistic),
        p_value=float(made.p_value),
        note=f"large-sample test; patients in the smallest group: {smallest}",
    )


def permutation_of_scores(
    followed: Followed, cause: Outcome, *, rng: np.random.Generator, permutations: int
) -> TestResult:
    """Permutation test of equal cumulative incidence: exact for groups of any size.

    Parameters
    ----------
    followed : Followed
        Patients of the groups that are compared.
    cause : {"relapse", "death"}
        Event of interest; the other competes.
    rng : numpy.random.Generator
        Source of the exchanges.
    permutations : int
        Exchanges of group labels.

    Returns
    -------
    TestResult
        Without P value, and with the reason, where the test is not defined.
    """
    name, statistic_name = "Permutation of subdistribution scores", "between-group chi-square"
    result = _named_test(followed, cause, name=name, statistic_name=statistic_name)
    untestable = _untestable(followed, cause)
    if untestable:
        return dataclasses.replace(result, note=untestable)
    status = np.where(followed.codes == _STATES.index(cause), 1, np.where(followed.codes == 0, 0, 2))
    scores = subdistribution_scores(followed.days, status)
    try:
        made = permutation_test(scores, followed.groups, rng=rng, permutations=permutations)
    except MeasurementError:
        return dataclasses.replace(result, note=_NO_VARIANCE)
    return dataclasses.replace(
        result,
        statistic=made.statistic,
        p_value=made.p_value,
        note=f"{permutations} exchanges of group labels",
    )


def _untestable(followed: Followed, cause: Outcome) -> str:
    if len(set(followed.groups.tolist())) < 2:
        return "fewer than two groups with patients"
    if not (followed.codes == _STATES.index(cause)).any():
        return f"no {cause} in any group"
    return ""


def _too_small(followed: Followed) -> str:
    """Why a large-sample P value is not printed; empty if every group is large enough."""
    least = least_patients_for_large_sample_test()
    names, sizes = np.unique(followed.groups, return_counts=True)
    small = [f'"{name}" (n = {size})' for name, size in zip(names, sizes, strict=True) if size < least]
    return (
        f"large-sample P value not printed: fewer than {least} patients in {', '.join(small)}"
        if small
        else ""
    )


def _named_test(followed: Followed, cause: Outcome, *, name: str, statistic_name: str) -> TestResult:
    named = [f'"{group}"' for group in sorted(set(followed.groups.tolist()))]
    groups = " and ".join(filter(None, (", ".join(named[:-1]), named[-1] if named else "")))
    return TestResult(
        name=f"{name}, {cause}",
        sidedness="two-sided",
        alternative=f"cumulative incidence of {cause} differs between {groups}",
        margins="none",
        statistic_name=statistic_name,
        statistic=None,
        p_value=None,
    )
