"""Association of two properties of patients: every test by name, effects with intervals.

Rows are groups, columns outcomes. No test is preferred: a P value without the name of its test, its
sidedness and the margins it takes as fixed cannot be repeated, so all are given. One-sided tests look in
the direction of the data unless the caller says which; a direction chosen after seeing the data halves
the P value and must be read so.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal

import numpy as np
from narwhals.typing import IntoDataFrameT
from numpy.typing import ArrayLike, NDArray

from remnant.cohort.columns import frame_like, level_label, read_columns
from remnant.cohort.fourfold_tests import Direction, fourfold_effects, fourfold_tests
from remnant.cohort.frequencies import frequency
from remnant.errors import InputError
from remnant.numerics.conditional_tests import conditional_tests, freeman_halton
from remnant.numerics.contingency import count_table, fourfold_table, likelihood_ratio, pearson
from remnant.records.cohort import Association, AssociationBounds, LeftOut, TestResult

__all__ = [
    "NOT_KNOWN",
    "associate",
    "associate_columns",
    "association_frame",
    "raised_at_diagnosis_test",
    "undecided_bounds",
]

NOT_KNOWN: Final = "not known"
_MOST_TABLES: Final = 10_000  # bounds of Fisher's test try them all, some tenths of a millisecond each


def associate(
    table: ArrayLike,
    *,
    row_variable: str = "group",
    column_variable: str = "outcome",
    rows: tuple[str, ...] | None = None,
    columns: tuple[str, ...] | None = None,
    direction: Direction | Literal["observed"] = "observed",
    left_out: tuple[LeftOut, ...] = (),
    level: float = 0.95,
) -> Association:
    """Every test and effect of a table of counts.

    Parameters
    ----------
    table : array_like of int, shape (r, c)
        Counts: rows are groups, columns outcomes, the outcome of interest first.
    row_variable, column_variable : str
        What rows and columns are.
    rows, columns : tuple of str or None
        Names of groups and outcomes.
    direction : {"observed", "greater", "less"}
        Alternative of the one-sided tests of a 2x2 table: greater means a larger share of the first
        outcome in the first row.
    left_out : tuple of LeftOut, default ()
        Patients who are not in the table, by what is known of them. In a 2x2 table those of known group and unknown
        outcome bound Fisher's P value.
    level : float, default 0.95
        Level of all intervals.

    Returns
    -------
    Association
        For a 2x2 table all tests of reference 1 and all effects; for a larger one Freeman-Halton, Pearson
        and likelihood-ratio tests.

    Raises
    ------
    MeasurementError
        If it is no table of counts.
    InputError
        If the names do not fit the table.

    References
    ----------
    .. [1] The test names and their two-sided definitions: Agresti, Exact inference for contingency tables,
       Stat Sci 7, 131-153 (1992); Mehrotra, Chan and Berger, A cautionary note on exact unconditional
       inference for a difference between two independent binomial proportions, Biometrics 59, 441-450 (2003).

    Examples
    --------
    >>> result = associate(((6, 2), (3, 9)), rows=("P210", "P190"), columns=("involved", "not involved"))
    >>> [f"{test.p_value:.4f}" for test in result.tests if test.name.startswith("Fisher")]
    ['0.0648', '0.0798', '0.0399']
    """
    cells = count_table(table)
    rows = _names(rows, cells.shape[0], "row")
    columns = _names(columns, cells.shape[1], "column")
    fourfold = cells.shape == (2, 2)
    side, stated = _direction(cells, direction, rows, columns) if fourfold else ("greater", "")
    if fourfold:
        tests = fourfold_tests(cells, direction=side, alternatives=_alternatives(side, rows, columns))
        effects = fourfold_effects(cells, level=level)
    else:
        tests, effects = _larger_table_tests(cells, row_variable, column_variable), ()
    return Association(
        row_variable=row_variable,
        column_variable=column_variable,
        rows=rows,
        columns=columns,
        counts=_tuples(cells),
        left_out=sum(one.patients for one in left_out),
        left_out_by=left_out,
        bounds=_bounds(cells, rows, left_out) if fourfold else None,
        direction=stated,
        shares=tuple(
            frequency(
                int(row[0]),
                int(row.sum()),
                outcome=columns[0],
                variable=row_variable,
                group=name,
                level=level,
            )
            for name, row in zip(rows, cells, strict=True)
        ),
        tests=tests,
        effects=effects,
    )


def associate_columns(
    frame: IntoDataFrameT,
    *,
    row: str,
    column: str,
    rows: tuple[object, ...] | None = None,
    columns: tuple[object, ...] | None = None,
    direction: Direction | Literal["observed"] = "observed",
    level: float = 0.95,
) -> Association:
    """Every test and effect of two columns of a frame.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        One row a patient.
    row, column : str
        Columns: the group, and the outcome.
    rows, columns : tuple or None
        Values that count, in this order; by default all values, true before false, else sorted. Patients
        with a missing or another value are left out and counted.
    direction : {"observed", "greater", "less"}
        As in `associate`.
    level : float, default 0.95
        Level of all intervals.

    Returns
    -------
    Association
        As `associate` gives it.

    Raises
    ------
    InputError
        If a column is missing or has fewer than two values.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"raised": [True, True, False, False, None], "relapse": [1, 0, 0, 0, 1]})
    >>> result = associate_columns(frame, row="raised", column="relapse", columns=(1, 0))
    >>> result.counts, result.left_out
    (((1, 1), (0, 2)), 1)
    """
    data = read_columns(frame, (row, column))
    groups, outcomes = _levels(data[row], rows, row), _levels(data[column], columns, column)
    cells = np.zeros((len(groups), len(outcomes)), dtype=np.int64)
    outside: Counter[tuple[str, str]] = Counter()
    for group, outcome in zip(data[row], data[column], strict=True):
        if group in groups and outcome in outcomes:
            cells[groups.index(group), outcomes.index(outcome)] += 1
        else:
            outside[_known(row, group), _known(column, outcome)] += 1
    return associate(
        cells,
        row_variable=row,
        column_variable=column,
        rows=tuple(level_label(row, value) for value in groups),
        columns=tuple(level_label(column, value) for value in outcomes),
        direction=direction,
        left_out=tuple(
            LeftOut(row=group, column=outcome, patients=n) for (group, outcome), n in sorted(outside.items())
        ),
        level=level,
    )


def association_frame(frame: IntoDataFrameT, *, row: str, column: str) -> IntoDataFrameT:
    """Every test of two columns of a frame, as a frame of the same kind.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        One row a patient.
    row, column : str
        Columns: the group, and the outcome.

    Returns
    -------
    polars or pandas DataFrame
        One row a test, with the fields of `TestResult` as columns.

    Raises
    ------
    InputError
        If a column is missing or has fewer than two values.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"raised": [True, True, False, False], "relapse": [True, True, False, False]})
    >>> association_frame(frame, row="raised", column="relapse").select("name", "p_value").row(0)
    ('Fisher, sum of tables no more likely', 0.333...)
    """
    return frame_like(frame, associate_columns(frame, row=row, column=column).tests, TestResult)


def undecided_bounds(table: ArrayLike, undecided: tuple[int, int]) -> AssociationBounds:
    """Range of Fisher's two-sided P over everything that undecided patients might be.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        The decided patients.
    undecided : tuple of int
        Undecided patients in the first and in the second row.

    Returns
    -------
    AssociationBounds
        Smallest and largest P value, and the tables that give them.

    Raises
    ------
    MeasurementError
        If it is not a 2x2 table of counts, or a number of undecided patients is negative.

    References
    ----------
    .. [1] Horowitz and Manski, Nonparametric analysis of randomized experiments with missing covariate and
       outcome data, J Am Stat Assoc 95, 77-84 (2000): worst-case bounds.

    Examples
    --------
    >>> bounds = undecided_bounds(((6, 2), (3, 9)), (0, 1))
    >>> round(bounds.lowest_p, 4), round(bounds.highest_p, 4)
    (0.0318, 0.0805)
    """
    cells = fourfold_table(table)
    fourfold_table([[undecided[0], undecided[1]], [1, 1]])
    ranked = []
    for first in range(undecided[0] + 1):
        for second in range(undecided[1] + 1):
            added = np.array([[first, undecided[0] - first], [second, undecided[1] - second]], dtype=np.int64)
            filled = cells + added
            ranked.append((conditional_tests(filled).two_sided, _tuples(filled)))
    ranked.sort()
    return AssociationBounds(
        counts=_tuples(cells),
        undecided=undecided,
        test="Fisher, sum of tables no more likely",
        tables=len(ranked),
        p_value=conditional_tests(cells).two_sided,
        lowest_p=ranked[0][0],
        highest_p=ranked[-1][0],
        lowest_counts=ranked[0][1],
        highest_counts=ranked[-1][1],
    )


def raised_at_diagnosis_test(frame: IntoDataFrameT, *, marker: Literal["baalc", "wt1"]) -> float:
    """P value of the association of a marker raised at diagnosis with relapse after transplantation.

    Parameters
    ----------
    frame : polars or pandas DataFrame
        Cohort table with ``baalc_raised`` or ``wt1_raised``, and ``outcome``.
    marker : {"baalc", "wt1"}
        Which marker.

    Returns
    -------
    float
        Fisher's two-sided P value of raised or not against relapsed or not, patients without a verdict or
        without follow-up left out; 1 if a margin is 0, since such a table says nothing.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> outcome = ["relapse", "relapse", "death", "censored"]
    >>> frame = pl.DataFrame({"wt1_raised": [True, True, False, False], "outcome": outcome})
    >>> round(raised_at_diagnosis_test(frame, marker="wt1"), 3)
    0.333
    """
    data = read_columns(frame, (f"{marker}_raised", "outcome"))
    cells = np.zeros((2, 2), dtype=np.int64)
    for raised, outcome in zip(data[f"{marker}_raised"], data["outcome"], strict=True):
        if raised is not None and outcome is not None:
            cells[int(not raised), int(outcome != "relapse")] += 1
    return conditional_tests(cells).two_sided if cells.any() else 1.0


def _larger_table_tests(
    cells: NDArray[np.int64], row_variable: str, column_variable: str
) -> tuple[TestResult, ...]:
    alternative = f"{column_variable} depends on {row_variable}"
    defined = bool(cells.sum(axis=0).all() and cells.sum(axis=1).all())
    note = "" if defined else "a margin is 0"
    chi_square = pearson(cells) if defined else None
    ratio = likelihood_ratio(cells) if defined else None
    return (
        TestResult(
            name="Freeman-Halton, sum of tables no more likely",
            sidedness="two-sided",
            alternative=alternative,
            margins="both",
            statistic_name="",
            statistic=None,
            p_value=freeman_halton(cells),
        ),
        TestResult(
            name="Pearson chi-square",
            sidedness="two-sided",
            alternative=alternative,
            margins="none",
            statistic_name="chi-square",
            statistic=chi_square.value if chi_square else None,
            p_value=chi_square.p_value if chi_square else None,
            note=note,
        ),
        TestResult(
            name="Likelihood ratio G",
            sidedness="two-sided",
            alternative=alternative,
            margins="none",
            statistic_name="G",
            statistic=ratio.value if ratio else None,
            p_value=ratio.p_value if ratio else None,
            note=note,
        ),
    )


def _direction(
    cells: NDArray[np.int64],
    direction: Direction | Literal["observed"],
    rows: tuple[str, ...],
    columns: tuple[str, ...],
) -> tuple[Direction, str]:
    cross = int(cells[0, 0] * cells[1, 1] - cells[0, 1] * cells[1, 0])
    side: Direction = direction if direction != "observed" else ("less" if cross < 0 else "greater")
    how = "direction of the data" if direction == "observed" else "stated by the caller"
    return side, f"{_alternatives(side, rows, columns)[1]} ({how})"


def _alternatives(side: Direction, rows: tuple[str, ...], columns: tuple[str, ...]) -> tuple[str, str]:
    """What the two-sided and the one-sided tests look for."""
    more = "more" if side == "greater" else "less"
    return (
        f"{columns[0]} not equally often in {rows[0]} and {rows[1]}",
        f"{columns[0]} {more} often in {rows[0]} than in {rows[1]}",
    )


def _names(names: tuple[str, ...] | None, size: int, what: str) -> tuple[str, ...]:
    chosen = names or tuple(f"{what} {i + 1}" for i in range(size))
    if len(chosen) != size or len(set(chosen)) != size:
        raise InputError(
            where=f"{what} names",
            found=", ".join(chosen),
            needed=f"{size} different names",
            advice="Name every row and column once.",
        )
    return chosen


def _known(name: str, value: object) -> str:
    return NOT_KNOWN if value is None else level_label(name, value)


def _bounds(
    cells: NDArray[np.int64], rows: tuple[str, ...], left_out: tuple[LeftOut, ...]
) -> AssociationBounds | None:
    """Bounds over patients of known group and unknown outcome; None without any, or with too many to try all."""
    unknown = Counter({one.row: one.patients for one in left_out if one.column == NOT_KNOWN})
    undecided = (unknown[rows[0]], unknown[rows[1]])
    tried = (undecided[0] + 1) * (undecided[1] + 1)
    return undecided_bounds(cells, undecided) if 1 < tried <= _MOST_TABLES else None


def _levels(values: list[object], chosen: tuple[object, ...] | None, name: str) -> list[object]:
    found = {value for value in values if value is not None}
    levels = list(chosen) if chosen else sorted(found, key=lambda value: (value is not True, str(value)))
    if len(levels) < 2:
        raise InputError(
            where=f"column {name}",
            found=f"{len(levels)} different values",
            needed="at least two",
            advice="A column with one value cannot be associated with anything.",
        )
    return levels


def _tuples(cells: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(cell) for cell in row) for row in cells)
