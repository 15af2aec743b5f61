"""Posterior of the lowest level of a patient, given all samples, and of a rise above it.

The smallest value seen is the lowest level plus the luckiest error. Here the true levels scatter around the
patient's centre with a spread that the samples themselves inform, so that values which differ only by error are
drawn together and a real fall is not. All on log10; errors are normal. An error of the same name is the same draw
in every sample that names it: it moves the lowest level and cancels in the rise.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from remnant.numerics.compiled import compiled

__all__ = ["Nadir", "Readings", "lowest_level"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LOG2_POINTS: Final = 10
_SEED: Final = 20261121
_DIMENSIONS: Final = 8  # points are made for so many samples more at a time
_QUANTILES: Final = np.array([0.025, 0.5, 0.975])
_ROOT_HALF: Final = math.sqrt(0.5)
_SMALLEST: Final = 1e-3  # log10; no sample is known better, and no two errors are wholly the same


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Samples with their errors.

    Attributes
    ----------
    value, sd : ndarray of float, shape (m,)
        Level and its whole error, log10.
    name : ndarray of int, shape (m, t)
        Named parts of the error; samples with the same number share the draw. -1 pads.
    named_sd : ndarray of float, shape (m, t)
        Their standard deviations, log10; 0 where padded.
    """

    value: Floats
    sd: Floats
    name: Integers
    named_sd: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Nadir:
    """Lowest level of each row, and the rise above it.

    Attributes
    ----------
    lower, median, upper : ndarray of float, shape (n,)
        Equal-tailed 95 % interval and median, log10.
    probability : ndarray of float, shape (n,)
        P(present level - lowest level >= step).
    """

    lower: Floats
    median: Floats
    upper: Floats
    probability: Floats


def lowest_level(
    readings: Readings, earlier: Integers, present: Integers, *, step: Floats, spreads: Floats
) -> Nadir:
    """Posterior of the lowest level of the samples before the present one.

    Parameters
    ----------
    readings : Readings, m samples
        All samples that are spoken of.
    earlier : ndarray of int, shape (n, k)
        Earlier samples of each row; -1 where a row has fewer than k.
    present : ndarray of int, shape (n,)
        The present sample of each row.
    step : ndarray of float, shape (n,)
        Rise that is asked about, log10.
    spreads : ndarray of float, shape (s,)
        Possible spreads of the true levels, equally likely before the samples; one may be 0.

    Returns
    -------
    Nadir
        One row an input row.

    Notes
    -----
    Level i is normal around the centre mu with spread tau; mu has a flat prior, tau is one of `spreads`. Given tau
    the levels are normal together, and so are they with the error of the present sample, whose level has a flat
    prior and does not inform the centre. The lowest of them is summed over 1,024 points of a scrambled Sobol
    sequence, the same for every row; probabilities are within about .005.

    Examples
    --------
    Six stable samples; the last one of the readings lies 1 log10 higher.

    >>> value = np.array([0.3, -0.1, 0.2, 0.0, 0.1, -0.2, 1.0])
    >>> def asked(named_sd):
    ...     held = Readings(value, np.full(7, 0.3), np.zeros((7, 1), dtype=np.int64), np.full((7, 1), named_sd))
    ...     return lowest_level(held, np.arange(6)[None], np.array([6]), step=np.array([0.9]), spreads=np.array([0.0, 0.3]))
    >>> apart, in_one_run = asked(0.0), asked(0.25)
    >>> bool(apart.median[0] > value.min()), bool(in_one_run.probability[0] > apart.probability[0])
    (True, True)
    """
    n, k = earlier.shape
    lower, median, upper, probability = (np.empty(n) for _ in range(4))
    _rows(
        (readings.value, np.maximum(readings.sd, _SMALLEST), readings.named_sd),
        (readings.name, earlier, present),
        step,
        spreads,
        _points(-(-k // _DIMENSIONS) * _DIMENSIONS),
        (lower, median, upper, probability),
    )
    return Nadir(lower, median, upper, probability)


@functools.cache
def _points(dimensions: int) -> Floats:
    """Standard normal points, one row each, by a low-discrepancy sequence; the first coordinate is even, not normal."""
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(_SEED))
    even = np.asarray(sobol.random_base2(_LOG2_POINTS))
    number = len(even)
    points: Floats = np.column_stack([(np.arange(number) + 0.5) / number, ndtri(even)])
    return points


@compiled
def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x * _ROOT_HALF)


