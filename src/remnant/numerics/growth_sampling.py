"""How often to sample so that growth is seen in time.

A leukaemia that doubles every ``T`` days passes from the limit of detection to overt relapse in the window
``W = T log2(R / LOD)``. Samples stand every ``interval`` days with a random phase; each that falls into the
window detects. A lead of ``l`` days asks for a sample in the first ``W - l`` days of the window.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["detected_in_time", "longest_interval", "window_days"]

Floats = NDArray[np.float64]

_TINY: Final = 1e-300
_POINTS, _SHARES = np.polynomial.legendre.leggauss(200)
_NODES: Final[Floats] = 0.5 * (_POINTS + 1.0)
_WEIGHTS: Final[Floats] = 0.5 * _SHARES


def window_days(doubling_days: float, log10_ratio: float) -> float:
    """Days from the limit of detection to overt relapse.

    Parameters
    ----------
    doubling_days : float
        Doubling time.
    log10_ratio : float
        log10 of the level of overt relapse over the limit of detection.

    Returns
    -------
    float
        ``T log2(R / LOD)``.

    Examples
    --------
    >>> round(window_days(12.0, 4.0), 1)
    159.5
    """
    return doubling_days * log10_ratio / math.log10(2.0)


def detected_in_time(
    interval_days: float, *, doubling_days: float, log_sd: float, log10_ratio: float, lead_days: float
) -> float:
    """Probability of a sample in the window at least some days before overt relapse.

    Parameters
    ----------
    interval_days : float
        Days between samples, positive.
    doubling_days : float
        Median doubling time.
    log_sd : float
        Standard deviation of its natural logarithm; 0 for one doubling time.
    log10_ratio : float
        log10 of the level of overt relapse over the limit of detection.
    lead_days : float
        Days.

    Returns
    -------
    float
        Mean over doubling times of ``min(1, max(0, W - lead) / interval)``.

    Examples
    --------
    >>> detected_in_time(100.0, doubling_days=12.0, log_sd=0.0, log10_ratio=4.0, lead_days=60.0).__round__(3)
    0.995
    """
    middle = window_days(doubling_days, log10_ratio)
    if log_sd == 0:
        return min(1.0, max(0.0, middle - lead_days) / interval_days)
    # E min(1, (W - l)+ / d) = (1/d) * integral of P(W > w) over w from l to l + d.
    w = lead_days + interval_days * _NODES
    above = ndtr((math.log(middle) - np.log(np.maximum(w, _TINY))) / log_sd)
    return float(_WEIGHTS @ above)


def longest_interval(
    *, doubling_days: float, log_sd: float, log10_ratio: float, lead_days: float, probability: float
) -> float:
    """Longest interval between samples with the wanted probability of detection in time.

    Parameters
    ----------
    doubling_days, log_sd : float
        Median doubling time and spread of its natural logarithm.
    log10_ratio : float
        log10 of the level of overt relapse over the limit of detection.
    lead_days : float
        Wanted lead.
    probability : float
        Wanted probability.

    Returns
    -------
    float
        Days; 0 where no interval, however short, reaches it.

    Examples
    --------
    >>> longest_interval(doubling_days=12, log_sd=0, log10_ratio=4, lead_days=60, probability=0.9).__round__(1)
    110.5
    """

    def got(interval: float) -> float:
        return detected_in_time(
            interval,
            doubling_days=doubling_days,
            log_sd=log_sd,
            log10_ratio=log10_ratio,
            lead_days=lead_days,
        )

    low, high = 0.01, 5000.0
    if got(low) < probability:
        return 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if got(middle) >= probability else (low, middle)
    return low
