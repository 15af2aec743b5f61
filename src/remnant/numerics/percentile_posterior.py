"""How uncertain a percentile of a population is, as a few weighted values of it.

The posterior is asked at fixed probabilities: Gauss-Legendre nodes on (0, 1). The expectation of any function of
the percentile is then the sum of its values at the nodes, times `WEIGHTS`; no random numbers are drawn. The spread
of the population goes with the percentile: it is asked at fixed probabilities given each node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from remnant.numerics.background import FittedPercentile

__all__ = [
    "POPULATION_WEIGHTS",
    "PROBABILITIES",
    "WEIGHTS",
    "normal_percentile_nodes",
    "rank_percentile_nodes",
    "spread_log10",
    "with_spreads",
]

Floats = NDArray[np.float64]

_POINTS, _SHARES = np.polynomial.legendre.leggauss(15)
PROBABILITIES: Final[Floats] = 0.5 * (_POINTS + 1.0)
"""Probabilities at which a percentile is asked."""
WEIGHTS: Final[Floats] = 0.5 * _SHARES
"""Weights of the percentile's values there; they sum to 1."""
_SPREAD_POINTS, _SPREAD_SHARES = np.polynomial.legendre.leggauss(3)
_SPREAD_PROBABILITIES: Final[Floats] = 0.5 * (_SPREAD_POINTS + 1.0)
POPULATION_WEIGHTS: Final[Floats] = np.outer(WEIGHTS, 0.5 * _SPREAD_SHARES).ravel()
"""Weights of percentile and spread together: three spreads a percentile, in the order of `with_spreads`."""

_GRID: Final = 121
_SPREADS: Final = 31
_SPREAD_RANGE: Final = (0.02, 1.5)
_SPREAD_REACH: Final = 5.0  # factor to each side of the fitted spread
_REACH: Final = (3.0, 4.0)  # half widths of the 95 % interval to each side
_SMALLEST: Final = 1e-300
_LEAST_LEFT: Final = 0.01  # share of the variance that stays, however large the named errors


def normal_percentile_nodes(
    log_likelihood: Callable[[Floats, float], Floats],
    fitted: FittedPercentile,
    *,
    percent: float = 97.5,
    named_variance: float = 0.0,
) -> tuple[Floats, Floats]:
    """Values of a normal population's percentile at `PROBABILITIES` of its posterior, and the spreads that go with them.

    Parameters
    ----------
    log_likelihood : callable
        Takes centres, shape (m,), and a spread; gives the log-likelihood of all samples, shape (m,).
    fitted : FittedPercentile
        Maximum of the same likelihood, with its 95 % interval.
    percent : float, default 97.5
        Which percentile.
    named_variance : float, default 0.0
        Part of the percentile's variance that is stated elsewhere, by the names of its errors, and left out here.

    Returns
    -------
    percentiles : ndarray of float, shape (15,)
        Ascending, on the scale of the centres.
    spreads : ndarray of float, shape (15, 3)
        Spread of the population given each of them, at three probabilities.

    Notes
    -----
    The prior is flat in the centre and in the logarithm of the spread, within a factor of 5 of the fitted spread and
    between 0.02 and 1.5. For values without measurement error the posterior is then that of the classical tolerance
    limit: ``mean + sd * t / sqrt(n)`` with t noncentral of n - 1 degrees of freedom, whose quantiles are exact
    confidence limits. Errors that are stated elsewhere are taken out at each spread, where the percentile is
    nearly normal: by drawing it in around its mean.

    References
    ----------
    .. [1] Guttman, Statistical Tolerance Regions: Classical and Bayesian (1970), section 5.3.

    Examples
    --------
    >>> from remnant.numerics.background import fit_percentile
    >>> values = np.array([0.7, 0.9, 1.0, 1.1, 1.3])
    >>> def normal(centres, sd): return stats.norm.logpdf(values[:, None], centres, sd).sum(axis=0)
    >>> fit = fit_percentile(normal, low=0.0, high=4.0)
    >>> percentiles, given = normal_percentile_nodes(normal, fit)
    >>> percentiles[[0, 7, 14]].round(1), given[[0, 7, 14]].round(2).tolist()
    (array([1.2, 1.5, 2.6]), [[0.12, 0.15, 0.21], [0.19, 0.24, 0.31], [0.58, 0.71, 0.88]])
    """
    shift = float(stats.norm.ppf(percent / 100.0))
    upper = fitted.upper if np.isfinite(fitted.upper) else fitted.percentile + 1.0
    below = max(fitted.percentile - fitted.lower, 0.1 * (upper - fitted.percentile), 1e-3)
    above = max(upper - fitted.percentile, below)
    percentiles = np.linspace(
        fitted.percentile - _REACH[0] * below, fitted.percentile + _REACH[1] * above, _GRID
    )
    spreads = np.geomspace(
        max(fitted.sd / _SPREAD_REACH, _SPREAD_RANGE[0]),
        min(fitted.sd * _SPREAD_REACH, _SPREAD_RANGE[1]),
        _SPREADS,
    )
    surface = np.stack([log_likelihood(percentiles - shift * sd, float(sd)) for sd in spreads], axis=1)
    by_spread = np.exp(surface - surface.max())
    if named_variance > 0:
        by_spread = _drawn_in(percentiles, by_spread, named_variance)
    density = by_spread.sum(axis=1)  # even in the logarithm of the spread
    steps = 0.5 * (density[1:] + density[:-1])
    cumulative = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
    nodes = np.interp(PROBABILITIES, cumulative, percentiles)
    return nodes, _spreads_given(nodes, percentiles, np.log(spreads), by_spread)


