"""Tables of counts: the one check that every test of a table makes, and the large-sample tests.

Convention: rows are groups, columns are outcomes. *Greater* means that the first row has the larger share
of the first column, which is the same statement as an odds ratio above 1 and does not change when the
table is transposed. P values here are the textbook approximations; the exact ones are in
`conditional_tests` and `unconditional_tests`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from remnant.errors import MeasurementError

__all__ = [
    "Statistic",
    "count_table",
    "fourfold_table",
    "likelihood_ratio",
    "log_odds_ratio_wald",
    "pearson",
    "pearson_n_minus_1",
    "z_pooled",
    "z_unpooled",
]


class Statistic(NamedTuple):
    """A test statistic and its P value.

    Attributes
    ----------
    value : float
        The statistic.
    p_value : float
        Two-sided P value.
    """

    value: float
    p_value: float


def count_table(table: ArrayLike) -> NDArray[np.int64]:
    """Check a table of counts.

    Parameters
    ----------
    table : array_like of int, shape (r, c)
        Counts, at least two rows and two columns.

    Returns
    -------
    ndarray of int, shape (r, c)
        The same counts.

    Raises
    ------
    MeasurementError
        If it is no table of at least 2 x 2, a cell is not a whole number of at least 0, or all are 0.

    Examples
    --------
    >>> count_table([[6, 2], [3, 9]]).sum()
    np.int64(20)
    """
    try:
        cells = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError):
        cells = np.empty(0)
    problems = []
    if cells.ndim != 2 or min(cells.shape) < 2:
        problems.append(f"shape {cells.shape}, need at least two rows and two columns of numbers")
    else:
        problems += [
            f"row {i + 1}, column {j + 1}: {cells[i, j]:g}, need a whole number of at least 0"
            for i, j in np.argwhere(~((cells >= 0) & (cells == np.rint(cells))))
        ]
        if not problems and cells.sum() == 0:
            problems.append("all cells are 0, need at least one patient")
    if problems:
        raise MeasurementError(
            where="table of counts",
            found=f"{len(problems)} problems",
            needed="a table of counts",
            advice="Give whole patients, for example 6,2;3,9.",
            problems=problems,
        )
    return cells.astype(np.int64)


def fourfold_table(table: ArrayLike) -> NDArray[np.int64]:
    """Check a 2x2 table of counts.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts: rows are groups, columns outcomes.

    Returns
    -------
    ndarray of int, shape (2, 2)
        The same counts.

    Raises
    ------
    MeasurementError
        If it is not a 2x2 table of whole numbers of at least 0.

    Examples
    --------
    >>> fourfold_table([[6, 2], [3, 9]]).shape
    (2, 2)
    """
    cells = count_table(table)
    if cells.shape != (2, 2):
        raise MeasurementError(
            where="table of counts",
            found=f"shape {cells.shape}",
            needed="two rows and two columns",
            advice="Use the tests for larger tables.",
        )
    return cells


def pearson(table: ArrayLike, *, yates: bool = False) -> Statistic:
    """Pearson's chi-square test of independence.

    Parameters
    ----------
    table : array_like of int, shape (r, c)
        Counts, no margin 0.
    yates : bool, default False
        Continuity correction; it acts on 2x2 tables only.

    Returns
    -------
    Statistic
        Chi-square and its P value. For a 2x2 table without correction it is the square of the pooled z.

    References
    ----------
    .. [1] Yates, Contingency tables involving small numbers and the chi-square test, J R Stat Soc Suppl 1,
       217-235 (1934).

    Examples
    --------
    >>> round(pearson([[6, 2], [3, 9]]).p_value, 4)
    0.0277
    """
    result = stats.chi2_contingency(count_table(table), correction=yates)
    return Statistic(float(result.statistic), float(result.pvalue))


def pearson_n_minus_1(table: ArrayLike) -> Statistic:
    """Chi-square of a 2x2 table with N - 1 in place of N.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no margin 0.

    Returns
    -------
    Statistic
        Chi-square times (N - 1) / N and its P value at one degree of freedom.

    References
    ----------
    .. [1] Campbell, Chi-squared and Fisher-Irwin tests of two-by-two tables with small sample
       recommendations, Stat Med 26, 3661-3675 (2007).

    Examples
    --------
    >>> round(pearson_n_minus_1([[6, 2], [3, 9]]).p_value, 4)
    0.0319
    """
    cells = fourfold_table(table)
    total = float(cells.sum())
    value = pearson(cells).value * (total - 1.0) / total
    return Statistic(value, float(stats.chi2.sf(value, 1)))


def likelihood_ratio(table: ArrayLike, *, yates: bool = False) -> Statistic:
    """Likelihood-ratio (G) test of independence.

    Parameters
    ----------
    table : array_like of int, shape (r, c)
        Counts, no margin 0.
    yates : bool, default False
        Move the cells of a 2x2 table by one half towards their expectation first.

    Returns
    -------
    Statistic
        G and its P value.

    References
    ----------
    .. [1] Sokal and Rohlf, Biometry, 3rd edition, section 17.4 (1995).

    Examples
    --------
    >>> round(likelihood_ratio([[6, 2], [3, 9]]).p_value, 4)
    0.0249
    """
    result = stats.chi2_contingency(count_table(table), correction=yates, lambda_="log-likelihood")
    return Statistic(float(result.statistic), float(result.pvalue))


def z_pooled(table: ArrayLike) -> Statistic:
    """Difference of the two rows' proportions over its pooled standard error.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no margin 0.

    Returns
    -------
    Statistic
        The z, positive if the first row has the larger share of the first column, and its two-sided P value.

    References
    ----------
    .. [1] Fleiss, Levin and Paik, Statistical methods for rates and proportions, 3rd edition, section 3.1
       (2003).

    Examples
    --------
    >>> round(z_pooled([[6, 2], [3, 9]]).value, 4)
    2.2019
    """
    cells = fourfold_table(table).astype(np.float64)
    sizes = cells.sum(axis=1)
    first, second = cells[:, 0] / sizes
    pooled = cells[:, 0].sum() / cells.sum()
    return _z(first - second, pooled * (1.0 - pooled) * (1.0 / sizes).sum())


def z_unpooled(table: ArrayLike) -> Statistic:
    """Difference of the two rows' proportions over its unpooled (Wald) standard error.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no row empty.

    Returns
    -------
    Statistic
        The z, positive if the first row has the larger share of the first column, and its two-sided P value;
        infinite if both proportions are 0 or 1 and differ.

    References
    ----------
    .. [1] Fleiss, Levin and Paik, Statistical methods for rates and proportions, 3rd edition, section 3.1
       (2003).

    Examples
    --------
    >>> round(z_unpooled([[6, 2], [3, 9]]).value, 4)
    2.5298
    """
    cells = fourfold_table(table).astype(np.float64)
    sizes = cells.sum(axis=1)
    share = cells[:, 0] / sizes
    return _z(share[0] - share[1], float((share * (1.0 - share) / sizes).sum()))


def log_odds_ratio_wald(table: ArrayLike) -> Statistic:
    """Wald test of the logarithm of the sample odds ratio.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no cell 0.

    Returns
    -------
    Statistic
        The z and its two-sided P value.

    References
    ----------
    .. [1] Woolf, On estimating the relation between blood group and disease, Ann Hum Genet 19, 251-253
       (1955).

    Examples
    --------
    >>> round(log_odds_ratio_wald([[6, 2], [3, 9]]).p_value, 4)
    0.0371
    """
    cells = fourfold_table(table).astype(np.float64)
    log_ratio = math.log(cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0]))
    return _z(log_ratio, float((1.0 / cells).sum()))


def _z(difference: float, variance: float) -> Statistic:
    if variance > 0.0:
        value = float(difference) / math.sqrt(variance)
    else:
        value = math.copysign(math.inf, difference) if difference else 0.0
    return Statistic(value, 2.0 * float(stats.norm.sf(abs(value))))
