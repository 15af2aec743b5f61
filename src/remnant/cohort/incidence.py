"""Cumulative incidence of relapse with death competing, by group.

Days count from transplantation. Aalen-Johansen estimates, their intervals and Gray's test are greenwood's
(extra ``cohort``); death without relapse competes, it does not censor. Patients who cannot be put into a
group have a curve of their own and no place in the test; patients who are not at risk are listed by reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from narwhals.typing import IntoDataFrameT

from remnant.cohort.columns import level_label, read_columns
from remnant.cohort.competing_risks import (
    UNDECIDED,
    curves,
    followed_patients,
    gray_test,
    permutation_of_scores,
)
from remnant.errors import InputError
from remnant.knowledge.cohort import table_days
from remnant.records.cohort import Exclusion, Incidence, MarkerGroup, Outcome

__all__ = ["FOUR_GROUPS", "four_group_test", "incidence_at_landmark", "incidence_by"]

FOUR_GROUPS: tuple[MarkerGroup, ...] = ("neither", "BAALC", "WT1", "both")
_CAUSES: tuple[Outcome, ...] = ("relapse", "death")
_METHOD = (
    "Aalen-Johansen, log-log interval from the delta-method variance; before a group's first event the upper "
    "bound is exact (Clopper-Pearson) for the patients known to that day"
)


def incidence_at_landmark(
    frame: IntoDataFrameT, *, level: float = 0.95, seed: int = 0, permutations: int = 9999
) -> Incidence:
    """Cumulative incidence of relapse and of death from the landmark, in four marker groups.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table, as `remnant.cohort.table.patients` makes it.
    level : float, default 0.95
        Level of the intervals.
    seed : int, default 0
        Seed of the permutation test.
    permutations : int, default 9999
        Exchanges of the permutation test.

    Returns
    -------
    Incidence
        Groups neither, BAALC, WT1 and both, then undecided patients as a group outside the tests.

    Raises
    ------
    InputError
        If a column is missing, or the rows have different landmarks.

    References
    ----------
    .. [1] Anderson, Cain and Gelber, Analysis of survival by tumor response, J Clin Oncol 1, 710-719
       (1983): the landmark method.
    .. [2] Gray, Ann Stat 16, 1141-1154 (1988): the test of cumulative incidences.
    """
    names = ("patient_id", "at_risk_at_landmark", "landmark_group", "landmark_reason", "landmark_day")
    data = read_columns(frame, (*names, "outcome", "follow_up_days"))
    landmarks = sorted(set(data["landmark_day"]))
    if len(landmarks) != 1:
        raise InputError(
            where="cohort table, column landmark_day",
            found=", ".join(map(str, landmarks)) or "no patients",
            needed="one landmark for all patients",
            advice="Make the table anew with one landmark rule.",
        )
    at_risk = [bool(value) for value in data["at_risk_at_landmark"]]
    reasons = [
        None if ok else (reason or "not at risk")
        for ok, reason in zip(at_risk, data["landmark_reason"], strict=True)
    ]
    return _incidence(
        data,
        groups=data["landmark_group"],
        order=FOUR_GROUPS,
        reasons=reasons,
        title=f"From the landmark on day +{landmarks[0]}, by marker group at the landmark",
        group_variable="landmark_group",
        start_day=float(landmarks[0]),
        level=level,
        rng=np.random.default_rng(seed),
        permutations=permutations,
    )


def incidence_by(
    frame: IntoDataFrameT, *, group: str, level: float = 0.95, seed: int = 0, permutations: int = 9999
) -> Incidence:
    """Cumulative incidence of relapse and of death from transplantation, by a property known before it.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table.
    group : str
        Column of the groups, for example ``"baalc_raised"``. It must be known on the day of
        transplantation: anything later needs a landmark.
    level : float, default 0.95
        Level of the intervals.
    seed : int, default 0
        Seed of the permutation test.
    permutations : int, default 9999
        Exchanges of the permutation test.

    Returns
    -------
    Incidence
        One group a value; patients without one are undecided, outside the tests.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame(
    ...     {
    ...         "patient_id": list("abcdef"),
    ...         "baalc_raised": [True, True, True, False, False, False],
    ...         "outcome": ["relapse", "relapse", "death", "censored", "relapse", "censored"],
    ...         "follow_up_days": [60, 90, 120, 400, 300, 500],
    ...     }
    ... )
    >>> made = incidence_by(frame, group="baalc_raised")
    >>> [(c.group, c.events, f"{c.incidence[-1]:.2f}") for c in made.curves if c.cause == "relapse"]
    [('baalc_raised', 2, '0.67'), ('not baalc_raised', 1, '0.33')]
    """
    data = read_columns(frame, ("patient_id", group, "outcome", "follow_up_days"))
    labels = [None if value is None else level_label(group, value) for value in data[group]]
    found = {label for label in labels if label not in {None, UNDECIDED}}
    order = sorted((str(label) for label in found), key=lambda label: (label.startswith("not "), label))
    reasons = [
        None
        if days is not None and (days > 0 or outcome != "censored")
        else "no follow-up after transplantation"
        for outcome, days in zip(data["outcome"], data["follow_up_days"], strict=True)
    ]
    return _incidence(
        data,
        groups=labels,
        order=order,
        reasons=reasons,
        title=f"From transplantation, by {group}",
        group_variable=group,
        start_day=0.0,
        level=level,
        rng=np.random.default_rng(seed),
        permutations=permutations,
    )


def four_group_test(frame: IntoDataFrameT, *, seed: int = 0, permutations: int = 1999) -> float | None:
    """P value of any difference in relapse between the four marker groups at the landmark.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table: ``landmark_group``, ``outcome`` and ``follow_up_days``; patients who are undecided
        or not at risk are passed over.
    seed : int, default 0
        Seed of the exchanges.
    permutations : int, default 1999
        Exchanges of group labels.

    Returns
    -------
    float or None
        P of the permutation test of subdistribution scores; None if fewer than two groups have patients
        or nobody relapsed after the landmark.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame(
    ...     {
    ...         "landmark_group": ["both"] * 5 + ["neither"] * 5 + [None],
    ...         "outcome": ["relapse"] * 5 + ["censored"] * 5 + ["death"],
    ...         "follow_up_days": [120, 130, 140, 150, 160, 500, 510, 520, 530, 540, 40],
    ...     }
    ... )
    >>> four_group_test(frame) < 0.01
    True
    """
    data = read_columns(frame, ("landmark_group", "outcome", "follow_up_days"))
    groups = data["landmark_group"]
    followed = followed_patients(
        data["follow_up_days"], data["outcome"], groups, [group in FOUR_GROUPS for group in groups]
    )
    rng = np.random.default_rng(seed)
    return permutation_of_scores(followed, "relapse", rng=rng, permutations=permutations).p_value


def _incidence(
    data: dict[str, list[Any]],
    *,
    groups: Sequence[str | None],
    order: Sequence[str],
    reasons: Sequence[str | None],
    title: str,
    group_variable: str,
    start_day: float,
    level: float,
    rng: np.random.Generator,
    permutations: int,
) -> Incidence:
    followed = followed_patients(
        data["follow_up_days"],
        data["outcome"],
        [group if group in order else UNDECIDED for group in groups],
        [why is None for why in reasons],
    )
    tested = followed.only(followed.groups != UNDECIDED)
    days = tuple(day for day in table_days() if day >= start_day)
    return Incidence(
        title=title,
        group_variable=group_variable,
        start_day=start_day,
        level=level,
        method=_METHOD,
        curves=tuple(
            curve
            for group in (*order, UNDECIDED)
            for curve in curves(followed, group, days=days, start_day=start_day, level=level)
        ),
        tests=tuple(
            test
            for cause in _CAUSES
            for test in (
                permutation_of_scores(tested, cause, rng=rng, permutations=permutations),
                gray_test(tested, cause),
            )
        ),
        excluded=tuple(
            Exclusion(
                reason=reason,
                patient_ids=tuple(
                    name for name, why in zip(data["patient_id"], reasons, strict=True) if why == reason
                ),
            )
            for reason in sorted({why for why in reasons if why is not None})
        ),
    )