@compiled
def _covariance(one: int, other: int, name: Integers, named_sd: Floats) -> float:
    """Covariance of the errors of two samples, from the names that both bear."""
    total = 0.0
    for a in range(name.shape[1]):
        if name[one, a] < 0:
            continue
        for b in range(name.shape[1]):
            if name[other, b] == name[one, a]:
                total += named_sd[one, a] * named_sd[other, b]
    return total


@compiled
def _rows(  # noqa: PLR0917  a compiled kernel takes its arrays in order
    readings: tuple[Floats, Floats, Floats],
    places: tuple[Integers, Integers, Integers],
    step: Floats,
    spreads: Floats,
    points: Floats,
    out: tuple[Floats, Floats, Floats, Floats],
) -> None:
    """Posterior of every row into `out`: lower, median, upper, probability."""
    value, sd, named_sd = readings
    name, earlier, present = places
    number = points.shape[0]
    middle = (np.arange(number) + 0.5) / number
    low, weight = np.empty(number), np.empty(len(spreads))
    for row in range(earlier.shape[0]):
        held = earlier[row][earlier[row] >= 0]
        k, now = len(held), present[row]
        error, common = np.empty((k, k)), np.empty(k)
        for i in range(k):
            common[i] = _covariance(held[i], now, name, named_sd)
            for j in range(i):
                error[i, j] = error[j, i] = _covariance(held[i], held[j], name, named_sd)
            named = _covariance(held[i], held[i], name, named_sd)
            error[i, i] = max(sd[held[i]] ** 2, named + _SMALLEST**2)
        y = value[held]
        told = np.linalg.solve(error, common)
        named = _covariance(now, now, name, named_sd)
        left = max(max(sd[now] ** 2, named) - (common * told).sum(), _SMALLEST**2)
        for s in range(len(spreads)):
            weight[s] = _log_evidence(y, error, spreads[s])
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        first, reached, chance = 0, 0.0, 0.0
        for s in range(len(spreads)):
            reached += weight[s]
            last = number if s == len(spreads) - 1 else round(reached * number)
            if last > first:
                gap = value[now] - step[row]
                chance += _drawn(y, error, spreads[s], told, gap, math.sqrt(left), points, first, last, low)
            first = max(first, last)
        low.sort()
        out[0][row], out[1][row], out[2][row] = np.interp(_QUANTILES, middle, low)
        out[3][row] = chance / number


@compiled
def _log_evidence(y: Floats, error: Floats, spread: float) -> float:
    """Log marginal likelihood of one spread, the centre integrated out."""
    precision = np.linalg.inv(error + spread * spread * np.eye(len(y)))
    total = precision.sum()
    away = y - (precision.sum(axis=1) * y).sum() / total
    result: float = 0.5 * (
        np.linalg.slogdet(precision)[1] - (away * (precision @ away)).sum() - math.log(total)
    )
    return result


@compiled
def _drawn(  # noqa: PLR0917  a compiled kernel takes its arrays in order
    y: Floats,
    error: Floats,
    spread: float,
    told: NDArray[Any],
    gap: float,
    left: float,
    points: Floats,
    first: int,
    last: int,
    low: Floats,
) -> float:
    """Lowest levels at some points, given one spread, into `low`; the sum of P(present level - lowest >= step)."""
    k, square = len(y), spread * spread
    precision = np.linalg.inv(error + square * np.eye(k))
    total = precision.sum()
    centre = (precision.sum(axis=1) * y).sum() / total
    mean = centre + square * (precision @ (y - centre))
    follows = 1.0 - square * precision.sum(axis=1)  # how far each level goes with the centre
    covariance = square * (error @ precision)
    covariance = 0.5 * (covariance + covariance.T) + np.outer(follows, follows) / total
    root = np.zeros((k, k))
    if spread == 0.0:
        root[:, 0] = math.sqrt(1.0 / total)
    else:
        root = np.linalg.cholesky(covariance)
    chance = 0.0
    for p in range(first, last):
        lowest, moved = np.inf, 0.0
        for i in range(k):
            level = mean[i]
            for j in range(i + 1):
                level += root[i, j] * points[p, j + 1]
            lowest = min(lowest, level)
            moved += told[i] * (y[i] - level)
        low[p] = lowest
        chance += _normal((gap - moved - lowest) / left)
    return chance
