"""Background of a count learned from blanks: rate, spread between blanks, and what follows for a new count.

In: counts and exposures of blanks. Out: a rate per exposure and a dispersion (variance = mean + dispersion
times mean squared), both for the *next* tube: the error of the estimate is part of the dispersion.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from remnant.errors import MeasurementError

__all__ = [
    "CountBackground",
    "count_background",
    "detectable_mean",
    "quantifiable_mean",
    "signal_log_likelihood",
    "upper_count",
]

_SPACING = 0.05
_TAIL = 1e-12
_LEAST_MEAN = 1e-4
_FEWEST = 4
_POISSON = 1e-9
"""Dispersion below which a count is Poisson."""


class CountBackground(NamedTuple):
    """What blanks give.

    Attributes
    ----------
    rate : float
        Expected counts per unit of exposure.
    dispersion : float
        Extra variance of a new blank's count, relative to its squared mean.
    """

    rate: float
    dispersion: float


def count_background(
    counts: ArrayLike, exposures: ArrayLike, *, fewest: int, assumed_dispersion: float
) -> CountBackground:
    """Rate and spread of blanks.

    Parameters
    ----------
    counts, exposures : array_like, shape (n,)
        Counts of the blanks, and how much was looked at.
    fewest : int
        Blanks from which the spread between them is estimated by maximum likelihood; never fewer than four.
    assumed_dispersion : float
        Spread between blanks where there are fewer.

    Returns
    -------
    CountBackground
        Rate ``(sum k + 1/2) / sum exposure``; dispersion between blanks, plus that of the rate itself.

    Raises
    ------
    MeasurementError
        If there is no blank, or a count or exposure is impossible.

    Notes
    -----
    The dispersion of the rate is ``1 / (sum k + 1/2)``, the relative variance of a gamma distribution with that
    many counts (Jeffreys), plus that between blanks over their number. The maximum-likelihood spread of n blanks is too low
    for the next one and is itself uncertain: it is multiplied by n / (n - 3), the predictive variance of normal values with
    both moments estimated. Without it, 5 blanks give a limit of blank that 11 % of new blanks exceed, not 5 %.

    References
    ----------
    .. [1] Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), section 3.2: the next value is Student-t with n - 1 degrees of
       freedom and scale ``s (1 + 1/n)^(1/2)``.

    Examples
    --------
    >>> found = count_background([2, 1, 3, 0, 2], [1e6] * 5, fewest=5, assumed_dispersion=0.25)
    >>> round(found.rate * 1e6, 2)
    1.7
    """
    k, exposure = np.asarray(counts, dtype=float), np.asarray(exposures, dtype=float)
    if k.size == 0 or k.shape != exposure.shape or (k < 0).any() or (exposure <= 0).any():
        raise MeasurementError(
            where="controls",
            found=f"{k.size} counts, {exposure.size} exposures",
            needed="counts of 0 or more with exposures above 0",
            advice="Correct the controls.",
        )
    total = k.sum() + 0.5
    rate = float(total / exposure.sum())
    measured = k.size >= max(fewest, _FEWEST)
    between = _between(k, exposure * rate) * k.size / (k.size - 3) if measured else assumed_dispersion
    return CountBackground(rate, float(between * (1.0 + 1.0 / k.size) + 1.0 / total))


def _between(k: np.ndarray, mean: np.ndarray) -> float:
    """Maximum-likelihood dispersion of negative-binomial counts with known means."""

    def deficit(log_dispersion: float) -> float:
        size = math.exp(-log_dispersion)
        return -float(np.sum(stats.nbinom.logpmf(k, size, size / (size + mean))))

    found = optimize.minimize_scalar(deficit, bounds=(-12.0, 3.0), method="bounded")
    poisson = -float(np.sum(stats.poisson.logpmf(k, mean)))
    return 0.0 if poisson <= found.fun + 1e-9 else float(math.exp(found.x))


def signal_log_likelihood(
    signal: ArrayLike, *, k: float, mean: float, dispersion: float
) -> NDArray[np.float64]:
    """Log-likelihood of a Poisson signal on top of an over-dispersed blank.

    Parameters
    ----------
    signal : array_like, shape (m,)
        Expected counts of the signal, 0 or more.
    k : float
        Counts seen.
    mean, dispersion : float
        Of the blank's count; the dispersion is above 0.

    Returns
    -------
    ndarray of float, shape (m,)
        ``log sum_j NB(j) Poisson(k - j)``.

    Notes
    -----
    The blank is Poisson with a gamma-distributed mean. The integral over that mean is the trapezoidal rule on its
    logarithm; what lies below a ten-thousandth of an event counts as nothing.

    Examples
    --------
    >>> round(float(signal_log_likelihood([3.0], k=3, mean=1e-9, dispersion=0.2)[0]), 3)
    -1.496
    """
    s = np.asarray(signal, dtype=float)
    blank = stats.gamma(1.0 / dispersion, scale=mean * dispersion)
    low = max(float(blank.ppf(_TAIL)), _LEAST_MEAN)
    high = max(float(blank.isf(_TAIL)), 2.0 * (k + 10.0 * math.sqrt(k) + 10.0), 10.0 * low)
    width = math.log(high / low)
    count = math.ceil(width / min(_SPACING, 0.5 / math.sqrt(k + 1.0))) + 1
    nodes = np.geomspace(low, high, count)
    with np.errstate(divide="ignore"):
        weights = blank.logpdf(nodes) + np.log(nodes * width / (count - 1))
        weights[[0, -1]] -= math.log(2.0)
        weights = np.append(weights, blank.logcdf(low))  # as no event at all
    means = np.append(nodes, 0.0)[:, None] + s[None, :]
    terms = weights[:, None] + special.xlogy(k, means) - means
    return np.asarray(special.logsumexp(terms, axis=0) - special.gammaln(k + 1.0))


def _tail(count: float, mean: float, dispersion: float) -> float:
    """P(more than `count`)."""
    if mean <= 0:
        return 0.0
    if dispersion < _POISSON:
        return float(stats.poisson.sf(count, mean))
    size = 1.0 / dispersion
    return float(stats.nbinom.sf(count, size, size / (size + mean)))


def upper_count(mean: float, dispersion: float, *, probability: float) -> int:
    """Smallest count that a blank exceeds with at most the rest of the probability: the limit of blank.

    Parameters
    ----------
    mean, dispersion : float
        Of the blank's count.
    probability : float
        For example 0.95.

    Returns
    -------
    int
        Counts.

    Examples
    --------
    >>> upper_count(3.0, 0.0, probability=0.95)
    6
    """
    if mean <= 0:
        return 0
    if dispersion < _POISSON:
        return int(stats.poisson.ppf(probability, mean))
    size = 1.0 / dispersion
    return int(stats.nbinom.ppf(probability, size, size / (size + mean)))


def detectable_mean(mean: float, dispersion: float, *, limit: int, probability: float) -> float:
    """Expected signal whose count exceeds a limit with a probability: the limit of detection.

    Parameters
    ----------
    mean, dispersion : float
        Of the blank's count.
    limit : int
        Limit of blank.
    probability : float
        For example 0.95.

    Returns
    -------
    float
        Expected counts above the blank. The signal is Poisson, the blank keeps its own variance.

    Examples
    --------
    >>> round(detectable_mean(0.0, 0.0, limit=0, probability=0.95), 3)
    2.996
    """

    def lack(signal: float) -> float:
        whole = mean + signal
        return _tail(limit, whole, dispersion * (mean / whole) ** 2) - probability

    high = 10.0 + 2.0 * limit
    while lack(high) < 0:
        high *= 2.0
    return float(optimize.brentq(lack, 1e-9, high))


def quantifiable_mean(mean: float, dispersion: float, *, events: float) -> float:
    """Expected signal known as well as so many events without background: the limit of quantification.

    Parameters
    ----------
    mean, dispersion : float
        Of the blank's count.
    events : float
        Events whose Poisson coefficient of variation is asked for.

    Returns
    -------
    float
        Expected counts above the blank.

    Examples
    --------
    >>> quantifiable_mean(0.0, 0.0, events=50)
    50.0
    """
    blank_variance = mean + dispersion * mean**2
    return float(events * (1.0 + math.sqrt(1.0 + 4.0 * blank_variance / events)) / 2.0)
