"""Exact tests that take both margins of a table as fixed: Fisher, mid-P, Freeman-Halton.

Given its margins a 2x2 table has one free cell, hypergeometric under independence. Convention as in
`contingency`: *greater* means that the first row has the larger share of the first column.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from remnant.errors import MeasurementError
from remnant.numerics.contingency import count_table, fourfold_table

__all__ = ["ConditionalP", "conditional_tests", "freeman_halton", "hypergeometric"]

_SAME_PROBABILITY = 1.0 + 1e-7
"""Tables this close in probability count as equally likely, as in R's fisher.test."""

_LARGEST_ENUMERATION = 2_000_000
"""Partial tables beyond which Freeman-Halton refuses: memory, not statistics."""


class ConditionalP(NamedTuple):
    """P values of one 2x2 table given both margins.

    Attributes
    ----------
    greater, less : float
        Fisher's one-sided P values.
    two_sided : float
        Fisher's two-sided P value: all tables no more likely than the observed one.
    doubled : float
        Twice the smaller one-sided P value, at most 1.
    mid_greater, mid_less : float
        One-sided with half the probability of the observed table.
    mid_two_sided : float
        `two_sided` less half the probability of the observed table.
    mid_doubled : float
        Twice the smaller one-sided mid-P, at most 1.
    """

    greater: float
    less: float
    two_sided: float
    doubled: float
    mid_greater: float
    mid_less: float
    mid_two_sided: float
    mid_doubled: float


def hypergeometric(table: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Distribution of the first cell given both margins, under independence.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts.

    Returns
    -------
    cell : ndarray of int, shape (m,)
        Values that the first cell can take.
    probability : ndarray of float, shape (m,)
        Their probabilities.

    Examples
    --------
    >>> cell, probability = hypergeometric([[6, 2], [3, 9]])
    >>> round(probability[cell == 6].item(), 6)
    0.036675
    """
    cells = fourfold_table(table)
    row, other_row = cells.sum(axis=1)
    column = cells[:, 0].sum()
    cell = np.arange(max(0, column - other_row), min(row, column) + 1)
    log_p = _log_choose(row, cell) + _log_choose(other_row, column - cell)
    log_p -= _log_choose(row + other_row, column)
    probability = np.exp(log_p)
    return cell, probability / probability.sum()


def conditional_tests(table: ArrayLike) -> ConditionalP:
    """Fisher's exact test and its mid-P variants, every definition of two-sided by name.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts: rows are groups, columns outcomes.

    Returns
    -------
    ConditionalP
        One P value a definition; all 1 (mid-P one half or 1) if a margin is 0.

    Raises
    ------
    MeasurementError
        If it is not a 2x2 table of counts.

    References
    ----------
    .. [1] Fisher, The logic of inductive inference, J R Stat Soc 98, 39-82 (1935).
    .. [2] Lancaster, Significance tests in discrete distributions, J Am Stat Assoc 56, 223-234 (1961).
    .. [3] Hirji, Tan and Elashoff, A quasi-exact test for comparing two binomial proportions, Stat Med 10,
       1137-1153 (1991).

    Examples
    --------
    >>> result = conditional_tests([[6, 2], [3, 9]])
    >>> round(result.two_sided, 4), round(result.greater, 4), round(result.mid_greater, 4)
    (0.0648, 0.0399, 0.0216)
    """
    cells = fourfold_table(table)
    cell, probability = hypergeometric(cells)
    observed = float(probability[cell == cells[0, 0]][0])
    greater = min(1.0, float(probability[cell >= cells[0, 0]].sum()))
    less = min(1.0, float(probability[cell <= cells[0, 0]].sum()))
    two_sided = min(1.0, float(probability[probability <= observed * _SAME_PROBABILITY].sum()))
    half = observed / 2.0
    return ConditionalP(
        greater=greater,
        less=less,
        two_sided=two_sided,
        doubled=min(1.0, 2.0 * min(greater, less)),
        mid_greater=greater - half,
        mid_less=less - half,
        mid_two_sided=two_sided - half,
        mid_doubled=min(1.0, 2.0 * min(greater, less) - observed),
    )


def freeman_halton(table: ArrayLike) -> float:
    """Fisher's exact test of a table with any number of rows and columns.

    Parameters
    ----------
    table : array_like of int, shape (r, c)
        Counts.

    Returns
    -------
    float
        Probability, both margins fixed, of all tables no more likely than the observed one.

    Raises
    ------
    MeasurementError
        If it is no table of counts, or too large to be enumerated.

    References
    ----------
    .. [1] Freeman and Halton, Note on an exact treatment of contingency, goodness of fit and other problems
       of significance, Biometrika 38, 141-149 (1951).

    Examples
    --------
    >>> round(freeman_halton([[6, 3, 1], [2, 9, 4]]), 4)
    0.0515
    """
    cells = count_table(table)
    if cells.shape[1] > cells.shape[0]:
        cells = cells.T
    rows, columns = cells.sum(axis=1), cells.sum(axis=0)
    constant = float(_log_factorial(rows).sum() + _log_factorial(columns).sum() - _log_factorial(rows.sum()))
    remaining, log_p = columns[None, :], np.zeros(1)
    for size in rows[:-1]:
        remaining, log_p = _place_row(remaining, log_p, int(size))
    log_p = constant + log_p - _log_factorial(remaining).sum(axis=1)
    observed = constant - float(_log_factorial(cells).sum())
    return min(1.0, float(np.exp(log_p[log_p <= observed + np.log(_SAME_PROBABILITY)]).sum()))


def _place_row(
    remaining: NDArray[np.int64], log_p: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Fill one row in every possible way: column totals left, and log probability so far."""
    left = np.full(len(remaining), size)
    for column in range(remaining.shape[1]):
        rest = remaining[:, column + 1 :].sum(axis=1)
        low = np.maximum(0, left - rest)
        ways = np.minimum(left, remaining[:, column]) - low + 1
        if ways.sum() > _LARGEST_ENUMERATION:
            raise MeasurementError(
                where="freeman_halton",
                found=f"more than {_LARGEST_ENUMERATION} tables with these margins",
                needed="a smaller table",
                advice="Join levels, or use the chi-square test, which is adequate at this size.",
            )
        start = np.repeat(np.cumsum(ways) - ways, ways)
        value = np.repeat(low, ways) + np.arange(ways.sum()) - start
        remaining = np.repeat(remaining, ways, axis=0)
        remaining[:, column] -= value
        log_p = np.repeat(log_p, ways) - _log_factorial(value)
        left = np.repeat(left, ways) - value
    return remaining, log_p


def _log_factorial(n: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(special.gammaln(np.asarray(n, dtype=np.float64) + 1.0))


def _log_choose(n: ArrayLike, k: ArrayLike) -> NDArray[np.float64]:
    total, part = np.asarray(n), np.asarray(k)
    return np.asarray(_log_factorial(total) - _log_factorial(part) - _log_factorial(total - part))
