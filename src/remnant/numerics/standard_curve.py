"""Standard curves: ordinary least squares of Cq on log10 copies, many curves at once.

In: one row a standard well and the number of its curve. Out: one row a curve. Cq in cycles, copies a
well on the log10 scale. Levels are the distinct nominal copies within a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Calibration",
    "StandardCurves",
    "calibration",
    "efficiency",
    "fit",
    "inverse",
    "technical_sd_cycles",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LN10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True, eq=False)
class StandardCurves:
    """Fitted curves, one row each; NaN where fewer than two levels forbid a line.

    Attributes
    ----------
    slope, intercept : ndarray of float, shape (n,)
        ``Cq = intercept + slope * log10 copies``.
    r_squared : ndarray of float, shape (n,)
        Coefficient of determination.
    residual_sd : ndarray of float, shape (n,)
        Residual standard deviation, cycles.
    wells, levels : ndarray of int, shape (n,)
        Wells and levels used.
    mean_log10, sum_squares_log10 : ndarray of float, shape (n,)
        Centre and spread of the standards.
    low_log10, high_log10 : ndarray of float, shape (n,)
        Range of the standards.
    """

    slope: Floats
    intercept: Floats
    r_squared: Floats
    residual_sd: Floats
    wells: Integers
    levels: Integers
    mean_log10: Floats
    sum_squares_log10: Floats
    low_log10: Floats
    high_log10: Floats


def _levels(curve: Integers, log10_copies: Floats) -> tuple[Integers, Integers]:
    """Level of each well, and curve of each level."""
    pairs = np.stack([curve.astype(float), np.round(log10_copies, 9)], axis=1)
    _unique, first, level = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return level.reshape(-1), curve[first]


def fit(curve: Integers, log10_copies: Floats, cq: Floats, *, curves: int) -> StandardCurves:
    """Ordinary least squares of every curve.

    Parameters
    ----------
    curve : ndarray of int, shape (w,)
        Curve of each well, 0 to ``curves - 1``.
    log10_copies, cq : ndarray of float, shape (w,)
        Nominal copies and quantification cycle of each well.
    curves : int
        Number of curves.

    Returns
    -------
    StandardCurves
        One row a curve.

    Examples
    --------
    >>> got = fit(np.zeros(3, int), np.array([1.0, 2.0, 3.0]), np.array([36.0, 32.6, 29.2]), curves=1)
    >>> got.slope.round(3), got.intercept.round(3), got.r_squared.round(3)
    (array([-3.4]), array([39.4]), array([1.]))
    """

    def total(values: Floats) -> Floats:
        return np.bincount(curve, weights=values, minlength=curves).astype(float)

    wells = np.bincount(curve, minlength=curves)
    count = np.maximum(wells, 1)
    mean_x, mean_y = total(log10_copies) / count, total(cq) / count
    dx, dy = log10_copies - mean_x[curve], cq - mean_y[curve]
    sxx, sxy, syy = total(dx * dx), total(dx * dy), total(dy * dy)
    _level, level_curve = _levels(curve, log10_copies)
    levels = np.bincount(level_curve, minlength=curves)
    usable = levels >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(usable, sxy / sxx, np.nan)
        intercept = mean_y - slope * mean_x
        residual = cq - intercept[curve] - slope[curve] * log10_copies
        squares = total(residual * residual)
        r_squared = np.where(syy > 0, 1.0 - squares / syy, 1.0)
        residual_sd = np.sqrt(squares / np.maximum(wells - 2, 1))
    low, high = np.full(curves, np.inf), np.full(curves, -np.inf)
    np.minimum.at(low, curve, log10_copies)
    np.maximum.at(high, curve, log10_copies)
    return StandardCurves(
        slope=slope,
        intercept=intercept,
        r_squared=np.where(usable, r_squared, np.nan),
        residual_sd=residual_sd,
        wells=wells,
        levels=levels,
        mean_log10=mean_x,
        sum_squares_log10=sxx,
        low_log10=low,
        high_log10=high,
    )


def efficiency(slope: Floats) -> Floats:
    """Amplification efficiency of a slope.

    Parameters
    ----------
    slope : ndarray of float
        Cycles per tenfold; negative.

    Returns
    -------
    ndarray of float
        ``10**(-1 / slope) - 1``: 1 is doubling each cycle.

    Examples
    --------
    >>> efficiency(np.array([-3.1, -3.6, -3.9])).round(3).tolist()
    [1.102, 0.896, 0.805]
    """
    result: Floats = np.power(10.0, -1.0 / slope) - 1.0
    return result


def inverse(curves: StandardCurves, curve: Integers, cq: Floats) -> Floats:
    """Copies, log10, of a quantification cycle.

    Parameters
    ----------
    curves : StandardCurves
        Fitted curves.
    curve : ndarray of int, shape (w,)
        Curve of each well.
    cq : ndarray of float, shape (w,)
        Quantification cycles.

    Returns
    -------
    ndarray of float, shape (w,)
        Copies a well, log10.
    """
    result: Floats = (cq - curves.intercept[curve]) / curves.slope[curve]
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Error of each fitted line, as a parabola in the distance from the mean of its standards.

    Attributes
    ----------
    variance : ndarray of float, shape (n,)
        Variance of the line at the mean of the standards, log10 squared.
    covariance, slope_variance : ndarray of float, shape (n,)
        Coefficients of twice the distance and of the squared distance.
    mean_log10 : ndarray of float, shape (n,)
        Mean of the standards.
    """

    variance: Floats
    covariance: Floats
    slope_variance: Floats
    mean_log10: Floats

    def sd_log10(self, curve: Integers, log10_copies: Floats) -> Floats:
        """Standard deviation of log10 copies that the curve itself contributes at a level.

        Parameters
        ----------
        curve : ndarray of int, shape (w,)
            Curve of each reading.
        log10_copies : ndarray of float, shape (w,)
            Level of each reading.

        Returns
        -------
        ndarray of float, shape (w,)
            Shared by all readings near that level.
        """
        distance = log10_copies - self.mean_log10[curve]
        parabola = self.variance[curve] + distance * (
            2.0 * self.covariance[curve] + distance * self.slope_variance[curve]
        )
        result: Floats = np.sqrt(np.maximum(parabola, 0.0))
        return result


