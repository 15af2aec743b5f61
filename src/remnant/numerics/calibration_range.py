"""Precision profile and linear range of a dilution series measured on one plate or several.

Copies a well; Cq in cycles; arrays are plates x levels of one ladder. Only scatter within plates counts as
precision, and only level means about their plate as linearity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.stats import chi2

from remnant.numerics.calibration_ladder import Ladder, log_count_moments

__all__ = [
    "LinearRange",
    "PrecisionProfile",
    "copies_at_cv",
    "cv_interval",
    "cv_of_sd",
    "linear_range",
    "precision_profile",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_LN10: Final = float(np.log(10.0))
_LOWEST: Final = 0.5
_HIGHEST: Final = 1e7


@dataclass(frozen=True, slots=True)
class PrecisionProfile:
    """Scatter of a well against copies.

    Attributes
    ----------
    technical_sd : float
        Technical standard deviation, cycles.
    counting_factor : float
        Variance beyond the technical one, over that of Poisson counts.
    slope : float
        Cycles a tenfold.
    """

    technical_sd: float
    counting_factor: float
    slope: float

    def cv(self, copies: Floats) -> Floats:
        """Coefficient of variation of the copies of one well.

        Parameters
        ----------
        copies : ndarray of float
            Copies a well.

        Returns
        -------
        ndarray of float
            0.35 is 35 %.
        """
        _expected, counting = log_count_moments(np.asarray(copies, dtype=float))
        variance = (self.technical_sd / self.slope) ** 2 + self.counting_factor * counting
        return np.sqrt(np.expm1(variance * _LN10**2))


@dataclass(frozen=True, slots=True, eq=False)
class LinearRange:
    """Levels on one line.

    Attributes
    ----------
    inside : ndarray of bool, shape (levels,)
        Levels of the range.
    slope : float
        Cycles a tenfold over the range.
    r_squared : float
        Of the wells of the range about their plates.
    deviation_log10 : ndarray of float, shape (levels,)
        Mean reading less that of Poisson counts of the nominal copies, of every level, on the line through the other levels of the range; NaN
        without wells.
    """

    inside: Bools
    slope: float
    r_squared: float
    deviation_log10: Floats


def cv_of_sd(sd_cycles: Floats, slope: float) -> Floats:
    """Coefficient of variation of copies from the standard deviation of Cq.

    Parameters
    ----------
    sd_cycles : ndarray of float
        Standard deviation of Cq.
    slope : float
        Cycles a tenfold.

    Returns
    -------
    ndarray of float
        Of log-normal copies: ``sqrt((1 + E)**(sd**2 ln(1 + E)) - 1)``, E the efficiency of the slope.

    References
    ----------
    .. [1] Forootan et al., Biomol Detect Quantif 12, 1-6 (2017), equation 2.

    Examples
    --------
    >>> cv_of_sd(np.array([0.2, 0.46]), -3.32).round(3).tolist()
    [0.139, 0.327]
    """
    return np.sqrt(np.expm1(np.square(sd_cycles / slope * _LN10)))


def cv_interval(
    sd_cycles: Floats, freedom: Floats, slope: float, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of the coefficient of variation, chi-squared in the variance of Cq.

    Parameters
    ----------
    sd_cycles : ndarray of float
        Standard deviation of Cq.
    freedom : ndarray of float
        Degrees of freedom behind each.
    slope : float
        Cycles a tenfold.
    level : float, default 0.95
        Level of the interval.

    Returns
    -------
    lower, upper : ndarray of float
        NaN without freedom.
    """
    known = np.where(freedom > 0, freedom, np.nan)
    ends = [
        known * np.square(sd_cycles) / chi2.ppf(share, known) for share in ((1 + level) / 2, (1 - level) / 2)
    ]
    return cv_of_sd(np.sqrt(ends[0]), slope), cv_of_sd(np.sqrt(ends[1]), slope)


