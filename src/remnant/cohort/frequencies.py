"""How many of how many, by group, with exact intervals.

Patients in whom the outcome could not be judged are counted beside the evaluable ones, never among them.
"""

from __future__ import annotations

from collections.abc import Sequence

from narwhals.typing import IntoDataFrameT

from remnant.cohort.columns import frame_like, read_columns
from remnant.errors import InputError
from remnant.numerics.proportions import clopper_pearson, jeffreys, wilson
from remnant.records.cohort import Frequency

__all__ = ["frequencies", "frequency", "frequency_frame"]

_UNKNOWN = "unknown"
_ALL = "all"


def frequency(
    positive: int,
    evaluable: int,
    *,
    outcome: str,
    variable: str,
    group: str,
    subgroup: str = _ALL,
    not_evaluable: int = 0,
    level: float = 0.95,
) -> Frequency:
    """One share with its three intervals.

    Parameters
    ----------
    positive, evaluable : int
        Patients with the outcome, of those in whom it could be judged.
    outcome, variable, group, subgroup : str
        What was counted, and in whom.
    not_evaluable : int, default 0
        Patients of the group in whom it could not be judged.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    Frequency
        Without share and bounds if nobody was evaluable.

    Examples
    --------
    >>> made = frequency(10, 25, outcome="HSC involved", variable="series", group="all")
    >>> f"{made.share:.0%} ({made.lower:.1%}-{made.upper:.1%})"
    '40% (21.1%-61.3%)'
    """
    bounds: tuple[float | None, ...] = (None,) * 6
    if evaluable:
        bounds = tuple(
            float(bound)
            for interval in (clopper_pearson, wilson, jeffreys)
            for bound in interval(positive, evaluable, level=level)
        )
    return Frequency(
        outcome=outcome,
        variable=variable,
        group=group,
        subgroup=subgroup,
        positive=positive,
        evaluable=evaluable,
        not_evaluable=not_evaluable,
        share=positive / evaluable if evaluable else None,
        lower=bounds[0],
        upper=bounds[1],
        wilson_lower=bounds[2],
        wilson_upper=bounds[3],
        jeffreys_lower=bounds[4],
        jeffreys_upper=bounds[5],
        level=level,
    )


def frequencies(
    frame: IntoDataFrameT,
    *,
    outcome: str = "baalc_raised",
    by: str = "fab",
    within: str | None = "age_group",
    level: float = 0.95,
) -> tuple[Frequency, ...]:
    """Share of patients with an outcome, by group and subgroup, with all margins.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table, one row a patient.
    outcome : str, default "baalc_raised"
        Column of true, false and missing.
    by : str, default "fab"
        Column of the groups; patients without a value form the group ``"unknown"``.
    within : str or None, default "age_group"
        Column of the subgroups; None for none.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    tuple of Frequency
        One a group and subgroup that occurs, subgroup ``"all"`` after each group's own, and the group
        ``"all"`` last.

    Raises
    ------
    InputError
        If a column is missing, or the outcome holds anything but true, false and missing.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"fab": ["M1", "M1", "M3"], "baalc_raised": [True, None, False]})
    >>> [(row.group, row.positive, row.evaluable, row.not_evaluable) for row in frequencies(table, within=None)]
    [('M1', 1, 1, 1), ('M3', 0, 1, 0), ('all', 1, 2, 1)]
    """
    names = (outcome, by) if within is None else (outcome, by, within)
    data = read_columns(frame, names)
    results = _truths(data[outcome], outcome)
    groups = [_UNKNOWN if value is None else str(value) for value in data[by]]
    subgroups = [_UNKNOWN if value is None else str(value) for value in data[within]] if within else []
    made = []
    for group in [*sorted(set(groups)), _ALL]:
        for subgroup in [*sorted(set(subgroups)), _ALL]:
            chosen = [
                result
                for i, result in enumerate(results)
                if group in {_ALL, groups[i]} and (subgroup == _ALL or subgroups[i] == subgroup)
            ]
            if chosen:
                made.append(
                    frequency(
                        chosen.count(True),
                        len(chosen) - chosen.count(None),
                        outcome=outcome,
                        variable=by,
                        group=group,
                        subgroup=subgroup,
                        not_evaluable=chosen.count(None),
                        level=level,
                    )
                )
    return tuple(made)


def frequency_frame(
    frame: IntoDataFrameT, *, outcome: str = "baalc_raised", by: str = "fab", within: str | None = "age_group"
) -> IntoDataFrameT:
    """What `frequencies` gives, as a frame of the caller's kind.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table, one row a patient.
    outcome : str, default "baalc_raised"
        Column of true, false and missing.
    by : str, default "fab"
        Column of the groups.
    within : str or None, default "age_group"
        Column of the subgroups; None for none.

    Returns
    -------
    polars or pandas DataFrame
        One row a group and subgroup, with the fields of `Frequency` as columns.

    Raises
    ------
    InputError
        If a column is missing, or the outcome holds anything but true, false and missing.

    Examples
    --------
    >>> import polars as pl
    >>> table = pl.DataFrame({"fab": ["M1", "M3"], "baalc_raised": [True, False]})
    >>> frequency_frame(table, within=None)["group"].to_list()
    ['M1', 'M3', 'all']
    """
    return frame_like(frame, frequencies(frame, outcome=outcome, by=by, within=within), Frequency)


def _truths(values: Sequence[object], name: str) -> list[bool | None]:
    wrong = sorted({repr(value) for value in values if value not in {True, False, None}})
    if wrong:
        raise InputError(
            where=f"column {name}",
            found=", ".join(wrong),
            needed="true, false or missing",
            advice="Give the verdict, not the value.",
        )
    return [None if value is None else bool(value) for value in values]
