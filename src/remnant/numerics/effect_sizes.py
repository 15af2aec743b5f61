"""Effect sizes of a 2x2 table, each with its interval: odds ratios, risk differences, a posterior.

Convention: rows are groups, columns outcomes; the share of a row is its first cell over its total, and a
difference is first row less second row. An odds ratio above 1 and a positive difference say the same.
A bound that the data cannot give is infinite or the end of the scale, never left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from remnant.errors import MeasurementError
from remnant.numerics.contingency import fourfold_table
from remnant.numerics.proportions import wilson

__all__ = [
    "Estimate",
    "Posterior",
    "agresti_caffo",
    "conditional_odds_ratio",
    "miettinen_nurminen",
    "newcombe",
    "posterior_difference",
    "sample_odds_ratio",
    "wald_difference",
]

_NODES = 128
"""Gauss-Legendre nodes over the narrower posterior, on whose range the other one's is smooth."""


class Estimate(NamedTuple):
    """A point estimate with its interval.

    Attributes
    ----------
    value, lower, upper : float
        Estimate and bounds; a ratio may be infinite.
    """

    value: float
    lower: float
    upper: float


class Posterior(NamedTuple):
    """Posterior of the difference of two proportions.

    Attributes
    ----------
    probability_greater : float
        P(first share > second share).
    median, lower, upper : float
        Of the difference.
    """

    probability_greater: float
    median: float
    lower: float
    upper: float


