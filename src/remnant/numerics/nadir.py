"""Posterior of the lowest level of a patient, given all samples, and of a rise above it.

The smallest value seen is the lowest level plus the luckiest error. Here the true levels scatter around the
patient's centre with a spread that the samples themselves inform, so that values which differ only by error are
drawn together and a real fall is not. All on log10; errors are normal, independent between samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled

__all__ = ["Nadir", "lowest_level"]

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
_WEIGHTS /= _WEIGHTS.sum()
_GRID: Final = 49
_ROOT_HALF: Final = math.sqrt(0.5)
_NOTHING: Final = 1e-9
_REACH: Final = 5.0
_SMALLEST: Final = 1e-6


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
    value: Floats, sd: Floats, *, present: Floats, present_sd: Floats, step: Floats, spreads: Floats
) -> Nadir:
    """Posterior of the lowest level of the samples before the present one.

    Parameters
    ----------
    value, sd : ndarray of float, shape (n, k)
        Earlier samples of each row and their errors, log10; NaN where a row has fewer than k.
    present, present_sd : ndarray of float, shape (n,)
        The present sample and its error.
    step : ndarray of float, shape (n,)
        Rise that is asked about, log10.
    spreads : ndarray of float, shape (m,)
        Possible spreads of the true levels, equally likely before the samples; one may be 0.

    Returns
    -------
    Nadir
        One row an input row.

    Notes
    -----
    Level i is normal around the centre mu with spread tau; mu has a flat prior and is integrated by quadrature, tau
    is summed over `spreads`. The present sample does not inform the centre.

    Examples
    --------
    >>> ask = dict(present=np.array([1.0]), present_sd=np.array([0.2]), step=np.array([1.0]), spreads=np.array([0.0, 0.3, 1.2]))
    >>> stable = np.array([[0.3, -0.1, 0.2, 0.0, 0.1, -0.2]])
    >>> found = lowest_level(stable, np.full((1, 6), 0.2), **ask)
    >>> bool(found.median[0] > stable.min()), bool(found.probability[0] < 0.5)
    (True, True)
    """
    lower, median, upper, probability = (np.empty(len(value)) for _ in range(4))
    _rows(
        np.ascontiguousarray(value, dtype=np.float64),
        np.maximum(sd, _SMALLEST),
        present,
        np.maximum(present_sd, _SMALLEST),
        step,
        spreads,
        (lower, median, upper, probability),
    )
    return Nadir(lower, median, upper, probability)


@compiled
def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x * _ROOT_HALF)


@compiled
def _rows(  # noqa: PLR0917  a compiled kernel takes its arrays in order
    value: Floats,
    sd: Floats,
    present: Floats,
    present_sd: Floats,
    step: Floats,
    spreads: Floats,
    out: tuple[Floats, Floats, Floats, Floats],
) -> None:
    """Posterior of every row into `out`: lower, median, upper, probability."""
    lower, median, upper, probability = out
    grid, below, survival = np.empty(_GRID), np.empty(_GRID), np.empty(_GRID)
    mixed = np.empty(_GRID)
    for row in range(value.shape[0]):
        known = np.flatnonzero(np.isfinite(value[row]))
        y, error = value[row][known], sd[row][known]
        low, high = (y - _REACH * error).min(), (y + _REACH * error).max()
        for g in range(_GRID):
            grid[g] = low + (high - low) * g / (_GRID - 1)
        mixed[:] = 0.0
        largest, total = -np.inf, 0.0
        for spread in spreads:
            weight = _given_spread(y, error, spread, grid, survival)
            if weight > largest:
                scale = math.exp(largest - weight)
                mixed *= scale
                total *= scale
                largest = weight
            share = math.exp(weight - largest)
            mixed += share * survival
            total += share
        below[0] = 0.0
        for g in range(1, _GRID):
            below[g] = max(below[g - 1], 1.0 - mixed[g] / total)
        below[_GRID - 1] = 1.0
        chance = 0.0
        for g in range(_GRID - 1):
            centre = 0.5 * (grid[g] + grid[g + 1])
            chance += (below[g + 1] - below[g]) * _normal(
                (present[row] - step[row] - centre) / present_sd[row]
            )
        probability[row] = chance
        lower[row], median[row], upper[row] = (
            np.interp(0.025, below, grid),
            np.interp(0.5, below, grid),
            np.interp(0.975, below, grid),
        )


@compiled
def _given_spread(  # noqa: PLR0917  a compiled kernel takes its arrays in order
    y: Floats, error: Floats, spread: float, grid: Floats, survival: Floats
) -> float:
    """Log marginal likelihood of one spread; P(lowest level > x) given it goes into `survival`."""
    variance = error * error + spread * spread
    total = (1.0 / variance).sum()
    centre = (y / variance).sum() / total
    log_likelihood: float = -0.5 * (
        np.log(variance).sum() + ((y - centre) ** 2 / variance).sum() + math.log(total)
    )
    survival[:] = 0.0
    if spread == 0.0:
        for g in range(len(grid)):
            survival[g] = _normal((centre - grid[g]) * math.sqrt(total))
        return log_likelihood
    level_sd = error * spread / np.sqrt(variance)
    for node in range(len(_NODES)):
        mu = centre + _NODES[node] / math.sqrt(total)
        mean = (spread * spread * y + error * error * mu) / variance
        for g in range(len(grid)):
            above = _WEIGHTS[node]
            for i in range(len(y)):
                above *= _normal((mean[i] - grid[g]) / level_sd[i])
                if above < _NOTHING:
                    break
            if above < _NOTHING:
                break  # survival falls along the grid
            survival[g] += above
    return log_likelihood
