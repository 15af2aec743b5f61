"""Standard curves: ordinary least squares of Cq on log10 copies, many curves at once.

In: one row a standard well and the number of its curve. Out: one row a curve. Cq in cycles, copies a
well on the log10 scale. Levels are the distinct nominal copies within a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["StandardCurves", "efficiency", "fit", "inverse", "inverse_sd_log10", "technical_sd_cycles"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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
    level_sd : ndarray of float, shape (n,)
        Square root of the lack-of-fit mean square: spread of the levels about the line, on the scale of one
        well. Larger than `residual_sd` where a whole level is off, as after a pipetting error of its dilution.
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
    level_sd: Floats
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
    level, level_curve = _levels(curve, log10_copies)
    levels = np.bincount(level_curve, minlength=curves)
    usable = levels >= 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(usable, sxy / sxx, np.nan)
        intercept = mean_y - slope * mean_x
        residual = cq - intercept[curve] - slope[curve] * log10_copies
        squares = total(residual * residual)
        r_squared = np.where(syy > 0, 1.0 - squares / syy, 1.0)
        residual_sd = np.sqrt(squares / np.maximum(wells - 2, 1))
        size = np.maximum(np.bincount(level), 1)
        off = np.bincount(level, weights=residual) / size
        lack = np.bincount(level_curve, weights=size * off * off, minlength=curves)
        level_sd = np.where(levels > 2, np.sqrt(lack / np.maximum(levels - 2, 1)), residual_sd)
    low, high = np.full(curves, np.inf), np.full(curves, -np.inf)
    np.minimum.at(low, curve, log10_copies)
    np.maximum.at(high, curve, log10_copies)
    return StandardCurves(
        slope=slope,
        intercept=intercept,
        r_squared=np.where(usable, r_squared, np.nan),
        residual_sd=residual_sd,
        level_sd=level_sd,
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
    """log10 copies of a quantification cycle.

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
        log10 copies a well.
    """
    result: Floats = (cq - curves.intercept[curve]) / curves.slope[curve]
    return result


def inverse_sd_log10(curves: StandardCurves, curve: Integers, log10_copies: Floats) -> Floats:
    """Standard deviation of the calibration itself, shared by all wells at one level.

    Parameters
    ----------
    curves : StandardCurves
        Fitted curves.
    curve : ndarray of int, shape (w,)
        Curve of each reading.
    log10_copies : ndarray of float, shape (w,)
        Level of each reading.

    Returns
    -------
    ndarray of float, shape (w,)
        ``sd / |slope| * sqrt(1 / n + (x - mean)**2 / Sxx)``; the sd is the larger of the residual one and
        that of the levels, so that an error of one dilution is not divided by its replicates.

    References
    ----------
    .. [1] Miller and Miller, Statistics and Chemometrics for Analytical Chemistry, 6th ed. (2010), section
       5.6: inverse prediction; the term 1 / m of the unknown is left to its own wells.
    """
    sd = np.maximum(curves.residual_sd, curves.level_sd)[curve] / np.abs(curves.slope[curve])
    distance = np.square(log10_copies - curves.mean_log10[curve]) / curves.sum_squares_log10[curve]
    result: Floats = sd * np.sqrt(1.0 / np.maximum(curves.wells[curve], 1) + distance)
    return result


def technical_sd_cycles(
    curve: Integers,
    log10_copies: Floats,
    cq: Floats,
    *,
    slope: Floats,
    default: float,
    weight: float,
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

    Returns
    -------
    ndarray of float, shape (n,)
        Cycles. Variance within levels, less the Poisson variance ``(slope / ln 10)**2 / copies``, averaged
        with the default variance by degrees of freedom. Levels where the Poisson variance exceeds the
        default's are left out: they say little about anything else.
    """
    level, level_curve = _levels(curve, log10_copies)
    size = np.bincount(level)
    mean = np.bincount(level, weights=cq) / np.maximum(size, 1)
    squares = np.bincount(level, weights=np.square(cq - mean[level]))
    copies = np.power(10.0, np.bincount(level, weights=log10_copies) / np.maximum(size, 1))
    poisson = np.square(slope[level_curve] / np.log(10.0)) / copies
    freedom = np.where(poisson <= default**2, size - 1, 0)
    n = len(slope)
    total = np.bincount(
        level_curve, weights=np.where(freedom > 0, squares - freedom * poisson, 0), minlength=n
    )
    learned = np.bincount(level_curve, weights=freedom, minlength=n)
    variance = (weight * default**2 + np.maximum(total, 0.0)) / (weight + learned)
    result: Floats = np.sqrt(variance)
    return result
