"""In how many patients the lesion stands outside the B lineage, and in stem cells, at diagnosis.

Three answers, not two: yes, no, and not known. Whoever is positive is always known; many who may be negative are
not, because one gate had too few nuclei. The share of the known alone would therefore be too high, so the share is
that of patients in whom it was shown, of all whose sorted fractions were judged.
"""

from __future__ import annotations

from narwhals.typing import IntoDataFrame

from remnant.cohort.columns import read_columns
from remnant.numerics.proportions import clopper_pearson
from remnant.records.cohort import CompartmentShare

__all__ = ["compartment_shares"]

_QUESTIONS = ("outside_b_lineage", "hsc_involved")
_ALL = "all"
_UNKNOWN = "unknown"


def compartment_shares(
    frame: IntoDataFrame, *, by: str = "transcript", level: float = 0.95
) -> tuple[CompartmentShare, ...]:
    """Patients in whom compartments were shown to carry the lesion, by group.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table, one row a patient.
    by : str, default "transcript"
        Column of the groups; patients without a value form the group ``"unknown"``.
    level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    tuple of CompartmentShare
        One a question and group, all patients last; empty where nobody's sorted fractions were judged.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame(
    ...     {
    ...         "transcript": ["P190", "P190", "P210", "P210"],
    ...         "compartment_sample_id": ["S1", "S2", "S3", None],
    ...         "outside_b_lineage": [True, None, True, None],
    ...         "hsc_involved": [False, None, True, None],
    ...     }
    ... )
    >>> [(one.group, one.yes, one.no, one.unknown) for one in compartment_shares(frame)[:3]]
    [('P190', 1, 0, 1), ('P210', 1, 0, 0), ('all', 2, 0, 1)]
    """
    data = read_columns(frame, (by, "compartment_sample_id", *_QUESTIONS))
    judged = [i for i, sample in enumerate(data["compartment_sample_id"]) if sample is not None]
    groups = {i: _UNKNOWN if data[by][i] is None else str(data[by][i]) for i in judged}
    names = sorted(set(groups.values()), key=lambda name: (name == _UNKNOWN, name))
    return tuple(
        _share(
            [data[question][i] for i in judged if name in {groups[i], _ALL}],
            question=question,
            variable=by,
            group=name,
            level=level,
        )
        for question in _QUESTIONS
        for name in ([*names, _ALL] if len(names) > 1 else [_ALL] if names else [])
    )


def _share(
    answers: list[object], *, question: str, variable: str, group: str, level: float
) -> CompartmentShare:
    yes, no = (sum(answer is value for answer in answers) for value in (True, False))
    lower, upper = clopper_pearson(yes, len(answers), level=level)
    return CompartmentShare(
        question=question,
        variable=variable,
        group=group,
        judged=len(answers),
        yes=yes,
        no=no,
        unknown=len(answers) - yes - no,
        lower=float(lower),
        upper=float(upper),
        level=level,
    )
