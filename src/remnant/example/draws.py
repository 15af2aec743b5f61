"""Random draws in the forms in which the assumptions are written.

Spreads are on the log10 scale unless the name says otherwise; every function takes the generator it
draws from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import ndtri

__all__ = ["by_quantiles", "chance", "log_normal_within", "ranged", "uniform"]

_TAIL: Final = 0.01
"""A stated range holds all but this share at either end."""


def uniform(rng: np.random.Generator, ends: Sequence[float]) -> float:
    """Draw between two ends.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    ends : sequence of two float
        Lower and upper end.

    Returns
    -------
    float
        The draw.
    """
    return float(rng.uniform(ends[0], ends[1]))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Whether something of this probability happens.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    probability : float
        Between 0 and 1.

    Returns
    -------
    bool
        The outcome; one number is drawn whatever the probability.
    """
    return bool(rng.random() < probability)


def ranged(rng: np.random.Generator, row: Sequence[float]) -> float:
    """Draw from "median (low to high)".

    Two log-normal halves meet at the median; each half-spread is such that 1 % would lie beyond its
    limit, and nothing does.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    row : sequence of three float
        Median, low and high, all positive.

    Returns
    -------
    float
        The draw.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> draws = [ranged(rng, (130, 35, 1500)) for _ in range(4000)]
    >>> min(draws) > 35, max(draws) < 1500, 125 < float(np.median(draws)) < 135
    (True, True, True)
    """
    median, low, high = row
    z = float(ndtri(rng.uniform(_TAIL, 1.0 - _TAIL)))
    end = high if z > 0.0 else low
    return float(median * (end / median) ** (abs(z) / float(ndtri(1.0 - _TAIL))))


def log_normal_within(
    rng: np.random.Generator, median: float, sd_log10: float, *, low: float, high: float
) -> float:
    """Draw log-normally and set what falls outside to the limit.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    median : float
        Median.
    sd_log10 : float
        Standard deviation of log10.
    low, high : float
        Limits.

    Returns
    -------
    float
        The draw.
    """
    return float(np.clip(median * 10.0 ** rng.normal(0.0, sd_log10), low, high))


def by_quantiles(rng: np.random.Generator, quantiles: Sequence[float]) -> float:
    """Draw from least value, quartiles and greatest value, log-linear between them.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    quantiles : sequence of five float
        Quantiles 0, .25, .5, .75 and 1, positive.

    Returns
    -------
    float
        The draw.
    """
    return float(np.exp(np.interp(rng.random(), np.linspace(0.0, 1.0, 5), np.log(quantiles))))