def sample_odds_ratio(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Cross-product ratio with the Wald interval of its logarithm.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Estimate
        With a cell of 0 the ratio is 0 or infinite (or undefined, NaN, if both products are 0) and the
        interval is the whole scale: this method has none.

    References
    ----------
    .. [1] Woolf, On estimating the relation between blood group and disease, Ann Hum Genet 19, 251-253
       (1955).

    Examples
    --------
    >>> value, lower, upper = sample_odds_ratio([[6, 2], [3, 9]])
    >>> f"{value:.1f} ({lower:.2f}-{upper:.1f})"
    '9.0 (1.14-71.0)'
    """
    cells = fourfold_table(table).astype(np.float64)
    up, down = float(cells[0, 0] * cells[1, 1]), float(cells[0, 1] * cells[1, 0])
    if up and down:
        half = _z(level) * math.sqrt(float((1.0 / cells).sum()))
        ratio = up / down
        return Estimate(ratio, ratio * math.exp(-half), ratio * math.exp(half))
    if up == down:
        return Estimate(math.nan, 0.0, math.inf)
    return Estimate(math.inf if up else 0.0, 0.0, math.inf)


def conditional_odds_ratio(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Conditional maximum-likelihood odds ratio with its exact interval (that of R's fisher.test).

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Estimate
        Estimate and exact bounds; consistent with Fisher's doubled one-sided test. The estimate is
        undefined (NaN) and the interval the whole scale if a margin is 0.

    References
    ----------
    .. [1] Cornfield, A statistical problem arising from retrospective studies, Proc 3rd Berkeley Symp 4,
       135-148 (1956).

    Examples
    --------
    >>> value, lower, upper = conditional_odds_ratio([[6, 2], [3, 9]])
    >>> f"{value:.2f} ({lower:.2f}-{upper:.1f})"
    '7.88 (0.83-123.8)'
    """
    cells = fourfold_table(table)
    if 0 in cells.sum(axis=0) or 0 in cells.sum(axis=1):
        return Estimate(math.nan, 0.0, math.inf)
    result = stats.contingency.odds_ratio(cells, kind="conditional")
    bounds = result.confidence_interval(confidence_level=level)
    return Estimate(float(result.statistic), float(bounds.low), float(bounds.high))


def wald_difference(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Risk difference with the simple (Wald) interval: known to be too short in small groups.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no row empty.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Estimate
        Difference and bounds within -1 to 1.

    References
    ----------
    .. [1] Newcombe, Interval estimation for the difference between independent proportions, Stat Med 17,
       873-890 (1998), method 1.

    Examples
    --------
    >>> value, lower, upper = wald_difference([[6, 2], [3, 9]])
    >>> f"{value:.2f} ({lower:.3f}-{upper:.3f})"
    '0.50 (0.113-0.887)'
    """
    hits, sizes = _groups(table)
    share = hits / sizes
    half = _z(level) * math.sqrt(float((share * (1.0 - share) / sizes).sum()))
    difference = float(share[0] - share[1])
    return Estimate(difference, max(-1.0, difference - half), min(1.0, difference + half))


def agresti_caffo(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Risk difference with the Wald interval of the table plus one in every cell.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no row empty.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Estimate
        Difference of the observed shares, and bounds centred on that of the enlarged table.

    References
    ----------
    .. [1] Agresti and Caffo, Simple and effective confidence intervals for proportions and differences of
       proportions, Am Stat 54, 280-288 (2000).

    Examples
    --------
    >>> value, lower, upper = agresti_caffo([[6, 2], [3, 9]])
    >>> f"{value:.2f} ({lower:.3f}-{upper:.3f})"
    '0.50 (0.045-0.784)'
    """
    hits, sizes = _groups(table)
    _, lower, upper = wald_difference(fourfold_table(table) + 1, level=level)
    return Estimate(float(hits[0] / sizes[0] - hits[1] / sizes[1]), lower, upper)


def newcombe(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Risk difference with Newcombe's hybrid of two Wilson intervals.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no row empty.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Estimate
        Difference and bounds.

    References
    ----------
    .. [1] Newcombe, Interval estimation for the difference between independent proportions, Stat Med 17,
       873-890 (1998), method 10.

    Examples
    --------
    >>> value, lower, upper = newcombe([[6, 2], [3, 9]])
    >>> f"{value:.2f} ({lower:.3f}-{upper:.3f})"
    '0.50 (0.058-0.740)'
    """
    hits, sizes = _groups(table)
    share = hits / sizes
    low, high = wilson(hits, sizes, level=level)
    difference = float(share[0] - share[1])
    below = math.hypot(share[0] - low[0], high[1] - share[1])
    above = math.hypot(high[0] - share[0], share[1] - low[1])
    return Estimate(difference, difference - below, difference + above)


def miettinen_nurminen(table: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Risk difference with the score interval of Miettinen and Nurminen.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts, no row empty.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Estimate
        Difference and bounds: the differences that the score test with variance factor N / (N - 1) does
        not reject.

    References
    ----------
    .. [1] Miettinen and Nurminen, Comparative analysis of two rates, Stat Med 4, 213-226 (1985).

    Examples
    --------
    >>> value, lower, upper = miettinen_nurminen([[6, 2], [3, 9]])
    >>> f"{value:.2f} ({lower:.3f}-{upper:.3f})"
    '0.50 (0.043-0.782)'
    """
    hits, sizes = _groups(table)
    z = _z(level)
    difference = float(hits[0] / sizes[0] - hits[1] / sizes[1])

    def excess(delta: float, sign: float) -> float:
        return sign * (difference - delta) - z * math.sqrt(_score_variance(hits, sizes, delta))

    lower = _crossing(lambda delta: excess(delta, 1.0), -1.0, difference)
    upper = _crossing(lambda delta: excess(delta, -1.0), 1.0, difference)
    return Estimate(difference, lower, upper)


def posterior_difference(
    table: ArrayLike, *, level: float = 0.95, prior: tuple[float, float] = (1.0, 1.0)
) -> Posterior:
    """Posterior of the risk difference under independent beta priors.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts.
    level : float, default 0.95
        Probability of the equal-tailed interval.
    prior : tuple of float, default (1, 1)
        Parameters of the beta prior of either share; uniform by default.

    Returns
    -------
    Posterior
        P(first share > second share), and the difference's median and interval.

    References
    ----------
    .. [1] Altham, Exact Bayesian analysis of a 2x2 contingency table, and Fisher's "exact" significance
       test, J R Stat Soc B 31, 261-269 (1969).

    Examples
    --------
    >>> result = posterior_difference([[6, 2], [3, 9]])
    >>> f"{result.probability_greater:.3f}; {result.median:.3f} ({result.lower:.3f}-{result.upper:.3f})"
    '0.983; 0.425 (0.033-0.733)'
    """
    cells = fourfold_table(table) + np.asarray(prior)
    first, second = (stats.beta(*row) for row in cells)
    narrow = min(first, second, key=lambda share: float(share.std()))
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    low, high = narrow.ppf(1e-14), narrow.isf(1e-14)
    share = low + (high - low) * (node + 1.0) / 2.0
    density = narrow.pdf(share) * weight * (high - low) / 2.0

    def below(difference: float) -> float:
        other = second.sf(share - difference) if narrow is first else first.cdf(share + difference)
        return float(other @ density)

    def quantile(p: float) -> float:
        return float(optimize.brentq(lambda difference: below(difference) - p, -1.0, 1.0))

    tail = (1.0 - level) / 2.0
    return Posterior(1.0 - below(0.0), quantile(0.5), quantile(tail), quantile(1.0 - tail))


def _z(level: float) -> float:
    return float(stats.norm.ppf((1.0 + level) / 2.0))


def _groups(table: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cells = fourfold_table(table).astype(np.float64)
    sizes = cells.sum(axis=1)
    if sizes.min() == 0:
        raise MeasurementError(
            where="risk difference",
            found=f"rows of {sizes[0]:g} and {sizes[1]:g}",
            needed="two rows that are not empty",
            advice="A share of nobody is not defined.",
        )
    return cells[:, 0], sizes


def _score_variance(hits: NDArray[np.float64], sizes: NDArray[np.float64], delta: float) -> float:
    """Variance of the difference at the maximum-likelihood shares that differ by delta, times N / (N - 1)."""
    total, events = float(sizes.sum()), float(hits.sum())
    cubic = (
        total,
        (float(sizes[0]) + 2.0 * float(sizes[1])) * delta - total - events,
        (float(sizes[1]) * delta - total - 2.0 * float(hits[1])) * delta + events,
        float(hits[1]) * delta * (1.0 - delta),
    )
    share = _middle_root(cubic)
    other = min(1.0, max(0.0, share))
    first = min(1.0, max(0.0, other + delta))
    variance = first * (1.0 - first) / float(sizes[0]) + other * (1.0 - other) / float(sizes[1])
    return max(0.0, variance) * total / (total - 1.0)


def _middle_root(cubic: tuple[float, float, float, float]) -> float:
    """The root that lies in the range of a proportion: trigonometric form of reference 1, appendix I."""
    l3, l2, l1, l0 = cubic
    q = l2**3 / (3.0 * l3) ** 3 - l1 * l2 / (6.0 * l3**2) + l0 / (2.0 * l3)
    p = math.copysign(math.sqrt(max(0.0, l2**2 / (3.0 * l3) ** 2 - l1 / (3.0 * l3))), q)
    cosine = min(1.0, max(-1.0, q / p**3)) if p else 0.0
    angle = (math.pi + math.acos(cosine)) / 3.0
    return 2.0 * p * math.cos(angle) - l2 / (3.0 * l3)


def _crossing(excess: Callable[[float], float], end: float, difference: float) -> float:
    """Where the excess changes sign between the end of the scale and the estimate."""
    near = difference + (end - difference) * 1e-9  # at the estimate itself the variance may vanish
    if difference == end or excess(end) <= 0.0:
        return end
    return float(optimize.brentq(excess, end, near, xtol=1e-12))
