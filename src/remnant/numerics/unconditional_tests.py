"""Exact tests that fix the row totals of a 2x2 table only: Barnard and Boschloo.

Rows are two independent binomial groups with one unknown common proportion. The P value is the largest
probability, over that proportion, of all tables at least as extreme as the observed one. To take the
columns as the groups, transpose the table: *greater* (as in `contingency`) means the same then.

The probability is a polynomial in the proportion with one coefficient per column total, so its maximum is
found on a fine grid and polished. Own code, because `scipy.stats.barnard_exact` (1.17) may stop short of
the maximum in its two-sided form and then prints a P value that is too small: .2119 where it is .2288 for
[[3, 6], [8, 5]].
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from remnant.errors import MeasurementError
from remnant.numerics.contingency import fourfold_table

__all__ = ["LARGEST_LATTICE", "Alternative", "UnconditionalP", "barnard", "boschloo"]

Alternative = Literal["two-sided", "greater", "less"]

LARGEST_LATTICE = 1_000_000
"""Tables (first row total + 1 times second + 1) beyond which the tests refuse: memory, not statistics."""

_TIE = 1e-9
_GRID = 2001


class UnconditionalP(NamedTuple):
    """Result of an unconditional exact test.

    Attributes
    ----------
    statistic : float
        Barnard: the z of the observed table. Boschloo: the one-sided Fisher P value of it.
    p_value : float
        Largest probability over the nuisance proportion.
    nuisance : float
        Common proportion where it is reached.
    """

    statistic: float
    p_value: float
    nuisance: float


def barnard(
    table: ArrayLike, *, pooled: bool = True, alternative: Alternative = "two-sided"
) -> UnconditionalP:
    """Barnard's unconditional exact test, rows fixed, ordered by the z statistic.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts: rows are the two groups, columns outcomes.
    pooled : bool, default True
        Whether z has the pooled or the unpooled standard error.
    alternative : {"two-sided", "greater", "less"}
        Two-sided takes tables with the same or a larger absolute z.

    Returns
    -------
    UnconditionalP
        Statistic, P value, and the proportion where it is reached.

    Raises
    ------
    MeasurementError
        If it is not a 2x2 table of counts, a row is empty, or the lattice of tables is too large.

    References
    ----------
    .. [1] Barnard, Significance tests for 2x2 tables, Biometrika 34, 123-138 (1947).
    .. [2] Suissa and Shuster, Exact unconditional sample sizes for the 2x2 binomial trial, J R Stat Soc A
       148, 317-327 (1985).

    Examples
    --------
    >>> round(barnard([[6, 2], [3, 9]]).p_value, 4)
    0.0345
    """
    cells = _groups(table)
    z = _z_lattice(int(cells[0].sum()), int(cells[1].sum()), pooled=pooled)
    observed = float(z[cells[0, 0], cells[1, 0]])
    if alternative == "two-sided":
        extreme = np.abs(z) >= abs(observed) - _TIE
    else:
        extreme = z >= observed - _TIE if alternative == "greater" else z <= observed + _TIE
    p_value, nuisance = _largest_probability(extreme)
    return UnconditionalP(observed, p_value, nuisance)


def boschloo(table: ArrayLike, *, alternative: Alternative = "two-sided") -> UnconditionalP:
    """Boschloo's unconditional exact test, rows fixed, ordered by Fisher's one-sided P value.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts: rows are the two groups, columns outcomes.
    alternative : {"two-sided", "greater", "less"}
        Two-sided is twice the smaller one-sided P value, at most 1.

    Returns
    -------
    UnconditionalP
        Statistic (a Fisher P value, not an effect), P value, and the proportion where it is reached.

    Raises
    ------
    MeasurementError
        If it is not a 2x2 table of counts, a row is empty, or the lattice of tables is too large.

    References
    ----------
    .. [1] Boschloo, Raised conditional level of significance for the 2x2-table when testing the equality
       of two probabilities, Stat Neerl 24, 1-9 (1970).

    Examples
    --------
    >>> round(boschloo([[6, 2], [3, 9]], alternative="greater").p_value, 4)
    0.0174
    """
    if alternative == "two-sided":
        greater, less = boschloo(table, alternative="greater"), boschloo(table, alternative="less")
        side = min(greater, less, key=lambda result: result.p_value)
        return side._replace(p_value=min(1.0, 2.0 * side.p_value))
    cells = _groups(table)
    fisher = _fisher_lattice(int(cells[0].sum()), int(cells[1].sum()), greater=alternative == "greater")
    observed = float(fisher[cells[0, 0], cells[1, 0]])
    p_value, nuisance = _largest_probability(fisher <= observed * (1.0 + _TIE))
    return UnconditionalP(observed, p_value, nuisance)


def _groups(table: ArrayLike) -> NDArray[np.int64]:
    cells = fourfold_table(table)
    sizes = cells.sum(axis=1)
    lattice = int((sizes + 1).prod())
    if sizes.min() == 0 or lattice > LARGEST_LATTICE:
        raise MeasurementError(
            where="unconditional exact test",
            found=f"groups of {sizes[0]} and {sizes[1]}",
            needed=f"two groups that are not empty, with at most {LARGEST_LATTICE} tables between them",
            advice="Large groups: use the N - 1 chi-square test.",
        )
    return cells


def _z_lattice(size: int, other: int, *, pooled: bool) -> NDArray[np.float64]:
    """Score z of every table with these row totals, shape (size + 1, other + 1)."""
    hits, other_hits = np.arange(size + 1.0)[:, None], np.arange(other + 1.0)[None, :]
    share, other_share = hits / size, other_hits / other
    difference = share - other_share
    if pooled:
        common = (hits + other_hits) / (size + other)
        variance = common * (1.0 - common) * (1.0 / size + 1.0 / other)
    else:
        variance = share * (1.0 - share) / size + other_share * (1.0 - other_share) / other
    flat = variance <= 0.0
    z = difference / np.sqrt(np.where(flat, 1.0, variance))
    edge = np.where(np.abs(difference) > _TIE, np.copysign(np.inf, difference), 0.0)
    return np.asarray(np.where(flat, edge, z))


def _fisher_lattice(size: int, other: int, *, greater: bool) -> NDArray[np.float64]:
    """Fisher's one-sided P of every table with these row totals, shape (size + 1, other + 1)."""
    log_weight = _log_binomials(size)[:, None] + _log_binomials(other)[None, :]
    p_value = np.empty((size + 1, other + 1))
    for total in range(size + other + 1):
        hits = np.arange(max(0, total - other), min(size, total) + 1)
        log_p = log_weight[hits, total - hits]
        probability = np.exp(log_p - log_p.max())
        probability /= probability.sum()
        tail = np.cumsum(probability[::-1])[::-1] if greater else np.cumsum(probability)
        p_value[hits, total - hits] = tail
    return p_value