def precision_profile(held: Ladder, *, slope: float, use: Bools) -> PrecisionProfile:
    """Technical and counting variance that fit the scatter of all levels.

    Parameters
    ----------
    held : Ladder
        Standards.
    slope : float
        Cycles a tenfold.
    use : ndarray of bool, shape (levels,)
        Levels that count; those where wells stay silent do not.

    Returns
    -------
    PrecisionProfile
        At the largest likelihood of the sums of squares, chi-squared with their degrees of freedom.

    Raises
    ------
    ValueError
        If no level that counts has two wells on a plate.
    """
    freedom = np.maximum(held.wells - 1, 0).sum(axis=0)[use].astype(float)
    squares = held.squares.sum(axis=0)[use]
    if not freedom.any():
        msg = "no level has two wells on one plate"
        raise ValueError(msg)
    _expected, variance = log_count_moments(np.power(10.0, held.log10_copies[use]))
    poisson = slope**2 * variance

    def loss(free: Floats) -> float:
        each = np.exp(2.0 * free[0]) + np.exp(free[1]) * poisson
        return float(0.5 * (freedom * np.log(each) + squares / each).sum())

    start = np.array([0.5 * np.log(max(float((squares / np.maximum(freedom, 1)).min()), 1e-4)), 0.0])
    found = optimize.minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    return PrecisionProfile(float(np.exp(found.x[0])), float(np.exp(found.x[1])), slope)


def copies_at_cv(profile: PrecisionProfile, cv: float) -> float:
    """Copies at which the precision profile meets a coefficient of variation.

    Parameters
    ----------
    profile : PrecisionProfile
        Fitted profile.
    cv : float
        Coefficient of variation.

    Returns
    -------
    float
        ``inf`` where the technical scatter alone exceeds it; half a copy where every level meets it.

    Examples
    --------
    >>> round(copies_at_cv(PrecisionProfile(0.08, 1.0, -3.32), 0.35), 1)
    10.6
    """

    def above(log10_copies: float) -> float:
        return float(profile.cv(np.array([10.0**log10_copies]))[0]) - cv

    # The spread of a positive count peaks near four molecules: the profile falls only from there on.
    low, high = float(np.log10(4.0)), float(np.log10(_HIGHEST))
    if above(high) > 0:
        return float(np.inf)
    if above(low) <= 0:
        return _LOWEST if above(float(np.log10(_LOWEST))) <= 0 else 4.0
    return float(10.0 ** optimize.brentq(above, low, high))


def _line(held: Ladder, inside: Bools) -> tuple[float, float, Floats]:
    """Slope within plates, explained share, and deviation of every level, over some levels."""
    n = np.where(inside, held.wells, 0).astype(float)
    total = np.maximum(n.sum(axis=1, keepdims=True), 1.0)
    # The mean of log molecules is bent at low copies, in the wells that hold any.
    expected, _variance = log_count_moments(np.power(10.0, held.log10_copies))
    centre = (n @ expected)[:, None] / total
    height = (n * held.mean).sum(axis=1, keepdims=True) / total
    x, y = expected - centre, held.mean - height
    sxx, sxy, syy = (n * x * x).sum(), (n * x * y).sum(), (n * y * y).sum()
    slope = sxy / sxx
    scatter = syy + (np.where(inside, held.squares, 0.0)).sum()
    residual = (y - slope * x) / slope
    weight = np.where(n.sum(axis=1, keepdims=True) > 0, held.wells, 0)
    with np.errstate(invalid="ignore"):
        deviation = (weight * residual).sum(axis=0) / np.where(
            weight.sum(axis=0) > 0, weight.sum(axis=0), np.nan
        )
    # A level inside pulled the line towards itself: without it the line would be this much further away.
    pull = n.sum(axis=0) / n.sum() + (n * x * x).sum(axis=0) / sxx
    deviation = np.where(inside & (pull < 1.0), deviation / np.where(pull < 1.0, 1.0 - pull, 1.0), deviation)
    return float(slope), float(slope * sxy / scatter), deviation


def linear_range(held: Ladder, *, use: Bools, deviation: float, levels: int) -> LinearRange | None:
    """Longest run of levels that lie on one line.

    Parameters
    ----------
    held : Ladder
        Standards.
    use : ndarray of bool, shape (levels,)
        Levels that may belong to it.
    deviation : float
        Largest distance of a level's mean from the line through the others, log10 copies.
    levels : int
        Levels needed.

    Returns
    -------
    LinearRange or None
        Of the longest ranges, the one that fits best; None where no run of so many levels lies on a line.
    """
    count = len(held.log10_copies)
    for length in range(count, max(levels, 2) - 1, -1):
        found = []
        for first in range(count - length + 1):
            inside = np.zeros(count, dtype=bool)
            inside[first : first + length] = True
            if not use[inside].all():
                continue
            slope, r_squared, off = _line(held, inside)
            if slope < 0 and np.abs(off[inside]).max() <= deviation:
                found.append(
                    (float(np.abs(off[inside]).max()), first, LinearRange(inside, slope, r_squared, off))
                )
        if found:
            return min(found, key=lambda one: one[:2])[2]
    return None
