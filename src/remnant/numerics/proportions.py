"""Exact and near-exact intervals of a proportion and of a rate.

In: counts. Out: lower and upper bounds as arrays of the broadcast shape. All intervals are two-sided and
equal-tailed at the level asked. A count of zero, or of everything, has an interval like any other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from remnant.errors import MeasurementError

__all__ = ["Bounds", "clopper_pearson", "jeffreys", "poisson_rate", "wilson"]


class Bounds(NamedTuple):
    """Lower and upper bound.

    Attributes
    ----------
    lower, upper : ndarray of float
        Bounds, of the broadcast shape of the counts.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def clopper_pearson(k: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Exact binomial interval: both tails are at most (1 - level) / 2.

    Parameters
    ----------
    k, n : array_like of int
        Positive of examined; broadcast together.
    level : float, default 0.95
        Confidence level, between 0 and 1.

    Returns
    -------
    Bounds
        Lower and upper bound of the proportion; 0 at ``k = 0`` and 1 at ``k = n``.

    Raises
    ------
    MeasurementError
        If a count is not whole, negative, above its total, or a total is 0.

    References
    ----------
    .. [1] Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 26, 404-413 (1934).

    Examples
    --------
    >>> lower, upper = clopper_pearson(10, 25)
    >>> f"{lower:.3f}-{upper:.3f}"
    '0.211-0.613'
    """
    hits, total = _counts(k, n)
    tail = (1.0 - _level(level)) / 2.0
    lower = special.betaincinv(np.maximum(hits, 0.5), total - hits + 1.0, tail)
    upper = special.betaincinv(hits + 1.0, np.maximum(total - hits, 0.5), 1.0 - tail)
    return Bounds(np.where(hits == 0, 0.0, lower), np.where(hits == total, 1.0, upper))


def wilson(k: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Score interval of a proportion, no continuity correction.

    Parameters
    ----------
    k, n : array_like of int
        Positive of examined; broadcast together.
    level : float, default 0.95
        Confidence level, between 0 and 1.

    Returns
    -------
    Bounds
        Lower and upper bound of the proportion.

    Raises
    ------
    MeasurementError
        If a count is not whole, negative, above its total, or a total is 0.

    References
    ----------
    .. [1] Wilson, Probable inference, the law of succession, and statistical inference, J Am Stat Assoc 22,
       209-212 (1927).

    Examples
    --------
    >>> lower, upper = wilson(10, 25)
    >>> f"{lower:.3f}-{upper:.3f}"
    '0.234-0.593'
    """
    hits, total = _counts(k, n)
    z = stats.norm.ppf((1.0 + _level(level)) / 2.0)
    centre = (hits + z**2 / 2.0) / (total + z**2)
    half = z / (total + z**2) * np.sqrt(hits * (total - hits) / total + z**2 / 4.0)
    return Bounds(np.where(hits == 0, 0.0, centre - half), np.where(hits == total, 1.0, centre + half))


def jeffreys(k: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Equal-tailed posterior interval of a proportion under the Beta(1/2, 1/2) prior.

    Parameters
    ----------
    k, n : array_like of int
        Positive of examined; broadcast together.
    level : float, default 0.95
        Posterior probability, between 0 and 1.

    Returns
    -------
    Bounds
        Lower and upper bound; set to 0 at ``k = 0`` and to 1 at ``k = n``, as reference 1 advises.

    Raises
    ------
    MeasurementError
        If a count is not whole, negative, above its total, or a total is 0.

    References
    ----------
    .. [1] Brown, Cai and DasGupta, Interval estimation for a binomial proportion, Stat Sci 16, 101-133
       (2001), section 3.1.2.

    Examples
    --------
    >>> lower, upper = jeffreys(10, 25)
    >>> f"{lower:.3f}-{upper:.3f}"
    '0.227-0.594'
    """
    hits, total = _counts(k, n)
    tail = (1.0 - _level(level)) / 2.0
    lower = special.betaincinv(hits + 0.5, total - hits + 0.5, tail)
    upper = special.betaincinv(hits + 0.5, total - hits + 0.5, 1.0 - tail)
    return Bounds(np.where(hits == 0, 0.0, lower), np.where(hits == total, 1.0, upper))


def poisson_rate(events: ArrayLike, exposure: ArrayLike, *, level: float = 0.95) -> Bounds:
    """Exact interval of a rate: events per unit of exposure.

    Parameters
    ----------
    events : array_like of int
        Events counted.
    exposure : array_like of float
        What they were counted over, for example patient-years; positive.
    level : float, default 0.95
        Confidence level, between 0 and 1.

    Returns
    -------
    Bounds
        Lower and upper bound of the rate, per unit of exposure.

    Raises
    ------
    MeasurementError
        If a count is not whole or negative, or an exposure is not positive.

    References
    ----------
    .. [1] Garwood, Fiducial limits for the Poisson distribution, Biometrika 28, 437-442 (1936).

    Examples
    --------
    >>> lower, upper = poisson_rate(3, 1.0)
    >>> f"{lower:.2f}-{upper:.2f}"
    '0.62-8.77'
    """
    counted, over = np.broadcast_arrays(
        np.asarray(events, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    )
    if not (np.all(counted >= 0) and np.all(counted == np.rint(counted)) and np.all(over > 0)):
        raise MeasurementError(
            where="poisson_rate",
            found=f"events {counted.tolist()}, exposure {over.tolist()}",
            needed="whole events of at least 0 and positive exposures",
            advice="Count again; a rate over no exposure is not defined.",
        )
    tail = (1.0 - _level(level)) / 2.0
    lower = np.where(counted == 0, 0.0, special.gammaincinv(np.maximum(counted, 0.5), tail))
    return Bounds(lower / over, special.gammaincinv(counted + 1.0, 1.0 - tail) / over)


def _level(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise MeasurementError(
            where="level", found=f"{level:g}", needed="between 0 and 1", advice="For example 0.95."
        )
    return level


def _counts(k: ArrayLike, n: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    hits, total = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    valid = (hits >= 0) & (hits <= total) & (total > 0) & (hits == np.rint(hits)) & (total == np.rint(total))
    if not valid.all():
        wrong = [f"{a:g} of {b:g}" for a, b in zip(hits[~valid].flat, total[~valid].flat, strict=True)]
        raise MeasurementError(
            where="counts of a proportion",
            found=wrong[0],
            needed="whole numbers with 0 <= k <= n and n > 0",
            advice="Count again; a proportion of nothing is not defined.",
            problems=wrong[1:],
        )
    return hits, total