def _largest_probability(extreme: NDArray[np.bool_]) -> tuple[float, float]:
    """Supremum over the common proportion of the probability of the marked tables."""
    size, other = extreme.shape[0] - 1, extreme.shape[1] - 1
    total = size + other
    weight = np.exp(
        _log_binomials(size)[:, None]
        + _log_binomials(other)[None, :]
        - _log_binomials(total)[np.add.outer(np.arange(size + 1), np.arange(other + 1))]
    )
    share = np.zeros(total + 1)
    np.add.at(share, np.add.outer(np.arange(size + 1), np.arange(other + 1))[extreme], weight[extreme])
    hits = np.flatnonzero(share)
    log_share = np.log(share[hits]) + _log_binomials(total)[hits]

    def probability(angle: ArrayLike) -> NDArray[np.float64]:
        proportion = np.sin(np.atleast_1d(np.asarray(angle, dtype=np.float64)))[:, None] ** 2
        log_p = special.xlogy(hits, proportion) + special.xlog1py(total - hits, -proportion)
        return np.asarray(np.exp(log_p + log_share).sum(axis=1))

    angles = np.linspace(0.0, np.pi / 2.0, _GRID)
    coarse = probability(angles)
    best = int(coarse.argmax())
    polished = optimize.minimize_scalar(
        lambda angle: -float(probability(angle)[0]),
        bounds=(angles[max(best - 1, 0)], angles[min(best + 1, _GRID - 1)]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    angle = float(polished.x) if -float(polished.fun) > coarse[best] else float(angles[best])
    return min(1.0, float(probability(angle)[0])), float(np.sin(angle) ** 2)


def _log_binomials(n: int) -> NDArray[np.float64]:
    k = np.arange(n + 1.0)
    return np.asarray(special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0))