def _spreads_given(nodes: Floats, percentiles: Floats, log_spreads: Floats, by_spread: Floats) -> Floats:
    """Quantiles of the spread at each node of the percentile."""
    found = np.empty((len(nodes), len(_SPREAD_PROBABILITIES)))
    for i, node in enumerate(nodes):
        density = np.array([np.interp(node, percentiles, column) for column in by_spread.T])
        steps = 0.5 * (density[1:] + density[:-1])
        cumulative = np.concatenate([[0.0], np.cumsum(steps)])
        found[i] = np.exp(np.interp(_SPREAD_PROBABILITIES * cumulative[-1], cumulative, log_spreads))
    return found


def _drawn_in(percentiles: Floats, by_spread: Floats, named_variance: float) -> Floats:
    """Densities, one a column, with less variance and the same mean and mass."""
    narrow = np.zeros_like(by_spread)
    for column in range(by_spread.shape[1]):
        density = by_spread[:, column]
        mass = density.sum()
        if mass < _SMALLEST:
            continue
        mean = density @ percentiles / mass
        factor = _narrowing(float(density @ np.square(percentiles - mean) / mass), named_variance)
        narrow[:, column] = (
            np.interp(mean + (percentiles - mean) / factor, percentiles, density, left=0.0, right=0.0)
            / factor
        )
    return narrow


def _narrowing(variance: float, named_variance: float) -> float:
    """Share of a standard deviation that is left without the named part of the variance."""
    return float(np.sqrt(max(1.0 - named_variance / max(variance, _SMALLEST), _LEAST_LEFT)))


def rank_percentile_nodes(
    values: Floats, undetected: int, *, percent: float = 97.5, named_variance: float = 0.0
) -> Floats:
    """Values of a percentile at `PROBABILITIES`, by ranks alone.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Detected values, log10.
    undetected : int
        Samples in which nothing was detected; they rank lowest.
    percent : float, default 97.5
        Which percentile.
    named_variance : float, default 0.0
        Part of its variance that is stated elsewhere, by the names of its errors, and left out here.

    Returns
    -------
    ndarray of float, shape (15,)
        Ascending.

    Notes
    -----
    The k-th of n samples lies above the percentile with the probability that at most k - 1 of them lie below it,
    ``P(Beta(k, n + 1 - k) >= percent)``; a real k between two ranks lies between their values in proportion.
    Beyond the highest sample ranks say nothing: there the values follow a normal tail with the spread of the upper
    half of the samples.

    References
    ----------
    .. [1] Hutson, Calculating nonparametric confidence intervals for quantiles using fractional order statistics,
       J. Appl. Stat. 26, 343-353 (1999).

    Examples
    --------
    >>> rank_percentile_nodes(np.arange(1.0, 200.0), 0)[[0, 7, 14]].round(1)
    array([188.3, 194.7, 199.4])
    """
    n = len(values) + undetected
    p = percent / 100.0
    ordered = np.concatenate([np.full(undetected, -np.inf), np.sort(values)])
    lowest = max(undetected + 1.0, 1e-6)

    def above(k: float, probability: float) -> float:
        return float(special.betainc(n + 1.0 - k, k, 1.0 - p)) - probability

    ranks = np.empty(len(PROBABILITIES))
    for i, probability in enumerate(PROBABILITIES):
        low, high = lowest, n + 1.0 - 1e-9
        if above(low, probability) >= 0:
            ranks[i] = low
        else:
            ranks[i] = optimize.brentq(above, low, high, args=(probability,), xtol=1e-10)
    inside = np.interp(np.minimum(ranks, n), np.arange(1, n + 1), ordered)
    median = ordered[(n - 1) // 2]
    sd = (ordered[-1] - median) / stats.norm.ppf(n / (n + 1.0)) if np.isfinite(median) else 0.0
    past = stats.norm.ppf(np.maximum(ranks, n) / (n + 1.0)) - stats.norm.ppf(n / (n + 1.0))
    found: Floats = inside + sd * past
    if named_variance > 0:
        middle = WEIGHTS @ found
        found = middle + _narrowing(spread_log10(found) ** 2, named_variance) * (found - middle)
    return found


def with_spreads(nodes: Floats) -> Floats:
    """Percentile of each pair of percentile and spread.

    Parameters
    ----------
    nodes : ndarray of float, shape (15,)
        Values at `PROBABILITIES`.

    Returns
    -------
    ndarray of float, shape (45,)
        Each as often as it has spreads: in the order of `POPULATION_WEIGHTS`.

    Examples
    --------
    >>> nodes = stats.norm.ppf(PROBABILITIES)
    >>> bool(np.isclose(with_spreads(nodes**2) @ POPULATION_WEIGHTS, nodes**2 @ WEIGHTS))
    True
    """
    return np.repeat(nodes, len(_SPREAD_PROBABILITIES))


def spread_log10(nodes: Floats) -> float:
    """Standard deviation of a percentile that is given by its nodes.

    Parameters
    ----------
    nodes : ndarray of float, shape (15,)
        Values at `PROBABILITIES`, log10.

    Returns
    -------
    float
        Log10; 0 for none.

    Examples
    --------
    >>> round(spread_log10(stats.norm.ppf(PROBABILITIES)), 2)
    1.0
    """
    if not len(nodes):
        return 0.0
    mean = float(WEIGHTS @ nodes)
    return float(np.sqrt(WEIGHTS @ np.square(nodes - mean)))
