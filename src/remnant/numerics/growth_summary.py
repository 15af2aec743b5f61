"""What a lattice of slope, level and background says: quantiles, probabilities, dates of crossing.

Between the points of a lattice the log-density is a natural cubic spline; its exponential is integrated by
Gauss-Legendre quadrature cell by cell, so that a probability up to any place is as exact as a total.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled, inlined
from remnant.numerics.growth_kernels import DEPTH, Prior, course_above

__all__ = ["crossing_days", "moments", "prepared", "probability_reached", "slope_quantiles"]

Array = NDArray[Any]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS
_HALVINGS: Final = 46
_TRIFLE: Final = 1e-10


@compiled
def _curvatures(y: Array, h: float) -> Array:
    """Second derivatives of the natural cubic spline through even points."""
    n = y.size
    m, c = np.zeros(n), np.zeros(n)
    for i in range(1, n - 1):
        right = 6.0 * (y[i + 1] - 2.0 * y[i] + y[i - 1]) / (h * h)
        pivot = 4.0 - c[i - 1]
        c[i] = 1.0 / pivot
        m[i] = (right - m[i - 1]) / pivot
    for i in range(n - 2, 0, -1):
        m[i] -= c[i] * m[i + 1]
    return m


@compiled
def _mass(y: Array, m: Array, h: float, cell: int, first: float, last: float) -> float:  # noqa: PLR0917 - compiled
    """Integral of exp of the spline over part of one cell, in shares of the cell."""
    total = 0.0
    for j in range(_NODES.size):
        t = first + (last - first) * _NODES[j]
        u = 1.0 - t
        value = u * y[cell] + t * y[cell + 1]
        value += h * h / 6.0 * ((u * u * u - u) * m[cell] + (t * t * t - t) * m[cell + 1])
        total += _WEIGHTS[j] * math.exp(value)
    return total * (last - first) * h


@compiled
def slope_quantiles(lattice: Array, grid: Array, probabilities: Array) -> tuple[Array, float]:
    """Quantiles of the slope, and the probability that it is positive.

    Parameters
    ----------
    lattice : ndarray of float, shape (rows, 4)
        Slope and log-density of each point.
    grid : ndarray of float, shape (3,)
        Centre, scale and step of the lattice.
    probabilities : ndarray of float, shape (p,)
        Asked, ascending.

    Returns
    -------
    tuple of (ndarray of float, float)
        Quantiles, log10 a day, and P(slope > 0).
    """
    n = lattice.shape[0]
    centre, scale, h = grid[0], grid[1], grid[2]
    y = lattice[:, 1] - lattice[:, 1].max()
    m = _curvatures(y, h)
    below = np.zeros(n)
    for k in range(n - 1):
        below[k + 1] = below[k] + _mass(y, m, h, k, 0.0, 1.0)
    total = below[n - 1]
    v_first = math.asinh((lattice[0, 0] - centre) / scale)
    result = np.empty(probabilities.size)
    for q in range(probabilities.size):
        wanted = probabilities[q] * total
        k = min(max(int(np.searchsorted(below, wanted)) - 1, 0), n - 2)
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            if below[k] + _mass(y, m, h, k, 0.0, middle) < wanted:
                low = middle
            else:
                high = middle
        result[q] = centre + scale * math.sinh(v_first + (k + low) * h)
    place = (math.asinh(-centre / scale) - v_first) / h
    if place <= 0.0:
        return result, 1.0
    if place >= n - 1:
        return result, 0.0
    k = min(int(place), n - 2)
    return result, 1.0 - (below[k] + _mass(y, m, h, k, 0.0, place - k)) / total


@compiled
def prepared(heads: Array, values: Array, grid: Array) -> tuple[Array, Array, Array]:
    """Inner lattices with their splines, integrals and shares of the whole.

    Parameters
    ----------
    heads, values : ndarray of float
        From `inner_rows`, the largest value 0.
    grid : ndarray of float, shape (3,)
        Centre, scale and step of the lattice.

    Returns
    -------
    tuple of ndarray
        Curvatures and mass above each point, as long as `values`; share of each inner lattice, shape (m,).
    """
    curvature, above = np.zeros(values.size), np.zeros(values.size)
    share = np.empty(heads.shape[0])
    for r in range(heads.shape[0]):
        first = int(heads[r, 6])
        last = first + int(heads[r, 5])
        y, h = values[first:last], heads[r, 3]
        m = _curvatures(y, h)
        curvature[first:last] = m
        for k in range(y.size - 2, -1, -1):
            above[first + k] = above[first + k + 1] + _mass(y, m, h, k, 0.0, 1.0)
        stretch = math.sqrt(grid[1] ** 2 + (heads[r, 1] - grid[0]) ** 2)
        share[r] = stretch * above[first]
    share /= share.sum()
    return curvature, above, share


@inlined
def _way(grown: float, s: float, d: float, prior: Prior) -> float:
    """Way above the level once the leukaemia has grown by so much since the last sample."""
    return (
        course_above(s, d, 0.0, 0.0, prior) + grown
        if not prior.background
        else course_above(s, d + grown, 0.0, 0.0, prior)
    )


@compiled
def probability_reached(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    heads: Array,
    values: Array,
    curvature: Array,
    above: Array,
    share: Array,
    prior: Prior,
    days: float,
    log10_level: float,
) -> float:
    """Probability that the course has reached a level by some days after the last sample.

    Parameters
    ----------
    heads, values, curvature, above, share : ndarray of float
        From `inner_rows` and `prepared`.
    prior : Prior
        Priors.
    days : float
        Days after the last sample, 0 or more.
    log10_level : float
        The level, log10.

    Returns
    -------
    float
        Probability; a course that falls has reached it only if it lies above it at the last sample.
    """
    total = 0.0
    for r in range(heads.shape[0]):
        if share[r] < _TRIFLE:
            continue
        s, h = heads[r, 1], heads[r, 3]
        needed = log10_level - _way(max(s, 0.0) * days, s, heads[r, 2], prior)
        place = needed / h - heads[r, 4]
        number = int(heads[r, 5])
        if place <= 0.0:
            total += share[r]
        elif place < number - 1:
            first = int(heads[r, 6])
            k = int(place)
            y, m = values[first : first + number], curvature[first : first + number]
            part = above[first + k + 1] + _mass(y, m, h, k, place - k, 1.0)
            total += share[r] * part / above[first]
    return total


@compiled
def crossing_days(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    heads: Array,
    values: Array,
    curvature: Array,
    above: Array,
    share: Array,
    prior: Prior,
    log10_level: float,
    probabilities: Array,
    horizon: float,
) -> Array:
    """Days from the last sample by which a level is reached with given probabilities.

    Parameters
    ----------
    heads, values, curvature, above, share : ndarray of float
        From `inner_rows` and `prepared`.
    prior : Prior
        Priors.
    log10_level : float
        The level, log10.
    probabilities : ndarray of float, shape (p,)
        Asked.
    horizon : float
        Days beyond which nothing is said.

    Returns
    -------
    ndarray of float, shape (p,)
        Days; infinity where the probability is not reached before the horizon.
    """
    result = np.empty(probabilities.size)
    for q in range(probabilities.size):
        wanted = probabilities[q]
        low, high = 0.0, horizon
        below = probability_reached(heads, values, curvature, above, share, prior, low, log10_level) - wanted
        beyond = (
            probability_reached(heads, values, curvature, above, share, prior, high, log10_level) - wanted
        )
        if beyond < 0.0 or below >= 0.0:
            result[q] = np.inf if beyond < 0.0 else 0.0
            continue
        side = 0
        for step in range(_HALVINGS):
            # The probability rises fast at first: some halvings on a logarithmic scale, then false position.
            middle = math.sqrt((1.0 + low) * (1.0 + high)) - 1.0
            if step > 5:
                middle = low - below * (high - low) / (beyond - below)
            got = (
                probability_reached(heads, values, curvature, above, share, prior, middle, log10_level)
                - wanted
            )
            if got < 0.0:
                low, below = middle, got
                beyond = 0.5 * beyond if side == -1 and step > 5 else beyond
                side = -1
            else:
                high, beyond = middle, got
                below = 0.5 * below if side == 1 and step > 5 else below
                side = 1
            if abs(got) < 1e-10 or high - low < 1e-9 * (1.0 + high):
                break
        result[q] = middle
    return result


@compiled
def moments(  # noqa: PLR0917 - compiled: keywords would be compiled apart
    heads: Array, values: Array, share: Array, prior: Prior, days: Array
) -> tuple[Array, Array]:
    """Mean and standard deviation of log10 of the course on given days from the last sample.

    Parameters
    ----------
    heads, values, share : ndarray of float
        From `inner_rows` and `prepared`.
    prior : Prior
        Priors.
    days : ndarray of float, shape (d,)
        Days from the last sample.

    Returns
    -------
    tuple of ndarray of float, shape (d,)
        Mean and standard deviation, log10.
    """
    mean, square = np.zeros(days.size), np.zeros(days.size)
    for r in range(heads.shape[0]):
        first, number = int(heads[r, 6]), int(heads[r, 5])
        if share[r] < _TRIFLE:
            continue
        total = 0.0
        for k in range(number):
            total += math.exp(values[first + k])
        for k in range(number):
            if values[first + k] < -DEPTH:
                continue
            weight = share[r] * math.exp(values[first + k]) / total
            c = (heads[r, 4] + k) * heads[r, 3]
            for d in range(days.size):
                y = c + course_above(heads[r, 1], heads[r, 2], days[d], 0.0, prior)
                mean[d] += weight * y
                square[d] += weight * y * y
    return mean, np.sqrt(np.maximum(square - mean * mean, 0.0))