def calibration(
    curves: StandardCurves,
    curve: Integers,
    log10_copies: Floats,
    cq: Floats,
    *,
    technical_sd_cycles: Floats,
    level_sd: float,
    level_weight: float,
    detection_probability: float = 1.0,
) -> Calibration:
    """Error of the lines, given what each standard well is known to scatter.

    Parameters
    ----------
    curves : StandardCurves
        Least-squares lines.
    curve : ndarray of int, shape (w,)
        Curve of each standard well.
    log10_copies, cq : ndarray of float, shape (w,)
        Nominal copies and quantification cycle of each standard well.
    technical_sd_cycles : ndarray of float, shape (n,)
        Technical standard deviation of one well of each curve.
    level_sd : float
        Spread of whole levels about the line (pipetting of the dilutions), cycles, before the curve speaks.
    level_weight : float
        Degrees of freedom that it counts for.
    detection_probability : float, default 1.0
        P(one molecule amplifies): only molecules that amplify are counted.

    Returns
    -------
    Calibration
        One row a curve.

    Notes
    -----
    Least squares takes all wells as equal, but a standard of ten copies scatters by its Poisson counts, and
    a pipetting error of one dilution is shared by its replicates. The error of the fitted line is therefore
    the sandwich ``sum l_j(x)**2 V_j`` over levels j, with the weights l of least squares and
    ``V_j = (technical**2 + (slope / ln 10)**2 / (q copies)) / wells + level variance``, q the detection probability. The level variance is the
    moment estimate of a random level effect, drawn to the default. The textbook formula with one residual sd
    gives 0.6 of the true error at the low end (three wells each at 10 to 10**6 copies).

    References
    ----------
    .. [1] White, Econometrica 48, 817-838 (1980): least squares under unequal variances.
    .. [2] DerSimonian and Laird, Control Clin Trials 7, 177-188 (1986): the moment estimate.
    """
    n = len(curves.slope)
    slope = np.where(np.isfinite(curves.slope), curves.slope, -3.3)
    level, of = _levels(curve, log10_copies)
    size = np.bincount(level)
    x = np.bincount(level, weights=log10_copies) / size
    y = np.bincount(level, weights=cq) / size
    wells_variance = (
        np.square(technical_sd_cycles[of])
        + np.square(slope[of] / _LN10) / (detection_probability * np.power(10.0, x))
    ) / size
    between = _level_variance(
        of, x, y, variance=wells_variance, curves=n, default=level_sd**2, weight=level_weight
    )
    variance = wells_variance + between[of]
    spread = np.where(curves.sum_squares_log10 > 0, curves.sum_squares_log10, np.inf)
    constant = size / np.maximum(curves.wells, 1)[of]
    tilt = size * (x - curves.mean_log10[of]) / spread[of]

    def total(values: Floats) -> Floats:
        return np.bincount(of, weights=values, minlength=n) / np.square(slope)

    return Calibration(
        variance=total(np.square(constant) * variance),
        covariance=total(constant * tilt * variance),
        slope_variance=total(np.square(tilt) * variance),
        mean_log10=curves.mean_log10,
    )


