"""Noise of the readings of a curve, from its own residuals, as it moves what is read off a few neighbouring cycles.

Readings are noisier in the rise and on the plateau than on the baseline, and neighbours are correlated in ways that
differ between instruments. So the noise is a profile along the curve, ``a + b g^2 + c 4 g (1 - g)`` with g the share
of its height that the sigmoid has risen by, times a correlation of unknown form.

In the rise the residuals of a real curve are mostly a smooth wave: the sigmoid's misfit to this well, no noise of its
readings. The profile is told by fourth differences, which do not see such a wave. The correlation is not modelled and
is not taken from the rise: the weights with which readings move a cycle are laid over the standardised residuals
at every place before the rise and after it, and the mean square of what they give is the variance.

Arrays are curves x cycles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from remnant.numerics.compiled import compiled
from remnant.numerics.sigmoid import SigmoidFits, sigmoid

__all__ = ["ReadingNoise", "moved_variance", "reading_noise"]

Floats = NDArray[np.float64]
Array = NDArray[Any]

_FOURTH: Final = np.array([1.0, -4.0, 6.0, -4.0, 1.0]) / math.sqrt(70.0)
_RISEN: Final = 0.05
"""Share of the height from which a reading tells of the rise."""
_LEVEL: Final = 0.85
"""Share from which it tells of the plateau."""
_FEWEST: Final = 3
"""Fourth differences without which a stretch has no variance of its own."""
_PLACES: Final = 5
"""Places that tell what correlated readings move."""
_BASELINE: Final = 15
"""Readings before the rise without which the rise tells of correlation too."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadingNoise:
    """Noise of the readings of each curve, columnar.

    Attributes
    ----------
    profile : ndarray, shape (n, k)
        Relative standard deviation of each reading, fluorescence.
    standardised : ndarray, shape (n, k)
        Residuals over it; NaN where a cycle is missing, and in the rise, where enough readings come before.
    """

    profile: Floats
    standardised: Floats


@compiled
def _parts(squares: Array, bend: Array, hill: Array, count: Array) -> tuple[float, float, float]:
    """``a``, ``b`` and ``c`` from the sums over baseline, rise and plateau; what a stretch cannot tell is 0."""
    if count[0] < _FEWEST:
        return squares.sum() / max(count.sum(), 1.0), 0.0, 0.0
    a = squares[0] / count[0]
    rise, plateau = max(squares[1] - a * count[1], 0.0), max(squares[2] - a * count[2], 0.0)
    b = plateau / bend[2] if count[2] >= _FEWEST else 0.0
    c = rise / hill[1] if count[1] >= _FEWEST else 0.0
    if min(count[1], count[2]) < _FEWEST:
        return a, b, c
    determinant = bend[2] * hill[1] - hill[2] * bend[1]
    joint_b = (plateau * hill[1] - rise * hill[2]) / determinant
    joint_c = (rise * bend[2] - plateau * bend[1]) / determinant
    if joint_b < 0.0:
        return a, 0.0, c
    if joint_c < 0.0:
        return a, b, 0.0
    return a, joint_b, joint_c


@compiled
def _profile_rows(residual: Array, risen: Array, fourth: Array, out: Array) -> None:
    """Variance of the readings from the mean squares of three stretches: baseline, rise and plateau."""
    rows, cycles = residual.shape
    squares, bend, hill, count = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for row in range(rows):
        squares[:] = 0.0
        bend[:] = 0.0
        hill[:] = 0.0
        count[:] = 0.0
        for i in range(2, cycles - 2):
            d = 0.0
            for k in range(5):
                d += fourth[k] * residual[row, i - 2 + k]
            if not math.isfinite(d):
                continue
            place = 0 if risen[row, i] < _RISEN else 1 if risen[row, i] < _LEVEL else 2
            squares[place] += d * d
            count[place] += 1.0
            for k in range(5):
                g, weight = risen[row, i - 2 + k], fourth[k] ** 2
                bend[place] += weight * g * g
                hill[place] += weight * 4.0 * g * (1.0 - g)
        a, b, c = _parts(squares, bend, hill, count)
        for i in range(cycles):
            g = risen[row, i]
            out[row, i] = math.sqrt(max(a + b * g * g + c * 4.0 * g * (1.0 - g), 1e-300))


@compiled
def moved_variance(weights: Array, first: int, profile: Array, standardised: Array) -> float:
    """Variance of a weighted sum of neighbouring readings.

    Parameters
    ----------
    weights : ndarray, shape (m,)
        What a unit of fluorescence at each reading moves the sum by.
    first : int
        Cycle of the first of them.
    profile, standardised : ndarray, shape (k,)
        Of one curve.

    Returns
    -------
    float
        Over the places that have all readings; where these are too few, as of independent readings. NaN without any.
    """
    total, places = 0.0, 0
    for at in range(standardised.size - weights.size + 1):
        moved = 0.0
        for i in range(weights.size):
            moved += weights[i] * profile[first + i] * standardised[at + i]
        if math.isfinite(moved):
            total += moved * moved
            places += 1
    if places >= _PLACES:
        return total / places
    own = squares = 0.0
    seen = 0
    for i in range(weights.size):
        own += (weights[i] * profile[first + i]) ** 2
    for value in standardised:
        if math.isfinite(value):
            squares += value * value
            seen += 1
    return own * squares / seen if seen else math.nan


def reading_noise(cycles: Floats, fluorescence: Floats, fits: SigmoidFits, *, misfit: Floats) -> ReadingNoise:
    """Noise of the readings of each curve.

    Parameters
    ----------
    cycles : ndarray, shape (k,)
        Cycle numbers.
    fluorescence : ndarray, shape (n, k)
        The curves that were fitted.
    fits : SigmoidFits
        Their fits.
    misfit : ndarray, shape (n, k)
        Part of the residuals that is no noise, `sigmoid_misfit.shared_misfit`.

    Returns
    -------
    ReadingNoise
        One row a curve.

    References
    ----------
    .. [1] Gasser, Sroka and Jennen-Steinmetz, Biometrika 73, 625-633 (1986): residual variance from differences.

    Examples
    --------
    >>> from remnant.numerics.sigmoid import fit_sigmoids
    >>> cycles = np.arange(1.0, 46.0)
    >>> shape, one = np.array([[3.2, 1.6, 0.0]]), np.ones(1)
    >>> curve = sigmoid(cycles, shape, floor=one, height=20.0 * one)
    >>> curve += np.random.default_rng(0).normal(0.0, 0.01, curve.shape)
    >>> noise = reading_noise(cycles, curve, fit_sigmoids(cycles, curve), misfit=np.zeros_like(curve))
    >>> np.median(noise.profile).round(3).item()
    0.008
    """
    count = len(fluorescence)
    with np.errstate(invalid="ignore", over="ignore"):
        risen = sigmoid(cycles, fits.shape, floor=np.zeros(count), height=np.ones(count))
        residual = fluorescence - fits.floor[:, None] - fits.height[:, None] * risen - misfit
        profile = np.empty_like(residual)
        _profile_rows(residual, risen, _FOURTH, profile)
        rising = (risen >= _RISEN) & (risen <= _LEVEL)
        early = (risen < _RISEN).sum(axis=1, keepdims=True)
        standardised = np.where(rising & (early >= _BASELINE), np.nan, residual / profile)
        return ReadingNoise(profile=profile, standardised=standardised)