def _level_variance(
    of: Integers, x: Floats, y: Floats, *, variance: Floats, curves: int, default: float, weight: float
) -> Floats:
    """Variance of a random effect of each level, cycles squared: moments about the weighted line."""
    w = 1.0 / variance

    def total(values: Floats) -> Floats:
        return np.bincount(of, weights=values, minlength=curves).astype(float)

    s0, s1, s2 = total(w), total(w * x), total(w * x * x)
    sy, sxy = total(w * y), total(w * x * y)
    levels = np.bincount(of, minlength=curves)
    freedom = np.maximum(levels - 2, 0)
    determinant = np.where(levels > 2, s0 * s2 - s1 * s1, 1.0)
    tilt = (s0 * sxy - s1 * sy) / determinant
    height = (s2 * sy - s1 * sxy) / determinant
    misfit = total(w * np.square(y - height[of] - tilt[of] * x))
    u0, u1, u2 = total(w * w), total(w * w * x), total(w * w * x * x)
    scale = s0 - (s2 * u0 - 2.0 * s1 * u1 + s0 * u2) / determinant
    found = np.where(freedom > 0, (misfit - freedom) / np.where(scale > 0, scale, 1.0), 0.0)
    result: Floats = (weight * default + freedom * np.maximum(found, 0.0)) / (weight + freedom)
    return result


def technical_sd_cycles(
    curve: Integers,
    log10_copies: Floats,
    cq: Floats,
    *,
    slope: Floats,
    default: float,
    weight: float,
    detection_probability: float = 1.0,
) -> Floats:
    """Technical standard deviation of one well, learned from replicate standards.

    Parameters
    ----------
    curve : ndarray of int, shape (w,)
        Curve of each standard well.
    log10_copies, cq : ndarray of float, shape (w,)
        Nominal copies and quantification cycle.
    slope : ndarray of float, shape (n,)
        Slope of each curve.
    default : float
        Value it is shrunk to, cycles.
    weight : float
        Degrees of freedom that the default counts for.
    detection_probability : float, default 1.0
        P(one molecule amplifies).

    Returns
    -------
    ndarray of float, shape (n,)
        Cycles. Variance within levels, less the Poisson variance ``(slope / ln 10)**2 / (q copies)``, averaged
        with the default variance by degrees of freedom. Levels where the Poisson variance exceeds the
        default's are left out: they say little about anything else.
    """
    level, level_curve = _levels(curve, log10_copies)
    size = np.bincount(level)
    mean = np.bincount(level, weights=cq) / np.maximum(size, 1)
    squares = np.bincount(level, weights=np.square(cq - mean[level]))
    copies = np.power(10.0, np.bincount(level, weights=log10_copies) / np.maximum(size, 1))
    poisson = np.square(slope[level_curve] / _LN10) / (detection_probability * copies)
    freedom = np.where(poisson <= default**2, size - 1, 0)
    n = len(slope)
    total = np.bincount(
        level_curve, weights=np.where(freedom > 0, squares - freedom * poisson, 0), minlength=n
    )
    learned = np.bincount(level_curve, weights=freedom, minlength=n)
    variance = (weight * default**2 + np.maximum(total, 0.0)) / (weight + learned)
    result: Floats = np.sqrt(variance)
    return result
